//! The core of tokmeter: bytes, instants and names go in, values come out.
//!
//! It owns detection, decoding, framing, usage, pricing and budgets. It refuses to know sockets, files, threads,
//! the environment and the clock: capture adapters bring bytes and the time, exporters read a [`snapshot`].

pub mod budget;
pub mod cost;
pub mod decode;
pub mod detect;
pub mod dialect;
pub mod frame;
pub mod headers;
pub mod json_scan;
pub mod limits;
pub mod money;
pub mod price_book;
pub mod tokenizer;
pub mod usage;
