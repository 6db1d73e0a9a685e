//! The eBPF side of tokmeter: loads the programs, attaches them to functions and tracepoints, and reads their records.
//!
//! Owns the kernel's objects and the layout of records. Refuses to know what the bytes mean: it hands over plaintext as it
//! was copied, and the core makes exchanges of it. Nothing of it is kept here, and no record outlives the call that reads it.
#![allow(clippy::disallowed_methods, reason = "the core reads no file and no clock; this crate is what does")]

#[cfg(target_os = "linux")]
mod attacher;
#[cfg(target_os = "linux")]
mod error;
mod go;
mod gopclntab;
mod image;
mod limits;
mod record;
mod returns;
mod symbols;
#[cfg(target_os = "linux")]
mod tracer;

pub use image::{Function, Image, ImageError};
pub use record::{ConnectionKey, Direction, Event, Layer, Record, Traffic};
#[cfg(target_os = "linux")]
pub use {
    attacher::{Attacher, Attachment},
    error::TracerError,
    tracer::{Counters, Destination, Settings, Tracer},
};
