//! Fuzz target: see `meter_core_fuzz::json_scan`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| meter_core_fuzz::json_scan(data));
