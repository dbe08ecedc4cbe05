//! What clients get, in good weather.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use super::client::{LineClient, ask, connect, framed};
use super::namespace::{in_a_namespace, ip};
use super::process::Server;
use super::{CHAT, ECHO, KV, SERVER, TIMEOUT, TRIM};

#[test]
fn clients_on_the_kernels_stack_are_served() {
    in_a_namespace(|| {
        let server = Server::start(&[]);
        assert_eq!(server.listening.len(), 8);
        assert_eq!(server.listening[0], "listening trim tcp 192.168.69.1:4567");
        assert_eq!(ask(TRIM, &framed(b"Four score and seven years ago")), framed(b" and seven years ago"));
        assert_eq!(ask(KV, b"SET key value\r\nGET key\n"), b"OK\nvalue\n");
        // Many times longer than any buffer, both ways at once.
        let long = framed(&(0..3_000_000_u32).map(|n| n.to_le_bytes()[0] ^ n.to_le_bytes()[1]).collect::<Vec<u8>>());
        assert!(ask(ECHO, &long) == long);

        let socket = UdpSocket::bind("0.0.0.0:0").expect("a socket");
        socket.set_read_timeout(Some(TIMEOUT)).expect("a timeout");
        let longest = [b'u'; 1472];
        for datagram in [&b"datagram"[..], b"", &longest] {
            socket.send_to(datagram, SocketAddr::from((SERVER, 3456))).expect("sent");
            let mut answer = [1; 2000];
            let (len, _) = socket.recv_from(&mut answer).expect("the answer");
            assert_eq!(&answer[..len], datagram);
        }
        let ended = server.stop("INT");
        assert!(ended.printed.contains("3 clients served, 0 refused"), "{ended:?}");
        assert!(!ip("link show").contains("framewright0"), "the interface is still there");
    });
}

