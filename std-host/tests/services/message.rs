//! `message`: requests with typed content, about the store of `kv`.

use std::io::Write;
use std::net::{Shutdown, TcpStream};

use crate::child::{Server, read_all};
use crate::client::Client;

/// A request: its header says what is said here, and all that it must.
fn request(content_type: &str, encoding: &str, content: &[u8]) -> Vec<u8> {
    let header = format!(
        r#"{{"byteorder": "little", "content-type": "{content_type}", "content-encoding": "{encoding}", "content-length": {}}}"#,
        content.len()
    );
    framed(&header, content)
}

fn framed(header: &str, content: &[u8]) -> Vec<u8> {
    [&u16::try_from(header.len()).unwrap().to_be_bytes(), header.as_bytes(), content].concat()
}

/// Sends bytes, half-closes, and returns all that comes.
fn exchange(mut stream: &TcpStream, bytes: &[u8]) -> String {
    stream.write_all(bytes).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    String::from_utf8(read_all(stream)).unwrap()
}

/// The contents of answers, one after the other; each header must be of this type.
fn contents(mut answers: &str, content_type: &str, encoding: &str) -> Vec<String> {
    let mut contents = Vec::new();
    while !answers.is_empty() {
        let length = usize::from(u16::from_be_bytes(*answers.as_bytes().first_chunk().unwrap()));
        let header = &answers[2..2 + length];
        for part in [
            r#""byteorder": ""#,
            &format!(r#""content-type": "{content_type}""#),
            &format!(r#""content-encoding": "{encoding}""#),
        ] {
            assert!(header.contains(part), "{header}");
        }
        let len: usize = header.split(r#""content-length": "#).nth(1).unwrap().trim_end_matches('}').parse().unwrap();
        contents.push(answers[2 + length..2 + length + len].to_owned());
        answers = &answers[2 + length + len..];
    }
    contents
}

fn text(action: &str, value: &str) -> Vec<u8> {
    request("text/json", "utf-8", format!(r#"{{"action":"{action}","value":"{value}"}}"#).as_bytes())
}

#[test]
fn searches_find_what_clients_of_kv_have_set() {
    for size in ["64", "4096"] {
        let server = Server::start(&["serve", "kv=0", "message=0", "--buffer-size", size]);
        let mut kv = Client::connect(&server, "kv");
        assert_eq!(kv.ask("SET morpheus Follow the white rabbit. 🐰"), "OK");
        assert_eq!(kv.ask(r#"SET quote say "hi" \ bye"#), "OK");
        let long = "l".repeat(256);
        assert_eq!(kv.ask(&format!("SET {long} {}", "v".repeat(65_536))), "OK");
        let requests = [
            text("search", "morpheus"),
            text("search", "trinity"),
            text("dance", "morpheus"),
            text("search", "quote"),
            text("search", &long),
        ];
        let answers = exchange(&server.connect("message"), &requests.concat());
        assert_eq!(
            contents(&answers, "text/json", "utf-8"),
            [
                r#"{"result": "Follow the white rabbit. 🐰"}"#.to_owned(),
                r#"{"result": "No match for 'trinity'."}"#.to_owned(),
                r#"{"result": "Error: invalid action 'dance'."}"#.to_owned(),
                r#"{"result": "say \"hi\" \\ bye"}"#.to_owned(),
                format!(r#"{{"result": "{}"}}"#, "v".repeat(65_536)),
            ]
        );
        assert_eq!(kv.ask("DELETE morpheus"), "OK");
        let answers = exchange(&server.connect("message"), &text("search", "morpheus"));
        assert_eq!(contents(&answers, "text/json", "utf-8"), [r#"{"result": "No match for 'morpheus'."}"#]);
    }
}

#[test]
fn a_request_of_another_type_is_answered_with_its_first_bytes() {
    let server = Server::start(&["serve", "message=0", "--buffer-size", "64"]);
    let long = b"z".repeat(1_000_000);
    for (content, first) in
        [(&b"0123456789abcdef"[..], "0123456789"), (b"short", "short"), (b"", ""), (&long, "zzzzzzzzzz")]
    {
        let answers = exchange(&server.connect("message"), &request("binary/x", "binary", content));
        let answers = contents(&answers, "binary/custom-server-binary-type", "binary");
        assert_eq!(answers, [format!("First 10 bytes of request: {first}")]);
    }
}

#[test]
fn a_header_that_is_incomplete_or_malformed_closes_the_connection_and_is_logged() {
    let server = Server::start(&["serve", "message=0"]);
    for header in [
        r#"{"byteorder": "little", "content-type": "text/json", "content-encoding": "utf-8"}"#,
        r#"{"byteorder": "little", "content-type": "text/json", "content-length": 0}"#,
        r#"{"content-type": "text/json", "content-encoding": "utf-8", "content-length": 0}"#,
        "not json",
        "",
    ] {
        let stream = server.connect("message");
        let from = format!("peer={}", stream.local_addr().unwrap());
        assert_eq!(exchange(&stream, &framed(header, b"")), "", "{header}");
        server.wait_for_log(&from);
        let log = server.log();
        let line = log.lines().find(|line| line.contains(&from)).unwrap();
        assert!(line.contains("WARN") && line.contains("closed"), "{line}");
    }
    for content in [&b"[1, 2"[..], b"", br#"{"value": "x"}"#, br#"{"action": "search"}"#] {
        let answers = exchange(&server.connect("message"), &request("text/json", "utf-8", content));
        assert_eq!(contents(&answers, "text/json", "utf-8"), [r#"{"result": "Error: invalid request."}"#]);
    }
}

#[test]
fn a_header_may_be_as_long_as_its_length_can_say() {
    let server = Server::start(&["serve", "message=0", "--buffer-size", "64"]);
    for length in [1000, 10_000, 65_535] {
        let start = r#"{"byteorder": "big", "content-type": "text/plain", "content-encoding": "utf-8", "content-length": 3, "x": ""#;
        let header = format!("{start}{}\"}}", "x".repeat(length - start.len() - 2));
        assert_eq!(header.len(), length);
        let answers =
            exchange(&server.connect("message"), &[framed(&header, b"abc"), framed(&header, b"def")].concat());
        let first = |content| format!("First 10 bytes of request: {content}");
        let answers = contents(&answers, "binary/custom-server-binary-type", "binary");
        assert_eq!(answers, [first("abc"), first("def")], "{length}");
    }
}
