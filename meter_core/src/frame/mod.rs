//! Framings of streamed bodies: where one event ends and the next begins.

pub mod event_edit;
pub mod sse;
