//! The table of `docs/pitfalls.md` names tests that are there.

use std::path::Path;

#[test]
fn each_row_of_the_table_of_pitfalls_names_tests_that_exist() {
    let table = include_str!("../docs/pitfalls.md");
    let rows: Vec<&str> = table.lines().filter(|line| line.starts_with("| ")).skip(1).collect();
    assert_eq!(rows.len(), 18, "rows");
    for row in rows {
        let tests = row.trim_end_matches('|').rsplit('|').next().expect("a last column");
        let names: Vec<_> = tests.split('`').filter_map(|word| word.split_once("::")).collect();
        assert!(!names.is_empty(), "no test in {row}");
        for (file, name) in names {
            assert!(source(file).contains(&format!("fn {name}(")), "there is no test {file}::{name}");
        }
    }
}

/// The source of a test of this package.
fn source(file: &str) -> String {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let alone = tests.join(format!("{file}.rs"));
    let path = if alone.exists() { alone } else { tests.join(file).join("main.rs") };
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
