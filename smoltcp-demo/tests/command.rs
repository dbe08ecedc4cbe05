//! The command as a user runs it: what it prints and how it exits.

use std::process::{Command, Output};

fn run(arguments: &[&str]) -> Output {
    // Never on an interface of this machine, whoever runs the tests.
    Command::new(env!("CARGO_BIN_EXE_smoltcp-demo"))
        .args(["--device", "loopback"])
        .args(arguments)
        .output()
        .expect("the command starts")
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("text")
}

#[test]
fn the_loopback_prints_its_table_and_exits_0() {
    let output = run(&["--segment", "536", "--max-clients", "3"]);
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

#[test]
fn the_trace_shows_a_message_begin_go_on_and_end() {
    let output = run(&["trim", "--segment", "7", "--trace"]);
    let text = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(!text.contains('\u{1b}'), "colours in a pipe:\n{text}");
    let lines: Vec<&str> = text.lines().skip_while(|line| !line.contains("message 1 begins")).take(9).collect();
    let expected = [
        "─▶ trim         7 B  message 1 begins: [30] \"Fou\" (7 of 34)",
        "─▶ trim         7 B  message 1 goes on: \"r score\" (14 of 34)",
        "─▶ trim         7 B  message 1 goes on: \" and se\" (21 of 34)",
        "─▶ trim         7 B  message 1 goes on: \"ven yea\" (28 of 34)",
        "─▶ trim         6 B  message 1 ends: \"rs ago\" (34 of 34, in 5 segments)",
        "◀─ trim         7 B  answer 1 begins: [20] \" an\" (7 of 24)",
        "◀─ trim         7 B  answer 1 goes on: \"d seven\" (14 of 24)",
        "◀─ trim         7 B  answer 1 goes on: \" years \" (21 of 24)",
        "◀─ trim         3 B  answer 1 ends: \"ago\" (24 of 24, in 4 segments)",
    ];
    for (line, expected) in lines.iter().zip(expected) {
        assert!(line.contains(expected), "{line}\n{expected}");
    }
    assert!(text.contains("every answer was right"), "{text}");
}

#[test]
fn the_trace_shows_several_messages_in_a_segment_and_what_is_lost_and_sent_again() {
    let output = run(&["echo", "--segment", "1460", "--trace", "--drop", "0.2", "--seed", "1"]);
    let text = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    for words in ["whole", " │ ", "more", "LOST on its way: SYN", "LOST on its way: an ack", "AGAIN · SYN"] {
        assert!(text.contains(words), "no '{words}' in:\n{text}");
    }
    // Of each segment with bytes that is lost or sent again, it is told which messages these are of.
    let told = |what: &str| text.lines().filter(|line| line.contains(what)).collect::<Vec<_>>();
    let lost: Vec<_> = told("LOST on its way").into_iter().filter(|line| !line.contains(" 0 B ")).collect();
    let again = told("sent AGAIN:");
    assert!(lost.len() > 3 && again.len() > 3, "{text}");
    for line in lost.iter().chain(&again) {
        let (_, what) = line.split_once(": ").expect("what it is");
        assert!(what.starts_with("message ") || what.starts_with("answer "), "{line}");
    }
}

#[test]
fn colours_are_for_those_who_want_them() {
    let run = |variables: &[(&str, &str)]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_smoltcp-demo"));
        command.args(["--device", "loopback", "time", "--segment", "1460", "--trace"]).env_remove("NO_COLOR");
        stdout(&command.envs(variables.iter().copied()).output().expect("the command starts"))
    };
    assert!(run(&[("CLICOLOR_FORCE", "1")]).contains('\u{1b}'));
    assert!(!run(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]).contains('\u{1b}'));
}

#[test]
fn a_capture_holds_every_frame_in_the_order_of_time() {
    let path = std::env::temp_dir().join(format!("framewright-{}.pcap", std::process::id()));
    let output = run(&["echo", "--pcap", path.to_str().expect("a path")]);
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
    let file = std::fs::read(&path).expect("the capture");
    std::fs::remove_file(&path).expect("removed");
    let number = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().expect("four bytes"));
    assert_eq!((number(0), number(20)), (0xa1b2_c3d4, 1));
    let (mut at, mut last, mut frames) = (24, (0, 0), 0);
    while at < file.len() {
        let time = (number(at), number(at + 4));
        assert!(time >= last, "frame {frames} at {time:?} after {last:?}");
        assert_eq!(number(at + 8), number(at + 12));
        last = time;
        at += 16 + number(at + 8) as usize;
        frames += 1;
    }
    assert_eq!(at, file.len());
    // Each of the four runs has clients, and with segments of one byte there are more than ten thousand frames.
    assert!(frames > 10_000, "{frames}");
}

#[test]
fn a_capture_that_cannot_be_written_is_an_error_in_words() {
    let output = run(&["--pcap", "/nowhere/x.pcap"]);
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("cannot write the capture /nowhere/x.pcap"), "{text}");
}