#[test]
fn what_is_said_in_the_chat_is_heard_by_all_others_and_what_is_stored_is_found_by_all() {
    in_a_namespace(|| {
        let server = Server::start(&[]);
        let mut members: Vec<LineClient> = ["ann", "bob", "cem"]
            .into_iter()
            .map(|name| {
                let mut member = LineClient::connect(CHAT);
                member.say(name);
                member.hear_of(&format!("You are {name}"));
                member.hear_of("No messages");
                member
            })
            .collect();
        members[0].hear_of("cem joined");
        members[1].hear_of("cem joined");
        members[2].say("hello everyone 👋");
        for member in &mut members[..2] {
            let line = member.hear();
            assert!(line.ends_with("] cem: hello everyone 👋") && line.starts_with('['), "{line}");
        }
        // The speaker gets no copy: the next it hears is what comes behind.
        members[0].say("/msg cem only you");
        assert!(members[2].hear().contains("only you"));
        members[1].say("/quit");
        assert!(members[0].hear_of("bob").ends_with("* bob left"));

        assert_eq!(ask(KV, b"set colour deep blue\n"), b"OK\n");
        assert_eq!(ask(KV, b"GET colour\nDELETE colour\nGET colour\n"), b"deep blue\nOK\nERROR\n");
        let header =
            br#"{"byteorder":"little","content-type":"text/json","content-encoding":"utf-8","content-length":35}"#;
        let content = br#"{"action":"search","value":"colour"}"#;
        let header = String::from_utf8(header.to_vec()).expect("text").replace("35", &content.len().to_string());
        let length = u16::try_from(header.len()).expect("a length").to_be_bytes();
        let answer = ask(65433, &[&length[..], header.as_bytes(), content].concat());
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.ends_with(r#"{"result": "No match for 'colour'."}"#), "{answer}");
        assert_eq!(ask(65432, b"one"), b"Echo: one");
        let time = String::from_utf8(ask(65431, b"")).expect("text");
        assert!(time.len() == 32 && &time[10..11] == "T" && !time.starts_with("1970"), "{time}");
        drop(members);
        server.stop("TERM");
    });
}

#[test]
fn fifty_clients_connect_at_once_and_none_is_starved() {
    in_a_namespace(|| {
        let server = Server::start(&["--max-clients", "50", "echo"]);
        let message = framed(&vec![b'x'; 20_000]);
        let begin = Instant::now();
        let clients: Vec<_> = (0..50)
            .map(|_| {
                let message = message.clone();
                std::thread::spawn(move || {
                    let answer = ask(ECHO, &message);
                    assert!(answer == message);
                    begin.elapsed()
                })
            })
            .collect();
        let times: Vec<Duration> = clients.into_iter().map(|client| client.join().expect("a client")).collect();
        // A SYN that is refused, or lost, would cost a second at least.
        let slowest = times.iter().max().expect("times");
        assert!(*slowest < Duration::from_secs(5), "{times:?}");
        let ended = server.stop("TERM");
        assert!(ended.printed.contains("50 clients served, 0 refused"), "{ended:?}");
    });
}

#[test]
fn a_client_too_many_is_refused_and_served_when_there_is_room() {
    in_a_namespace(|| {
        let server = Server::start(&["--max-clients", "1", "kv"]);
        let mut first = connect(KV);
        first.write_all(b"SET a 1\n").expect("sent");
        let mut answer = [0; 3];
        first.read_exact(&mut answer).expect("an answer");
        let refused = TcpStream::connect_timeout(&SocketAddr::from((SERVER, KV)), TIMEOUT);
        assert_eq!(refused.expect_err("refused").kind(), ErrorKind::ConnectionRefused);
        drop(first);
        let begin = Instant::now();
        while TcpStream::connect_timeout(&SocketAddr::from((SERVER, KV)), TIMEOUT).is_err() {
            assert!(begin.elapsed() < TIMEOUT, "the slot is not free again");
            std::thread::sleep(Duration::from_millis(10));
        }
        server.stop("INT");
    });
}

#[test]
fn a_server_without_traffic_sleeps() {
    in_a_namespace(|| {
        let server = Server::start(&["echo"]);
        let client = connect(ECHO);
        server.wait_for_log("connected");
        let watch = Duration::from_secs(2);
        let before = server.effort();
        std::thread::sleep(watch); // the time that is measured
        let after = server.effort();
        // A server that looks whether something has come does so a thousand times a second, or all the time. The kernel tells its
        // neighbours of a new interface; that is a few frames.
        assert!(after.ticks - before.ticks <= 2, "{before:?} {after:?}");
        assert!(after.naps - before.naps <= 20, "{before:?} {after:?}");
        drop(client);
        server.stop("INT");
    });
}

#[test]
fn a_client_that_does_not_read_keeps_nobody_waiting() {
    in_a_namespace(|| {
        let server = Server::start(&["echo"]);
        let mut lazy = connect(ECHO);
        lazy.set_nonblocking(true).expect("set");
        let message = framed(&vec![b'l'; 10_000_000]);
        let mut sent = 0;
        // Until the server has taken what it can: its window stays closed while the others are served.
        let full = |lazy: &mut TcpStream, sent: &mut usize| match lazy.write(&message[*sent..]) {
            Ok(n) => {
                *sent += n;
                false
            }
            Err(error) => error.kind() == ErrorKind::WouldBlock,
        };
        let begin = Instant::now();
        let mut quiet = Instant::now();
        while quiet.elapsed() < Duration::from_millis(300) {
            assert!(begin.elapsed() < TIMEOUT && sent < message.len(), "it takes what nobody reads: {sent}");
            if !full(&mut lazy, &mut sent) {
                quiet = Instant::now();
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        let other = framed(&vec![b'o'; 200_000]);
        assert!(ask(ECHO, &other) == other);
        let before = server.effort();
        std::thread::sleep(Duration::from_secs(1)); // the time that is measured
        assert!(server.effort().ticks - before.ticks <= 5, "a closed window is no reason to be busy");

        // It gets all of it, once it reads.
        lazy.set_nonblocking(false).expect("set");
        let mut writer = lazy.try_clone().expect("a second handle");
        let rest = message[sent..].to_vec();
        let sending = std::thread::spawn(move || writer.write_all(&rest).expect("sent"));
        let mut answer = vec![0; message.len()];
        lazy.read_exact(&mut answer).expect("the answer");
        assert!(answer == message);
        sending.join().expect("all was sent");
        drop(lazy);
        server.stop("INT");
    });
}
