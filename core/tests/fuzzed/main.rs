//! The checks of the fuzz targets in `core/fuzz`, on the inputs that fuzzing starts from and on random ones: what the targets hold
//! against each other, `cargo test` does too.
//!
//! The inputs are files in `core/fuzz/seeds/TARGET`, made here. To make them again:
//!
//! ```sh
//! FRAMEWRIGHT_MAKE_SEEDS=1 cargo test -p core --test fuzzed
//! ```

#![cfg(feature = "json")]

mod any_split;
#[allow(dead_code, reason = "the test `splits` uses all of it")]
#[path = "../splits/laws.rs"]
mod laws;
#[path = "../splits/model.rs"]
mod model;
mod round_trip;
mod session;
#[path = "../splits/users.rs"]
mod users;
#[path = "../splits/ways.rs"]
mod ways;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

/// Runs the seeds of a target, and checks that they are those in its directory.
fn replay(target: &str, seeds: Vec<(String, Vec<u8>)>, run: fn(&[u8])) {
    let directory = directory(target);
    let made: BTreeMap<String, Vec<u8>> = seeds.into_iter().collect();
    if std::env::var_os("FRAMEWRIGHT_MAKE_SEEDS").is_some() {
        fs::create_dir_all(&directory).expect("a directory that can be made");
        for (name, seed) in &made {
            fs::write(directory.join(name), seed).expect("a file that can be written");
        }
    }
    for (name, seed) in &made {
        let file = fs::read(directory.join(name)).unwrap_or_else(|error| panic!("{target}/{name}: {error}"));
        assert!(file == *seed, "{target}/{name} is not what is made here");
    }
    // Others lie there too, which fuzzing has found.
    for file in fs::read_dir(&directory).expect("a directory") {
        run(&fs::read(file.expect("an entry").path()).expect("a file"));
    }
}

fn directory(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(target)
}

#[test]
fn any_split_of_each_seed_gives_the_frames_of_a_slow_reader() {
    replay("any_split", any_split::seeds(), any_split::run);
}

#[test]
fn each_seed_is_encoded_alike_in_all_ways_and_comes_back() {
    replay("round_trip", round_trip::seeds(), round_trip::run);
}

#[test]
fn each_seed_is_answered_alike_however_bytes_come_and_go() {
    replay("session", session::seeds(), session::run);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn seeds_that_were_changed_hold_too(
        seed in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        target in 0..3,
    ) {
        let (seeds, run): (_, fn(&[u8])) = match target {
            0 => (any_split::seeds(), any_split::run),
            1 => (round_trip::seeds(), round_trip::run),
            _ => (session::seeds(), session::run),
        };
        let mut data = seed.get(&seeds).1.clone();
        for (at, value) in changes {
            *at.get_mut(&mut data) = value;
        }
        run(&data);
    }
}
