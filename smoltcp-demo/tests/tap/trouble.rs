//! What goes wrong: with the interface, with the clients, with the rights of whoever starts the server.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{IpProtocol, Ipv4Packet, Ipv4Repr, TcpControl, TcpPacket, TcpRepr, TcpSeqNumber};
use socket2::{Domain, Protocol, Socket, Type};

use super::client::{LineClient, ask, connect, framed};
use super::namespace::{find, in_a_namespace, ip};
use super::process::{Server, command};
use super::{CHAT, ECHO, KV, SERVER, TIMEOUT, TRIM};

#[test]
fn an_interface_that_goes_down_and_comes_back_costs_no_client() {
    in_a_namespace(|| {
        let server = Server::start(&["--tap", "fw1", "kv"]);
        let mut client = connect(KV);
        let mut ask = |request: &[u8], answer: &[u8]| {
            client.write_all(request).expect("sent");
            let mut got = vec![0; answer.len()];
            client.read_exact(&mut got).expect("an answer");
            assert_eq!(got, answer);
        };
        ask(b"SET a 1\n", b"OK\n");
        ip("link set dev fw1 down");
        let before = server.effort();
        std::thread::sleep(Duration::from_millis(500)); // the server has something to lose meanwhile
        assert!(server.effort().ticks - before.ticks <= 5, "an interface that is down is no reason to be busy");
        ip("link set dev fw1 up");
        ask(b"GET a\n", b"1\n");
        server.signal("INT");
        drop(client);
        assert_eq!(server.wait().status.code(), Some(0));
    });
}

#[test]
fn an_interface_that_is_removed_ends_the_server_in_words() {
    in_a_namespace(|| {
        let server = Server::start(&["kv"]);
        let client = connect(KV);
        server.wait_for_log("connected");
        ip("link delete dev framewright0");
        let ended = server.wait();
        assert_eq!((ended.status.code(), ended.status.signal()), (Some(1), None));
        assert!(ended.log.iter().any(|line| line.contains("the interface was removed")), "{ended:?}");
        drop(client);
    });
}

#[test]
fn a_server_that_is_told_to_stop_answers_what_came_and_closes() {
    in_a_namespace(|| {
        let server = Server::start(&["echo"]);
        let mut client = connect(ECHO);
        client.write_all(&framed(b"one")).expect("sent");
        let mut answer = vec![0; 7];
        client.read_exact(&mut answer).expect("an answer");
        server.signal("TERM");
        let mut rest = Vec::new();
        assert_eq!(client.read_to_end(&mut rest).expect("the end, in order"), 0);
        drop(client);
        assert_eq!(server.wait().status.code(), Some(0));
        assert!(!ip("link show").contains("framewright0"), "the interface is still there");
    });
}

#[test]
fn where_there_is_no_interface_the_loopback_is_used_or_the_reason_given() {
    in_a_namespace(|| {
        let server = Server::start(&["kv"]);
        let mut anything = Command::new(env!("CARGO_BIN_EXE_smoltcp-demo"));
        falls_back(&output(anything.args(["--segment", "1460", "trim"])));

        let refused = output(&mut command(&["trim"]));
        assert_eq!(refused.status.code(), Some(1));
        let text = String::from_utf8_lossy(&refused.stderr);
        assert!(text.contains("Another program uses it"), "{text}");
        server.stop("INT");
    });
}

#[test]
fn without_the_right_to_make_an_interface_it_says_what_to_do_and_that_works() {
    in_a_namespace(|| {
        let Some(setpriv) = find("setpriv", "util-linux") else { return };
        // A root that may not configure networks: without a user id that an outer namespace would have to know.
        let unprivileged = |arguments: &[&str]| {
            let mut command = Command::new(&setpriv);
            command.args(["--bounding-set=-net_admin", "--inh-caps=-net_admin", env!("CARGO_BIN_EXE_smoltcp-demo")]);
            command.args(arguments);
            command
        };
        falls_back(&output(&mut unprivileged(&["--segment", "1460", "trim"])));
        let refused = output(&mut unprivileged(&["--device", "tap"]));
        assert_eq!(refused.status.code(), Some(1));
        let text = String::from_utf8(refused.stderr).expect("text");
        assert!(text.contains("framewright0 cannot be had") && text.contains("Operation not permitted"), "{text}");

        // What it says is done, by somebody who may.
        let advice: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("    sudo ")).collect();
        assert_eq!(advice.len(), 3, "{text}");
        for line in advice {
            assert!(Command::new("sh").args(["-c", line]).status().expect("sh starts").success(), "{line}");
        }
        let server = Server::of(&mut unprivileged(&["--device", "tap", "trim"]));
        assert_eq!(ask(TRIM, &framed(b"0123456789abc")), framed(b"abc"));
        server.stop("INT");
        // Somebody made it to stay, and it does.
        assert!(ip("link show").contains("framewright0"));
    });
}

#[test]
fn addresses_that_are_no_neighbours_are_wrong_usage() {
    let output = output(&mut command(&["--address", "10.0.0.1/24", "--host-address", "10.0.1.2/24"]));
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("two addresses of one network"));
}

