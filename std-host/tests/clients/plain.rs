//! `framewright chat` where stdin or stdout is no terminal.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::child::{FRAMEWRIGHT, Server, end_of, run, unread};
use crate::peer::Peer;
use crate::{deaf_port, read_to_end, serve_once, told};

fn chat(address: &str, more: &[&str], stdin: &[u8]) -> (i32, String, String) {
    told(run(&[&["chat", "--addr", address], more].concat(), stdin))
}

/// A chat whose stdin stays open.
fn start(address: &str, name: &str) -> Child {
    start_with(address, name, Stdio::piped())
}

fn start_with(address: &str, name: &str, stdout: Stdio) -> Child {
    Command::new(FRAMEWRIGHT)
        .args(["chat", "--addr", address, "--name", name])
        .stdin(Stdio::piped())
        .stdout(stdout)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn lines_go_both_ways_and_all_is_answered_before_it_ends() {
    let server = Server::start(&["serve", "chat=0"]);
    let mut bob = Peer::join(server.address("chat"), "bob");
    bob.say("before");
    bob.say("/who");
    bob.wait_for("*   bob");
    let said = "hello, 漢字 👩‍🚀\r\n\n//slash\n/msg bob psst\n/who\nlast";
    let (status, stdout, stderr) = chat(&server.address("chat").to_string(), &["--name", " ann lee "], said.as_bytes());
    assert_eq!((status, stderr.as_str()), (0, ""));
    let lines: Vec<_> = stdout.lines().collect();
    assert_eq!(
        lines[..3],
        ["* Welcome. What is your name?", "* You are ann lee. /help lists the commands.", "* The last 1 message:"]
    );
    assert!(lines[3].ends_with("] bob: before"), "{stdout}");
    assert_eq!(lines[4..], ["* Here now (2):", "*   bob", "*   ann lee"]);
    for text in ["* ann lee joined", "ann lee: hello, 漢字 👩‍🚀", "ann lee: /slash", "ann lee (private): psst"]
    {
        assert!(bob.wait_for("] ").ends_with(text), "{text}");
    }
    assert!(bob.wait_for("] ").ends_with("ann lee: last"), "the last line needs no line end");
    bob.wait_for("* ann lee left");
}

#[test]
fn without_a_name_one_is_a_guest() {
    let server = Server::start(&["serve", "chat=0"]);
    let (status, stdout, _) = chat(&server.address("chat").to_string(), &[], b"");
    assert_eq!(status, 0);
    assert!(stdout.contains("* You are Guest_"), "{stdout}");
}

#[test]
fn what_others_say_comes_while_stdin_is_open() {
    let server = Server::start(&["serve", "chat=0"]);
    let mut bob = Peer::join(server.address("chat"), "bob");
    let mut child = start(&server.address("chat").to_string(), "ann");
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line == "* No messages to repeat."));
    bob.say("are you there?");
    assert!(lines.next().unwrap().ends_with("bob: are you there?"));
    child.stdin.as_mut().unwrap().write_all(b"yes\n").unwrap();
    bob.wait_for("ann: yes");
    drop(child.stdin.take());
    assert_eq!(end_of(child).status.code(), Some(0));
}

#[test]
fn who_quits_leaves_though_stdin_is_open() {
    let server = Server::start(&["serve", "chat=0"]);
    let mut child = start(&server.address("chat").to_string(), "ann");
    child.stdin.as_mut().unwrap().write_all(b" /quit now\n").unwrap();
    let mut stdout = String::new();
    child.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
    assert!(stdout.ends_with("* Bye.\n"), "{stdout}");
    assert_eq!(end_of(child).status.code(), Some(0));
}

