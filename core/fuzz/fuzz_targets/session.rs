//! Any bytes to any service. The check is `core/tests/fuzzed/session.rs`, which `cargo test` runs too.

#![no_main]

#[allow(dead_code, reason = "the test makes the seeds")]
#[path = "../../tests/fuzzed/session.rs"]
mod session;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| session::run(data));
