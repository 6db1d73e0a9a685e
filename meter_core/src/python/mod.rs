//! The Python module `tokmeter._core`: conversions only. The algorithm lives in the rest of the crate, which knows no
//! Python; the documented interface is `python/tokmeter/_core.pyi`.

// The interpreter hands arguments over by value, and PyO3 asks for `self` references on methods that ignore them.
#![allow(
    clippy::needless_pass_by_value,
    clippy::unused_self,
    missing_docs,
    reason = "the stub documents this surface"
)]

mod attribution;
mod batch;
mod budget;
mod decision;
mod entry;
mod exchange;
mod host;
mod meter;
#[cfg(target_os = "linux")]
mod people;
mod policies;
mod price_book;
mod providers;
mod request;
mod snapshot;
mod tokenizer;
#[cfg(target_os = "linux")]
mod tracer;
#[cfg(target_os = "linux")]
mod tracing;

use pyo3::prelude::*;

#[pymodule]
mod _core {
    #[pymodule_export]
    use super::attribution::Attribution;
    #[pymodule_export]
    use super::budget::Budget;
    #[pymodule_export]
    use super::decision::{Admit, Cut, Forward, Refuse, Replace, Rewrite};
    #[pymodule_export]
    use super::entry::LedgerEntry;
    #[pymodule_export]
    use super::exchange::Exchange;
    #[pymodule_export]
    use super::host::HostRule;
    #[pymodule_export]
    use super::meter::Meter;
    #[pymodule_export]
    use super::policies::Policies;
    #[pymodule_export]
    use super::price_book::{Charge, PriceBook};
    #[pymodule_export]
    use super::providers::{built_in_hosts, coverage};
    #[pymodule_export]
    use super::request::Request;
    #[pymodule_export]
    use super::snapshot::Snapshot;
    #[pymodule_export]
    use super::tokenizer::{Tokenizer, get_tokenizer};
    #[cfg(target_os = "linux")]
    #[pymodule_export]
    use super::tracer::{Tracer, functions, names};
    #[cfg(target_os = "linux")]
    #[pymodule_export]
    use super::tracing::Tracing;
}
