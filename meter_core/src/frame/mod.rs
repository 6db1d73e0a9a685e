//! Framing of streamed replies: bytes in any cut, frames out. No frame's content is looked at here.

pub mod sse;