#[test]
fn a_flood_of_syns_from_nowhere_does_not_keep_a_client_out() {
    in_a_namespace(|| {
        let server = Server::start(&["--max-clients", "8", "echo"]);
        assert_eq!(ask(ECHO, &framed(b"before")), framed(b"before"));
        let (stop, stopped) = std::sync::mpsc::channel::<()>();
        let count = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&count);
        let flood = std::thread::spawn(move || {
            let socket = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::from(255))).expect("a raw socket");
            let mut sent = 0_u32;
            // From neighbours that do not answer, and from far away.
            while stopped.try_recv().is_err() {
                let [high, low] = u16::try_from(sent % 60_000).expect("a port").to_be_bytes();
                let from = if sent.is_multiple_of(2) { [192, 168, 69, 2 + low % 90] } else { [10, 9, high, low] };
                let to = SocketAddr::from((SERVER, 0));
                if socket.send_to(&syn(from.into(), sent), &to.into()).is_ok() {
                    sent += 1;
                    counted.store(sent, Ordering::Relaxed);
                }
                if sent.is_multiple_of(16) {
                    std::thread::sleep(Duration::from_millis(5)); // some three thousand a second
                }
            }
        });
        server.wait_for_log("not completed");
        // A SYN that finds no room is sent again by the client's TCP. Nobody is refused. Less than a thousand SYNs are no flood.
        let begin = Instant::now();
        let mut answered = 0;
        while answered < 2 || count.load(Ordering::Relaxed) < 1000 {
            let message = framed(&vec![b'm'; 10_000]);
            let mut client = loop {
                assert!(begin.elapsed() < TIMEOUT, "nobody gets through");
                let attempt = TcpStream::connect_timeout(&SocketAddr::from((SERVER, ECHO)), TIMEOUT);
                match attempt {
                    Ok(client) => break client,
                    Err(error) => assert_ne!(error.kind(), std::io::ErrorKind::ConnectionRefused),
                }
            };
            client.set_read_timeout(Some(TIMEOUT)).expect("a timeout");
            client.write_all(&message).expect("sent");
            let mut answer = vec![0; message.len()];
            client.read_exact(&mut answer).expect("the answer, in the midst of the flood");
            assert!(answer == message);
            answered += 1;
        }
        stop.send(()).expect("it runs");
        flood.join().expect("the flood");
        assert_eq!(ask(ECHO, &framed(b"after")), framed(b"after"));
        server.stop("TERM");
    });
}

#[test]
fn clients_that_vanish_give_their_slots_back() {
    in_a_namespace(|| {
        let server = Server::start(&["--max-clients", "3", "--keep-alive", "1", "chat"]);
        ip("address add 192.168.69.101/24 dev framewright0");
        let from = |host: u8| {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
            socket.bind(&SocketAddr::from(([192, 168, 69, host], 0)).into()).expect("an address of ours");
            socket.connect(&SocketAddr::from((SERVER, CHAT)).into()).expect("a connection");
            TcpStream::from(socket)
        };
        let gone: Vec<TcpStream> = (0..2).map(|_| from(101)).collect();
        for client in &gone {
            server.wait_for_log(&format!("{}", client.local_addr().expect("an address")));
        }
        let mut healthy = LineClient::connect(CHAT);
        healthy.say("healthy");
        healthy.hear_of("You are healthy");
        // Nobody is there any more to answer, or to reset.
        ip("address delete 192.168.69.101/24 dev framewright0");
        for client in &gone {
            let line = server.wait_for_log(&format!("{}", client.local_addr().expect("an address")));
            assert!(line.contains("reset") || line.contains("broke"), "{line}");
        }
        let next: Vec<LineClient> = (0..2).map(|_| LineClient::connect(CHAT)).collect();
        healthy.say("/who");
        assert!(healthy.hear_of("healthy").contains("healthy"), "it was asked as often, and answered");
        drop((next, healthy));
        server.stop("INT");
    });
}

fn output(command: &mut Command) -> Output {
    command.output().expect("the command starts")
}

/// It tells in one line why, and runs on the loopback.
fn falls_back(output: &Output) {
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{text}");
    let first = text.lines().next().expect("a line");
    assert!(first.contains("framewright0") && first.contains("using the loopback"), "{first}");
    assert!(text.contains("every answer was right"), "{text}");
}

/// An IP packet with a SYN, from an address that is not this machine's.
fn syn(from: Ipv4Addr, number: u32) -> Vec<u8> {
    let to = Ipv4Addr::from(SERVER);
    let tcp = TcpRepr {
        src_port: 1024 + u16::try_from(number % 60_000).expect("a port"),
        dst_port: ECHO,
        control: TcpControl::Syn,
        seq_number: TcpSeqNumber(number.cast_signed()),
        ack_number: None,
        window_len: 8192,
        window_scale: None,
        max_seg_size: Some(1460),
        sack_permitted: false,
        sack_ranges: [None; 3],
        timestamp: None,
        payload: b"",
    };
    let ip = Ipv4Repr {
        src_addr: from,
        dst_addr: to,
        next_header: IpProtocol::Tcp,
        payload_len: tcp.buffer_len(),
        hop_limit: 64,
    };
    let mut bytes = vec![0; ip.buffer_len() + tcp.buffer_len()];
    let mut packet = Ipv4Packet::new_unchecked(&mut bytes);
    ip.emit(&mut packet, &ChecksumCapabilities::default());
    let mut segment = TcpPacket::new_unchecked(packet.payload_mut());
    tcp.emit(&mut segment, &from.into(), &to.into(), &ChecksumCapabilities::default());
    bytes
}
