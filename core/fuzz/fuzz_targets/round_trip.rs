//! What is encoded comes back. The check is `core/tests/fuzzed/round_trip.rs`, which `cargo test` runs too.

#![no_main]

#[allow(dead_code, reason = "the test makes the seeds")]
#[path = "../../tests/fuzzed/round_trip.rs"]
mod round_trip;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| round_trip::run(data));
