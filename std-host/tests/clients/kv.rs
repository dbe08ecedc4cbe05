//! `framewright kv`.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::Duration;

use crate::child::{Server, run};
use crate::{deaf_port, serve_once, told};

fn kv(address: &str, request: &[&str]) -> (i32, String, String) {
    told(run(&[&["kv", "--addr", address], request].concat(), b""))
}

fn ok(answer: &str) -> (i32, String, String) {
    (0, format!("{answer}\n"), String::new())
}

#[test]
fn keys_are_set_got_and_deleted() {
    let server = Server::start(&["serve", "kv=0"]);
    let address = server.address("kv").to_string();
    let kv = |request: &[&str]| kv(&address, request);
    assert_eq!(kv(&["SET", "motto", "Four score and seven"]), ok("OK"));
    assert_eq!(kv(&["GET", "motto"]), ok("Four score and seven"));
    assert_eq!(kv(&["set", "motto", "several", "arguments", "", "漢字 👩‍🚀"]), ok("OK"));
    assert_eq!(kv(&["gEt", "motto"]), ok("several arguments  漢字 👩‍🚀"));
    assert_eq!(kv(&["SET", "number", "-5"]), ok("OK"));
    assert_eq!(kv(&["GET", "number"]), ok("-5"));
    assert_eq!(kv(&["SET", "option", "--", "-v", "x"]), ok("OK"));
    assert_eq!(kv(&["GET", "option"]), ok("-v x"));
    assert_eq!(kv(&["DELETE", "motto"]), ok("OK"));
    let long = "x".repeat(60_000);
    assert_eq!(kv(&["SET", "long", &long]), ok("OK"));
    assert_eq!(kv(&["GET", "long"]), ok(&long));
}

#[test]
fn an_error_is_printed_and_explained_with_status_one() {
    let server = Server::start(&["serve", "kv=0", "--max-value", "100"]);
    let address = server.address("kv").to_string();
    for (request, guess) in [
        (&["GET", "nothing"][..], "most likely it has no such key"),
        (&["delete", "nothing"], "most likely it has no such key"),
        (&["SET", "key", &"x".repeat(101)], "the value may be too long, or the store full"),
    ] {
        let (status, stdout, stderr) = kv(&address, request);
        assert_eq!((status, stdout.as_str()), (1, "ERROR\n"), "{request:?}");
        assert_eq!(stderr, format!("framewright: {address} answered ERROR: {guess}; the server's log says why\n"));
    }
}

#[test]
fn wrong_usage_is_told_before_anything_is_sent() {
    // Nobody listens there: an attempt to connect would fail with status 1.
    let (_socket, port) = deaf_port();
    for (request, why) in [
        (&[][..], "required arguments were not provided"),
        (&["GET"], "required arguments were not provided"),
        (&["GET", "a", "b"], "GET takes a key and no more"),
        (&["DELETE", "a", "b"], "DELETE takes a key and no more"),
        (&["SET", "a"], "SET takes a key and a value"),
        (&["SET", "a", " "], "SET takes a key and a value that is not blank"),
        (&["PUT", "a", "b"], "there is no command `PUT`: use GET, SET or DELETE"),
        (&["SET", "a b", "c"], "no white space"),
        (&["GET", "a\u{a0}b"], "no white space"),
        (&["GET", "a\nDELETE b"], "no white space"),
        (&["GET", ""], "at least one character"),
        (&["SET", "a", "b\nc"], "a value is one line"),
        (&["SET", "a", "b", "c\r\n"], "a value is one line"),
        (&["SET", "a", "b", "--frobnicate"], "unexpected argument '--frobnicate'"),
    ] {
        let (status, stdout, stderr) = kv(&port.to_string(), request);
        assert_eq!((status, stdout.as_str()), (2, ""), "{request:?}: {stderr}");
        assert!(stderr.contains(why), "{request:?}: {stderr}");
        assert!(stderr.contains("Usage: framewright kv [OPTIONS] GET KEY"), "{request:?}: {stderr}");
    }
}

#[test]
fn what_goes_wrong_is_told_in_words_with_status_one() {
    let (_socket, port) = deaf_port();
    let address = format!("127.0.0.1:{port}");
    let failed = |address: &str, more: &[&str], why: &str| {
        let (status, stdout, stderr) = kv(address, &[more, &["GET", "key"]].concat());
        assert_eq!((status, stdout.as_str()), (1, ""), "{stderr}");
        assert!(stderr.starts_with(&format!("framewright: {why}")), "{stderr}");
    };
    failed(&address, &[], &format!("cannot connect to {address}: connection refused: is the server running?"));
    let name = format!("{}.invalid:6380", "x".repeat(64));
    failed(&name, &[], &format!("cannot find {}: name not found", name.trim_end_matches(":6380")));

    let (address, serving) = serve_once(|mut stream| stream.read_exact(&mut [0; 8]).unwrap());
    failed(&address, &[], &format!("no reply from {address}: closed before the reply: the server's log may say why"));
    serving.join().unwrap();

    for piece in [&b"OK"[..], b"half of a long val", b"\r"] {
        let (address, serving) = serve_once(move |mut stream| {
            stream.read_exact(&mut [0; 8]).unwrap();
            stream.write_all(piece).unwrap();
        });
        let why = format!("no reply from {address}: closed before the reply: the server's log may say why (truncated:");
        failed(&address, &[], &why);
        serving.join().unwrap();
    }

    let (address, serving) = serve_once(|mut stream| {
        stream.read_exact(&mut [0; 8]).unwrap();
        socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
    });
    failed(&address, &[], &format!("no reply from {address}: reset by peer"));
    serving.join().unwrap();

    let (tell, told) = std::sync::mpsc::channel::<()>();
    let (address, serving) = serve_once(move |_stream| _ = told.recv());
    let why = format!("no reply from {address}: timed out: the server does not answer (waited 0.2 s)");
    failed(&address, &["--reply-timeout", "0.2"], &why);
    drop(tell);
    serving.join().unwrap();
}

#[test]
fn names_and_ipv6_addresses_are_found() {
    let server = Server::start(&["serve", "kv=localhost:0"]);
    let port = server.address("kv").port();
    assert_eq!(kv(&format!("localhost:{port}"), &["SET", "a", "b"]), ok("OK"));
    if TcpListener::bind("[::1]:0").is_ok() {
        let server = Server::start(&["serve", "kv=[::1]:0"]);
        assert_eq!(kv(&server.address("kv").to_string(), &["SET", "a", "b"]), ok("OK"));
    }
}

#[test]
fn the_request_is_one_line_and_the_answer_may_come_in_pieces() {
    let (address, serving) = serve_once(|mut stream| {
        let mut request = [0; 14];
        stream.read_exact(&mut request).unwrap();
        assert_eq!(&request, b"SET key a  b\xc3\xa9\n"[..14].as_ref());
        for piece in [&b"O"[..], b"K\r", b"\n"] {
            stream.write_all(piece).unwrap();
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    assert_eq!(kv(&address, &["set", "key", "a", "", "bé"]), ok("OK"));
    serving.join().unwrap();
}
