//! `kv`: what is answered, what is refused and why, and that all clients see one store.

use std::net::Shutdown;
use std::thread;

use crate::child::Server;
use crate::client::Client;
use crate::wait_until;

#[test]
fn requests_are_answered_as_the_contract_says() {
    let server = Server::start(&["serve", "kv=0"]);
    let mut client = Client::connect(&server, "kv");
    for (request, answer) in [
        ("SET greeting hello world", "OK"),
        ("GET greeting", "hello world"),
        ("get greeting", "hello world"),
        ("sEt greeting  two  spaces  inside  ", "OK"),
        ("GET greeting", "two  spaces  inside"),
        ("GET nothing", "ERROR"),
        ("DELETE nothing", "ERROR"),
        ("SET greeting", "ERROR"),
        ("SET", "ERROR"),
        ("GET", "ERROR"),
        ("GET greeting again", "ERROR"),
        ("DELETE greeting again", "ERROR"),
        ("TOAST greeting", "ERROR"),
        ("", "ERROR"),
        ("   ", "ERROR"),
        ("SET 🦀 crab 👩‍🚀", "OK"),
        ("GET 🦀", "crab 👩‍🚀"),
        ("  GET   greeting  ", "two  spaces  inside"),
        ("GET greeting\r", "two  spaces  inside"),
        ("DELETE greeting", "OK"),
        ("GET greeting", "ERROR"),
    ] {
        assert_eq!(client.ask(request), answer, "{request:?}");
    }
    client.send(b"SET bad \xff\xfe\nGET \xf0\x9f\nSET good yes\n");
    assert_eq!([client.read(), client.read(), client.read()], ["ERROR", "ERROR", "OK"]);
    server.wait_for_log("answered ERROR: the line is not valid UTF-8");
    server.wait_for_log("answered ERROR: unknown command");
    assert!(server.log().contains(&format!("peer={}", client.address())), "{}", server.log());
}

#[test]
fn a_last_request_without_a_line_end_is_answered_after_a_half_close() {
    let server = Server::start(&["serve", "kv=0"]);
    let mut client = Client::connect(&server, "kv");
    client.send(b"SET a 1\nGET a");
    client.stream().shutdown(Shutdown::Write).unwrap();
    assert_eq!(client.read_all(), b"OK\n1\n");
}

#[test]
fn a_thousand_requests_in_one_write_and_one_byte_at_a_time_are_answered_alike() {
    let server = Server::start(&["serve", "kv=0"]);
    let requests = (0..500).map(|i| format!("SET k{i} value {i}\nGET k{i}\n")).collect::<Vec<_>>().concat();
    let answers = (0..500).map(|i| format!("OK\nvalue {i}\n")).collect::<Vec<_>>().concat();
    let mut client = Client::connect(&server, "kv");
    client.send(requests.as_bytes());
    client.stream().shutdown(Shutdown::Write).unwrap();
    assert_eq!(String::from_utf8(client.read_all()).unwrap(), answers);
    let mut client = Client::connect(&server, "kv");
    for byte in &requests.as_bytes()[..300] {
        client.send(&[*byte]);
    }
    client.stream().shutdown(Shutdown::Write).unwrap();
    let lines = requests[..300].matches('\n').count();
    let got = String::from_utf8(client.read_all()).unwrap();
    let wanted: Vec<_> = answers.lines().take(lines).collect();
    assert_eq!(got.lines().take(lines).collect::<Vec<_>>(), wanted);
}

#[test]
fn many_clients_share_one_store_at_every_address() {
    let server = Server::start(&["serve", "kv=0", "kv=[::1]:0"]);
    let addresses: Vec<std::net::SocketAddr> =
        server.lines.iter().filter_map(|line| line.strip_prefix("listening kv tcp ")?.parse().ok()).collect();
    assert_eq!(addresses.len(), 2);
    thread::scope(|scope| {
        for n in 0..8 {
            let address = addresses[n % 2];
            scope.spawn(move || {
                let mut client = Client::new(std::net::TcpStream::connect(address).unwrap());
                for i in 0..100 {
                    assert_eq!(client.ask(&format!("SET key-{n}-{i} {n}/{i}")), "OK");
                    assert_eq!(client.ask(&format!("SET shared {n}-{i}")), "OK");
                    assert_eq!(client.ask("GET shared").split('-').count(), 2);
                }
            });
        }
    });
    for address in addresses {
        let mut client = Client::new(std::net::TcpStream::connect(address).unwrap());
        for n in 0..8 {
            for i in [0, 57, 99] {
                assert_eq!(client.ask(&format!("GET key-{n}-{i}")), format!("{n}/{i}"));
            }
        }
    }
}

#[test]
fn what_is_too_much_is_refused_and_the_rest_stays() {
    let limits = ["--max-keys", "2", "--max-key", "8", "--max-value", "10", "--max-store", "25"];
    let server = Server::start(&[&["serve", "kv=0"][..], &limits].concat());
    let mut client = Client::connect(&server, "kv");
    for (request, answer, why) in [
        ("SET 12345678 0123456789", "OK", ""),
        ("SET 123456789 x", "ERROR", "the key is too long"),
        ("SET b 0123456789x", "ERROR", "the value is too long"),
        ("GET 123456789", "ERROR", "unknown key"),
        ("SET b 012345", "OK", ""),
        ("SET c x", "ERROR", "the store is full"),
        ("SET b 0123456", "ERROR", "the store is full"),
        ("SET b 0", "OK", ""),
        ("SET b 012345", "OK", ""),
        ("DELETE 12345678", "OK", ""),
        ("SET c x", "OK", ""),
        ("GET b", "012345", ""),
    ] {
        assert_eq!(client.ask(request), answer, "{request}");
        if !why.is_empty() {
            server.wait_for_log(&format!("answered ERROR: {why}"));
        }
    }
    // So much longer than its buffer that it is dropped as it comes.
    client.send(&[&b"SET long "[..], &b"x".repeat(1_000_000), b"\nGET c\n"].concat());
    assert_eq!([client.read(), client.read()], ["ERROR", "x"]);
    assert!(!server.log().contains("0123456789x") && !server.log().contains("xxxx"), "no value is in the log");
}

#[test]
fn the_longest_key_and_value_fit_whatever_the_buffer_size_is() {
    let server = Server::start(&["serve", "kv=0", "--buffer-size", "64"]);
    let mut client = Client::connect(&server, "kv");
    let (key, value) = ("k".repeat(256), "v".repeat(65_536));
    assert_eq!(client.ask(&format!("SET {key} {value}")), "OK");
    assert_eq!(client.ask(&format!("get {key}")), value);
    assert_eq!(client.ask(&format!("SET {key}k {value}")), "ERROR");
    assert_eq!(client.ask(&format!("SET {key} {value}v")), "ERROR");
    assert_eq!(client.ask(&format!("DELETE {key}")), "OK");
}

#[test]
fn a_flood_of_mistakes_does_not_fill_the_log() {
    let server = Server::start(&["serve", "kv=0"]);
    let mut client = Client::connect(&server, "kv");
    client.send("GET nothing\n".repeat(5000).as_bytes());
    for _ in 0..5000 {
        assert_eq!(client.read(), "ERROR");
    }
    wait_until("the rest is counted", || {
        client.ask("GET nothing");
        server.log().contains("untold=")
    });
    let lines = server.log().matches("answered ERROR").count();
    assert!((20..200).contains(&lines), "{lines} lines");
}
