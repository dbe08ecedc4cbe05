//! The tables of known ways to go wrong name tests that are there.

use std::fs;
use std::path::{Path, PathBuf};

/// Each row of a page's table names at least one test as `place::name`, and it is in the source of that place.
fn check(page: &str, rows: usize, source: impl Fn(&str) -> Vec<PathBuf>) {
    let table = read(&root().join(page));
    let found: Vec<&str> = table.lines().filter(|line| line.starts_with("| ")).skip(1).collect();
    assert_eq!(found.len(), rows, "rows");
    for row in found {
        let tests = row.trim_end_matches('|').rsplit('|').next().expect("a last column");
        let names: Vec<_> = tests.split('`').filter_map(|word| word.split_once("::")).collect();
        assert!(!names.is_empty(), "no test in {row}");
        for (place, name) in names {
            let is_there = source(place).iter().any(|file| read(file).contains(&format!("fn {name}(")));
            assert!(is_there, "there is no test {place}::{name}");
        }
    }
}

#[test]
fn each_row_of_the_table_for_decoders_names_tests_that_exist() {
    check("core/docs/pitfalls.md", 18, |file| {
        let tests = root().join("core/tests");
        let alone = tests.join(format!("{file}.rs"));
        vec![if alone.exists() { alone } else { tests.join(file).join("main.rs") }]
    });
}

#[test]
fn each_row_of_the_table_for_smoltcp_names_tests_that_exist() {
    let package = root().join("smoltcp-demo");
    check("smoltcp-demo/docs/pitfalls.md", 17, |place| match place {
        "pool" | "loopback" => vec![package.join(format!("src/{place}/tests.rs"))],
        "flood" | "succession" => vec![package.join(format!("src/pool/{place}_tests.rs"))],
        "simulation" => vec![package.join("tests/simulation.rs")],
        "tap" => files_in(&package.join("tests/tap")),
        "firmware" => files_in(&root().join("tests/firmware")),
        device => vec![package.join(format!("src/device/{device}.rs"))],
    });
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn files_in(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    entries.map(|entry| entry.expect("an entry").path()).collect()
}
