//! Framings of streamed bodies: where one event ends and the next begins.

pub mod sse;
