//! The command line: what is printed, what is logged, how it ends.

use std::ffi::OsStr;
use std::io::Write;
use std::net::TcpListener;
use std::os::unix::ffi::OsStrExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::child::{FRAMEWRIGHT, Server, end_of, read, read_all, run, run_as, unread};
use crate::frame;

#[test]
fn serve_prints_where_it_listens_and_then_that_it_is_ready() {
    let server = Server::start(&["serve", "trim=0", "echo=127.0.0.2:0", "echo=localhost:0"]);
    let (ready, listening) = server.lines.split_last().unwrap();
    assert_eq!(ready, "ready");
    assert!(listening[0].starts_with("listening trim tcp 127.0.0.1:"), "{listening:?}");
    assert!(listening[1].starts_with("listening echo tcp 127.0.0.2:"), "{listening:?}");
    assert!(listening[2].starts_with("listening echo tcp "), "{listening:?}");
    assert!(listening.iter().all(|line| !line.ends_with(":0")), "{listening:?}");
}

#[test]
fn serve_is_the_command_if_none_is_named() {
    let server = Server::start(&["echo=0", "--buffer-size", "64"]);
    let output = run(&["send", &server.address("echo").to_string(), "hello"], b"");
    assert_eq!(output.stdout, b"hello\n");
}

#[test]
fn ipv6_works_where_the_machine_has_it() {
    if TcpListener::bind("[::1]:0").is_err() {
        return;
    }
    let server = Server::start(&["serve", "echo=[::1]:0"]);
    assert!(server.lines[0].starts_with("listening echo tcp [::1]:"), "{:?}", server.lines);
    let output = run(&["send", &server.address("echo").to_string(), "over IPv6"], b"");
    assert_eq!(output.stdout, b"over IPv6\n");
}

#[test]
fn send_prints_each_reply_on_a_line_of_its_own() {
    let server = Server::start(&["serve", "trim=0"]);
    let address = server.address("trim").to_string();
    let output = run(&["send", &address, "Four score and seven years ago", "short", "", "ten-chars-"], b"");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), " and seven years ago\n\n\n\n");
    assert_eq!(output.stderr, b"");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn send_takes_messages_from_the_lines_of_stdin() {
    let server = Server::start(&["serve", "echo=0"]);
    let address = server.address("echo").to_string();
    let output = run(&["send", &address], b"one\n\ntwo\r\n\xff\xfe\nlast");
    assert_eq!(output.stdout, b"one\n\ntwo\r\n\xff\xfe\nlast\n");
    assert_eq!(run(&["send", &address], b"").stdout, b"");
}

#[test]
fn a_message_on_the_command_line_may_be_any_bytes() {
    let server = Server::start(&["serve", "echo=0"]);
    let address = server.address("echo").to_string();
    let bytes = OsStr::from_bytes(b"caf\xe9");
    let output = run_as(Command::new(FRAMEWRIGHT).args(["send", &address]).arg(bytes), b"");
    assert_eq!(output.stdout, b"caf\xe9\n");
}

#[test]
fn send_does_not_block_on_a_message_that_nobody_can_hold() {
    let server = Server::start(&["serve", "echo=0", "--buffer-size", "64"]);
    let mut message = vec![b'm'; 12 << 20];
    message.push(b'\n');
    let output = run(&["send", &server.address("echo").to_string()], &message);
    assert!(output.stdout == message);
}

#[test]
fn send_speaks_the_framing_of_every_service() {
    let server = Server::start(&["serve", "hello=0", "kv=0", "message=0"]);
    let send = |framing: &str, service: &str, messages: &[&str]| {
        let address = server.address(service).to_string();
        let output = run(&[&["send", "--framing", framing, &address], messages].concat(), b"");
        (output.status.code(), String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let done = |lines: &str| (Some(0), lines.to_owned(), String::new());
    assert_eq!(send("raw", "hello", &["one", "two words"]), done("Echo: one\nEcho: two words\n"));
    assert_eq!(send("lines", "kv", &["SET colour deep blue", "GET colour"]), done("OK\ndeep blue\n"));
    let found = "{\"result\": \"deep blue\"}\n{\"result\": \"Error: invalid request.\"}\n";
    let search = r#"{"action": "search", "value": "colour"}"#;
    assert_eq!(send("json-header", "message", &[search, "no JSON"]), done(found));
    let (status, _, why) = send("raw", "hello", &[""]);
    assert_eq!(
        (status, why.as_str()),
        (Some(1), "framewright: an empty message is no byte at all in `--framing raw`\n")
    );
}

#[test]
fn wrong_usage_is_told_with_status_two() {
    for (args, told) in [
        (&["toast"][..], "there is no service `toast`; the services are trim, echo"),
        (&["serve", "echo=nowhere"], "the port is missing, or is no number"),
        (&["serve", "echo=::1"], "an IPv6 address needs brackets"),
        (&["--buffer-size", "100"], "must be a power of two from 64 to 65536"),
        (&["--buffer-size", "131072"], "must be a power of two from 64 to 65536"),
        (&["--idle-timeout", "0"], "must be above 0"),
        (&["--idle-timeout", "-3"], "unexpected argument"),
        (&["--max-clients", "many"], "not a number of clients"),
        (&["--max-clients", "0"], "must be at least 1"),
        (&["--frobnicate"], "unexpected argument '--frobnicate'"),
        (&["send"], "required arguments were not provided"),
        (&["send", "localhost", "x"], "the port is missing"),
        (&["send", "--framing", "morse", "1", "x"], "[possible values: u32, lines, raw, json-header]"),
    ] {
        let output = run(args, b"");
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {stderr}");
        assert!(stderr.contains(told), "{args:?}: {stderr}");
        assert_eq!(output.stdout, b"");
    }
}

#[test]
fn failure_is_told_with_status_one() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = run(&["serve", &format!("echo={address}")], b"");
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.starts_with(&format!("framewright: cannot listen on {address}: port already in use")), "{stderr}");
    assert_eq!(output.stdout, b"", "it never said that it was ready");
}

