//! Framings of streamed bodies: where one event ends and the next begins.
//!
//! Each is a push parser that hands payload on as it arrives and keeps none of it. Each names, per chunk, the offset just behind
//! the last complete event: there a stream can be cut and words of ours can follow.

pub mod event_edit;
pub mod event_stream;
pub mod json_array;
pub mod json_lines;
pub mod sse;
pub mod web_socket;
