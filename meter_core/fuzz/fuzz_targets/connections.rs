//! Fuzz target: see `meter_core_fuzz::connections`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| meter_core_fuzz::connections(data));