#[test]
fn a_closed_stdout_is_told_and_no_panic() {
    let server = Server::start(&["serve", "echo=0"]);
    let child = Command::new(FRAMEWRIGHT)
        .args(["send", &server.address("echo").to_string(), "a", "b"])
        .stdin(Stdio::null())
        .stdout(unread())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let output = end_of(child);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("Broken pipe") && !stderr.contains("panicked"), "{stderr}");
}

#[test]
fn help_shows_examples() {
    let output = run(&["--help"], b"");
    let help = String::from_utf8(output.stdout).unwrap();
    assert!(help.contains("Examples:") && help.contains("framewright send 127.0.0.1:4567"), "{help}");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn either_signal_stops_it_in_order_with_status_zero() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut server = Server::start(&["serve", "echo=0"]);
        let mut stream = server.connect("echo");
        stream.write_all(&frame(b"before")).unwrap();
        assert_eq!(read(&stream, 10), frame(b"before"));
        let begin = Instant::now();
        stream.write_all(&frame(b"received, and to be answered")).unwrap();
        server.signal(signal);
        assert_eq!(read_all(&stream), frame(b"received, and to be answered"));
        drop(stream);
        assert_eq!(server.wait().code(), Some(0));
        assert!(begin.elapsed() < Duration::from_secs(4), "{:?}", begin.elapsed());
        server.wait_for_log("stopped connections=1");
    }
}

#[test]
fn idle_clients_do_not_keep_a_server_from_stopping() {
    let mut server = Server::start(&["serve", "echo=0", "kv=0", "chat=0", "message=0", "hello=0"]);
    let header = br#"{"byteorder":"big","content-type":"a/b","content-encoding":"binary","content-length":0}"#;
    let request = [&u16::try_from(header.len()).unwrap().to_be_bytes(), &header[..]].concat();
    let x = frame(b"x");
    let asked: [(&str, &[u8], &[u8]); 6] = [
        ("echo", &x, &x),
        ("kv", b"GET x\n", b"ERROR\n"),
        ("chat", b"", b"* Welcome. What is your name?\n"),
        ("message", &request, b"\0"),
        ("hello", b"x", b"Echo: x"),
        ("echo", &x, &x),
    ];
    // An answer tells that the server has taken the connection, and not only the system for it.
    let idle = asked.map(|(service, question, answer)| {
        let mut stream = server.connect(service);
        stream.write_all(question).unwrap();
        assert_eq!(read(&stream, answer.len()), answer);
        stream
    });
    (&idle[5]).write_all(b"\0\0\0\x09half").unwrap();
    let begin = Instant::now();
    server.signal(Signal::TERM);
    assert_eq!(server.wait().code(), Some(0));
    assert!(begin.elapsed() < Duration::from_secs(3), "{:?}", begin.elapsed());
    assert_eq!(server.log().matches("closed: the server is stopping").count(), idle.len(), "{}", server.log());
    assert_eq!(read_all(&idle[0]), b"", "an end, and no reset");
}

#[test]
fn a_second_signal_stops_it_at_once() {
    let mut server = Server::start(&["serve", "echo=0"]);
    let stream = server.connect("echo");
    (&stream).write_all(&frame(b"x")).unwrap();
    read(&stream, 5);
    let begin = Instant::now();
    server.signal(Signal::INT);
    server.wait_for_log("stopping");
    server.signal(Signal::INT);
    assert_eq!(server.wait().code(), Some(1));
    assert!(begin.elapsed() < Duration::from_secs(4), "the client holds it for 5 s otherwise: {:?}", begin.elapsed());
}