#[test]
fn refusals_are_printed_and_what_was_said_before_and_after_is_said() {
    let server = Server::start(&["serve", "chat=0"]);
    let mut bob = Peer::join(server.address("chat"), "bob");
    let mut said = b"\xff\xfe\n".to_vec();
    said.extend([b'x'; 5000]);
    said.extend(b"\n");
    said.extend(vec![b'y'; 100_000]);
    said.extend(b"\n/nonsense\ngood\n");
    let (status, stdout, stderr) = chat(&server.address("chat").to_string(), &["--name", "ann"], &said);
    assert_eq!(status, 0, "{stderr}");
    for told in [
        "[ERROR] Received invalid data.",
        "[ERROR] The line is too long: at most 1024 bytes. It was not sent.",
        "[ERROR] There is no command /nonsense. /help lists them.",
    ] {
        assert!(stdout.contains(told), "{stdout}");
    }
    assert!(stderr.starts_with("framewright: a line of stdin was not said: "), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    bob.wait_for("ann joined");
    assert!(bob.wait_for("] ").ends_with("ann: good"));
}

#[test]
fn a_flood_is_heard_whole_and_in_order() {
    let server = Server::start(&["serve", "chat=0", "--chat-rate", "0"]);
    let mut bob = Peer::join(server.address("chat"), "bob");
    let said: Vec<_> = (0..3_000).map(|i| format!("line {i}\n")).collect();
    let address = server.address("chat").to_string();
    let saying = std::thread::spawn(move || chat(&address, &["--name", "ann"], said.concat().as_bytes()));
    for i in 0..3_000 {
        assert!(bob.wait_for(": line ").ends_with(&format!("ann: line {i}")), "line {i}");
    }
    assert_eq!(saying.join().unwrap().0, 0);
}

#[test]
fn a_server_whose_answers_are_longer_than_what_is_said_does_not_block() {
    // 24 bytes of input, and 68 of output, a line: both ways fill if nobody reads.
    let server = Server::start(&["serve", "chat=0", "--chat-rate", "1"]);
    let said = "a line, and a few bytes\n".repeat(200_000);
    let (status, stdout, stderr) = chat(&server.address("chat").to_string(), &["--name", "ann"], said.as_bytes());
    assert_eq!((status, stderr.as_str()), (0, ""));
    let refused = stdout.lines().filter(|line| line.starts_with("[ERROR] Too fast")).count();
    assert!((190_000..200_000).contains(&refused), "{refused}");
}

#[test]
fn nothing_that_a_server_says_can_command_a_terminal() {
    let (address, serving) = serve_once(|mut stream| {
        stream.write_all("\u{1b}[2J\u{9b}31m a\tb\u{202e}c\u{7}\r\nplain é\nlast".as_bytes()).unwrap();
        assert_eq!(read_to_end(&stream), b"ann\n");
    });
    let (status, stdout, _) = chat(&address, &["--name", "ann"], b"");
    assert_eq!((status, stdout.as_str()), (0, "?[2J?31m a b?c?\nplain é\nlast\n"));
    serving.join().unwrap();
}

#[test]
fn what_goes_wrong_is_told_in_words_with_status_one() {
    let (_socket, port) = deaf_port();
    let failed = |address: &str, stdin: &[u8], why: &str| {
        let (status, _, stderr) = chat(address, &["--reply-timeout", "0.3", "--name", "ann"], stdin);
        assert_eq!(status, 1, "{stderr}");
        assert!(stderr.starts_with(&format!("framewright: {why}")), "{stderr}");
    };
    failed(&format!("127.0.0.1:{port}"), b"", &format!("cannot connect to 127.0.0.1:{port}: connection refused"));
    let name = format!("{}.invalid:1", "x".repeat(64));
    failed(&name, b"", &format!("cannot find {}: name not found", name.trim_end_matches(":1")));

    // A server that never closes.
    let (tell, told) = std::sync::mpsc::channel::<()>();
    let (address, serving) = serve_once(move |_stream| _ = told.recv());
    failed(&address, b"x\n", &format!("no reply from {address}: timed out: the server does not answer"));
    drop(tell);
    serving.join().unwrap();

    // A server that never reads.
    let (tell, told) = std::sync::mpsc::channel::<()>();
    let (address, serving) = serve_once(move |_stream| _ = told.recv());
    let begin = Instant::now();
    let much = b"a line\n".repeat(4_000_000);
    failed(&address, &much, &format!("cannot send to {address}: timed out: the server does not read"));
    assert!(begin.elapsed() < Duration::from_secs(25), "{:?}", begin.elapsed());
    drop(tell);
    serving.join().unwrap();

    let (address, serving) = serve_once(|mut stream| {
        stream.read_exact(&mut [0; 4]).unwrap();
        socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
    });
    failed(&address, b"", &format!("no reply from {address}: reset by peer"));
    serving.join().unwrap();
}

#[test]
fn a_server_that_closes_before_stdin_ends_is_told() {
    let (address, serving) = serve_once(|mut stream| {
        stream.read_exact(&mut [0; 4]).unwrap();
        stream.write_all(b"[ERROR] The room is full.\n").unwrap();
    });
    let child = start(&address, "ann");
    // Its stdin is closed only when it has ended.
    let mut child = child;
    let stdin = child.stdin.take();
    let (status, stdout, stderr) = told(end_of(child));
    assert_eq!((status, stdout.as_str()), (1, "[ERROR] The room is full.\n"));
    assert_eq!(stderr, format!("framewright: {address} closed the connection: its log may say why\n"));
    drop(stdin);
    serving.join().unwrap();
}

#[test]
fn a_closed_stdout_is_told_and_no_panic() {
    let server = Server::start(&["serve", "chat=0"]);
    let mut child = start_with(&server.address("chat").to_string(), "ann", unread());
    let stdin = child.stdin.take();
    let (status, _, stderr) = told(end_of(child));
    assert_eq!((status, stderr.as_str()), (1, "framewright: cannot write to stdout: Broken pipe (os error 32)\n"));
    drop(stdin);
}

#[test]
fn a_name_is_one_line() {
    let (status, _, stderr) = chat("1", &["--name", "a\nb"], b"");
    assert_eq!(status, 2);
    assert!(stderr.contains("a name is one line"), "{stderr}");
}
