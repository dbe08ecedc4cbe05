//! The table of `docs/pitfalls.md` names tests that are there.

use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn each_row_of_the_table_of_pitfalls_names_tests_that_exist() {
    let table = include_str!("../docs/pitfalls.md");
    let rows: Vec<&str> = table.lines().filter(|line| line.starts_with("| ")).skip(1).collect();
    assert_eq!(rows.len(), 16, "rows");
    for row in rows {
        let tests = row.trim_end_matches('|').rsplit('|').next().expect("a last column");
        let names: Vec<_> = tests.split('`').filter_map(|word| word.split_once("::")).collect();
        assert!(!names.is_empty(), "no test in {row}");
        for (place, name) in names {
            assert!(source(place).contains(&format!("fn {name}(")), "there is no test {place}::{name}");
        }
    }
}

/// The source of the tests of a place, all its files in one.
fn source(place: &str) -> String {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = match place {
        "pool" | "loopback" => vec![package.join(format!("src/{place}/tests.rs"))],
        "flood" => vec![package.join("src/pool/flood_tests.rs")],
        "simulation" => vec![package.join("tests/simulation.rs")],
        "tap" => files_in(&package.join("tests/tap")),
        "firmware" => files_in(&package.join("../tests/firmware")),
        device => vec![package.join(format!("src/device/{device}.rs"))],
    };
    let read = |path: PathBuf| fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    files.into_iter().map(read).collect()
}

fn files_in(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    entries.map(|entry| entry.expect("an entry").path()).collect()
}