#[test]
fn the_log_says_who_was_closed_and_why() {
    let server = Server::start(&["serve", "trim=0", "--max-frame", "1000"]);
    for (bytes, told) in [
        (&b"\0\0\x03\xe9"[..], "closed: frame at byte 0: length 1001 exceeds the limit of 1000 bytes"),
        (b"\0\0\0\x0cab\xff456789012", "closed: message at byte 0: the text is not valid UTF-8"),
        (b"\0\0\0\x0012345\0\0", "closed: frame at byte 4: length 825373492 exceeds the limit of 1000 bytes"),
    ] {
        let mut stream = server.connect("trim");
        let peer = stream.local_addr().unwrap();
        stream.write_all(bytes).unwrap();
        read_all(&stream);
        drop(stream);
        server.wait_for_log(told);
        server.wait_for_log(&format!("service=\"trim\" peer={peer} messages="));
    }
    let mut stream = server.connect("trim");
    stream.write_all(b"\0\0\0\x09abc").unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    read_all(&stream);
    server.wait_for_log("WARN closed: truncated: the stream ended inside a message (7 of its 13 bytes came)");
    server.wait_for_log("messages=0 received=7 sent=0");
}

#[test]
fn clean_ends_are_logged_for_those_who_ask() {
    let end = "DEBUG closed: the peer closed the connection";
    let talkative = Server::start(&["serve", "echo=0", "-v"]);
    run(&["send", &talkative.address("echo").to_string(), "x"], b"");
    talkative.wait_for_log(end);

    let chosen = Server::start_as(Command::new("env").args(["RUST_LOG=debug", FRAMEWRIGHT, "serve", "echo=0"]));
    run(&["send", &chosen.address("echo").to_string(), "x"], b"");
    chosen.wait_for_log(end);

    for args in [&["serve", "echo=0"][..], &["serve", "echo=0", "--quiet"]] {
        let mut server = Server::start(args);
        run(&["send", &server.address("echo").to_string(), "x"], b"");
        server.signal(Signal::TERM);
        server.wait();
        assert!(!server.log().contains("the peer closed"), "{}", server.log());
        assert_eq!(server.log().is_empty(), args.contains(&"--quiet"), "{}", server.log());
    }
}

#[test]
fn an_idle_client_is_disconnected_and_named() {
    let server = Server::start(&["serve", "echo=0", "--idle-timeout", "0.2"]);
    let stream = server.connect("echo");
    assert_eq!(read_all(&stream), b"");
    drop(stream);
    server.wait_for_log("closed: nothing moved for the idle timeout");
}

#[test]
fn shells_accept_the_completions_and_the_manual_has_every_command() {
    let completions = run(&["generate", "completions", "bash"], b"");
    assert_eq!(completions.status.code(), Some(0));
    let asked = [&completions.stdout[..], b"\ncomplete -p framewright\n"].concat();
    let bash = run_as(Command::new("bash").args(["--norc", "-s"]), &asked);
    let told = String::from_utf8(bash.stdout).unwrap();
    assert!(told.contains("framewright") && bash.status.success(), "{told}");
    for shell in ["zsh", "fish", "elvish", "powershell"] {
        assert!(!run(&["generate", "completions", shell], b"").stdout.is_empty(), "{shell}");
    }

    let directory = std::env::temp_dir().join(format!("framewright-man-{}", std::process::id()));
    std::fs::create_dir(&directory).unwrap();
    let written = run(&["generate", "man", directory.to_str().unwrap()], b"");
    let page = |name: &str| std::fs::read_to_string(directory.join(name)).unwrap_or_default();
    let (all, serve, send) = (page("framewright.1"), page("framewright-serve.1"), page("framewright-send.1"));
    std::fs::remove_dir_all(&directory).unwrap();
    assert_eq!(written.status.code(), Some(0));
    assert!(all.contains(".TH framewright 1") && all.contains("framewright\\-serve(1)"), "{all}");
    assert!(serve.contains("max\\-clients") && send.contains("reply\\-timeout"), "{serve} {send}");
    let printed = String::from_utf8(run(&["generate", "man"], b"").stdout).unwrap();
    assert_eq!(printed, all);

    let lost = run(&["generate", "man", "/nonexistent"], b"");
    assert_eq!(lost.status.code(), Some(1));
    assert!(String::from_utf8(lost.stderr).unwrap().starts_with("framewright: cannot write to /nonexistent: No such"));
    let help = String::from_utf8(run(&["--help"], b"").stdout).unwrap();
    assert!(help.contains("framewright generate completions bash"), "{help}");
    let commands = help.split("Options:").next().unwrap();
    assert!(!commands.contains("generate"), "it is hidden among the commands");
}
