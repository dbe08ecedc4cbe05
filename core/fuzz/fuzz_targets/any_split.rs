//! Any bytes, cut anywhere, by any way into the decoder. The check is `core/tests/fuzzed/any_split.rs`, which `cargo test` runs too.

#![no_main]

#[allow(dead_code, reason = "the test makes the seeds")]
#[path = "../../tests/fuzzed/any_split.rs"]
mod any_split;
#[allow(dead_code, reason = "the test `splits` uses all of it")]
#[path = "../../tests/splits/laws.rs"]
mod laws;
#[path = "../../tests/splits/model.rs"]
mod model;
#[path = "../../tests/splits/users.rs"]
mod users;
#[path = "../../tests/splits/ways.rs"]
mod ways;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| any_split::run(data));
