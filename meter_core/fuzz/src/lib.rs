//! What must hold of the core for any bytes at all: one function a target, each takes the bytes and panics where it does not hold.
//!
//! The fuzz targets call these, and so does `tests/any_bytes.rs` of the core, which tries them on the seeds and on what is near
//! them. Nothing here knows who generates the bytes.

mod dialects;
mod documents;
mod exchanges;
mod framings;
mod input;
mod seeds;
mod stages;
pub mod tokens;
mod traced;

pub use dialects::{reply, request};
pub use documents::json_scan;
pub use exchanges::exchange;
pub use framings::{event_stream, json_array, json_lines, sse, web_socket};
pub use seeds::seeds;
pub use stages::decode;
pub use traced::connections;

/// A target: its name and what must hold.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: [Target; 12] = [
    ("decode", decode),
    ("sse", sse),
    ("event_stream", event_stream),
    ("json_lines", json_lines),
    ("json_array", json_array),
    ("web_socket", web_socket),
    ("json_scan", json_scan),
    ("request", request),
    ("reply", reply),
    ("exchange", exchange),
    ("connections", connections),
    ("tokens", tokens::tokens),
];
