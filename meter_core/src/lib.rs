//! The core of tokmeter: bytes, instants and names go in, values come out.
//!
//! It owns detection, decoding, framing, usage, pricing and budgets. It refuses to know sockets, files, threads,
//! the environment and the clock: capture adapters bring bytes and the time, exporters read a [`snapshot`].

/// By the name that tests outside of it use, whose helpers some inside share.
#[cfg(test)]
extern crate self as meter_core;

pub mod attribution;
pub mod budget;
pub mod connection;
pub mod cost;
pub mod decode;
pub mod detect;
pub mod dialect;
pub mod exchange;
pub mod fingerprint;
pub mod frame;
pub mod headers;
pub mod json_scan;
pub mod limits;
mod message_cache;
pub mod meter;
pub mod money;
mod name_pattern;
pub mod price_book;
pub mod prompt_rules;
pub mod snapshot;
pub mod tokenizer;
pub mod usage;

#[cfg(feature = "python")]
mod python;
