//! The command as a user runs it: what it prints and how it exits.

use std::process::{Command, Output};

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_smoltcp-demo")).args(arguments).output().expect("the command starts")
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("text")
}

#[test]
fn the_loopback_prints_its_table_and_exits_0() {
    let output = run(&["--device", "loopback", "--segment", "536", "--max-clients", "3"]);
    let text = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    for word in ["messages", "segments", "cut", "several", "missions", "every answer was right"] {
        assert!(text.contains(word), "no '{word}' in:\n{text}");
    }
    let rows: Vec<&str> = text.lines().filter(|line| line.trim_start().starts_with("536 ")).collect();
    assert_eq!(rows.len(), 8, "one row a service:\n{text}");
}

#[test]
fn a_service_may_be_chosen_and_moved() {
    let output = run(&["echo=7", "--segment", "1460"]);
    let text = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("echo tcp 7,") && !text.contains("trim"), "{text}");
}

#[test]
fn wrong_usage_exits_2_and_says_what_is_wrong() {
    for (arguments, what) in [
        (&["--segment", "0"][..], "--segment"),
        (&["ecco"][..], "the services are"),
        (&["trim=7", "echo=7"][..], "two services"),
        (&["--max-clients", "0"][..], "1 to 4096"),
    ] {
        let output = run(arguments);
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {text}");
        assert!(text.contains(what), "{arguments:?}: {text}");
    }
}
