//! Clients that are many, slow, silent or gone, and the others that must not notice.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};
use std::{io, thread};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use socket2::{Domain, Socket, Type};

use crate::child::Server;
use crate::client::Client;
use crate::{PATIENCE, wait_until};

/// The longest of so many round trips.
fn slowest(client: &mut Client, times: usize) -> Duration {
    let ask = |client: &mut Client| {
        let begin = Instant::now();
        assert_eq!(client.ask("GET here"), "yes");
        begin.elapsed()
    };
    (0..times).map(|_| ask(client)).max().unwrap()
}

#[test]
fn clients_that_misbehave_cost_the_others_nothing() {
    let server = Server::start(&["serve", "kv=0", "chat=0", "message=0"]);
    let mut good = Client::connect(&server, "kv");
    assert_eq!(good.ask("SET here yes"), "OK");
    assert_eq!(good.ask(&format!("SET long {}", "l".repeat(60_000))), "OK");
    slowest(&mut good, 100);

    let silent: Vec<_> = ["kv", "chat", "message"].map(|service| server.connect(service)).into();
    let mut begun: Vec<_> = (0..20).map(|_| server.connect("kv")).collect();
    for stream in &mut begun {
        stream.write_all(b"SET he").unwrap();
    }
    // They ask for much and read nothing, until nothing more can be sent.
    let mut deaf = Vec::new();
    for _ in 0..5 {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        socket.connect(&server.address("kv").into()).unwrap();
        let mut stream = TcpStream::from(socket);
        stream.set_write_timeout(Some(Duration::from_millis(200))).unwrap();
        while stream.write_all(&b"GET long\n".repeat(1000)).is_ok() {}
        deaf.push(stream);
    }
    for _ in 0..200 {
        Client::connect(&server, "chat").reset();
        Client::connect(&server, "kv").reset();
    }
    let memory = server.status("VmRSS:");
    let slowest = slowest(&mut good, 1000);
    assert!(slowest < Duration::from_secs(1), "{slowest:?}");
    let (ann, mut bob) = (Client::join(&server, "ann", "ann"), Client::join(&server, "bob", "bob"));
    ann.say("hello");
    assert_eq!(bob.hear(), "ann: hello");
    // On a busy machine the last of those who left are still being seen off when it is measured first.
    assert!(server.status("VmRSS:") < memory + 16384, "{memory} KiB, then {}", server.status("VmRSS:"));

    // Now one of them reads after all, and finds what it asked for.
    let mut deaf = deaf.pop().unwrap();
    deaf.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut bytes = vec![0; 60_001];
    for _ in 0..100 {
        deaf.read_exact(&mut bytes).unwrap();
        assert!(bytes.ends_with(b"l\n") && bytes.starts_with(b"ll"));
    }
    for mut stream in begun {
        stream.write_all(b"re no\n").unwrap();
        assert_eq!(Client::new(stream).read(), "OK");
    }
    drop(silent);
}

#[test]
fn a_client_that_says_nothing_loses_its_place_after_the_idle_timeout_and_one_that_talks_does_not() {
    let server = Server::start(&["serve", "kv=0", "chat=0", "--idle-timeout", "0.5"]);
    let mut idle = [Client::connect(&server, "kv"), Client::connect(&server, "chat")];
    let mut busy = Client::connect(&server, "kv");
    let begin = Instant::now();
    let [kv, chat] = &mut idle;
    thread::scope(|scope| {
        scope.spawn(|| assert_eq!(kv.try_read(), None));
        scope.spawn(|| {
            assert_eq!(chat.read(), "* Welcome. What is your name?");
            assert_eq!(chat.try_read(), None);
        });
        while begin.elapsed() < Duration::from_millis(1200) {
            assert_eq!(busy.ask("GET x"), "ERROR");
            thread::sleep(Duration::from_millis(100));
        }
    });
    server.wait_for_log("closed: nothing moved for the idle timeout");
}

#[test]
fn four_thousand_idle_clients_of_kv_and_chat_are_not_noticed_by_the_others() {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }).unwrap();
    // Those of the chat take two descriptors of the server.
    let each = limit.maximum.map_or(2000, |most| (most.saturating_sub(400) / 3).min(2000));
    let server = Server::start(&["serve", "kv=0", "chat=0", "trim=0", "--max-clients", "5000", "--chat-rate", "0"]);
    let before = server.status("VmRSS:");
    let idle: Vec<io::Result<TcpStream>> = ["kv", "chat"]
        .iter()
        .flat_map(|service| (0..each).map(|_| TcpStream::connect(server.address(service))))
        .collect();
    assert!(idle.iter().all(Result::is_ok));
    wait_until("each has its thread", || server.status("Threads:") > 2 * each);
    let memory = (server.status("VmRSS:") - before) * 1024 / (2 * each);
    println!("{} idle clients: {memory} B of resident memory each", 2 * each);
    assert!(memory < 64 * 1024, "{memory} B of resident memory for an idle client");

    let mut kv = Client::connect(&server, "kv");
    assert_eq!(kv.ask("SET here yes"), "OK");
    let slowest = slowest(&mut kv, 1000);
    println!("the slowest of 1000 requests beside them: {slowest:?}");
    assert!(slowest < Duration::from_secs(1), "{slowest:?}");
    let (ann, mut bob) = (Client::join(&server, "ann", "ann"), Client::join(&server, "bob", "bob"));
    for i in 0..100 {
        let begin = Instant::now();
        ann.say(&format!("{i}"));
        assert_eq!(bob.hear(), format!("ann: {i}"));
        assert!(begin.elapsed() < Duration::from_secs(1));
    }
    let used = server.processor_time();
    thread::sleep(Duration::from_millis(500));
    assert!(server.processor_time() - used <= 5, "it is idle");
}

/// Everybody speaks at once, much more than the log holds. Threads get their turn when the system lets them, and nobody who reads is
/// to be disconnected for that.
#[test]
fn a_burst_that_overruns_the_log_many_times_reaches_everyone_who_reads() {
    const CLIENTS: usize = 40;
    const LINES: usize = 20;
    let server = Server::start(&["serve", "chat=0", "--chat-log", "65536"]);
    let clients: Vec<_> = (0..CLIENTS).map(|i| Client::join(&server, &format!("c{i}"), &format!("c{i}"))).collect();
    let words = "x".repeat(1000);
    let begin = Instant::now();
    thread::scope(|scope| {
        for (me, mut client) in clients.into_iter().enumerate() {
            let words = &words;
            scope.spawn(move || {
                let said: Vec<_> = (0..LINES).map(|i| format!("{i} {words}\n")).collect();
                client.send(said.concat().as_bytes());
                let mut next = [0; CLIENTS];
                while next.iter().sum::<usize>() < (CLIENTS - 1) * LINES {
                    let line = client.hear();
                    if line.starts_with("* ") {
                        continue;
                    }
                    let (name, said) = line[1..].split_once(": ").unwrap_or_else(|| panic!("{me}: {line}"));
                    let from: usize = name.parse().unwrap();
                    assert!(from != me && said == format!("{} {words}", next[from]), "{me}: {name} {}", next[from]);
                    next[from] += 1;
                }
            });
        }
    });
    println!("everyone heard everyone after {:?}", begin.elapsed());
}
