//! When the system runs out of something, or there are very many clients.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{self, Command};
use std::thread;
use std::time::{Duration, Instant};
use std::{env, fs};

use crate::child::{FRAMEWRIGHT, Server, read, read_all};
use crate::{PATIENCE, frame, wait_until};

/// Whether this client is answered within a moment.
fn is_served(mut stream: &TcpStream, moment: Duration) -> bool {
    stream.set_read_timeout(Some(moment)).unwrap();
    stream.read_exact(&mut [0; 5]).is_ok()
}

#[test]
fn without_file_descriptors_it_waits_and_serves_when_others_leave() {
    let server = Server::start_with_files(20, &["serve", "echo=0"]);
    let clients: Vec<_> = (0..40)
        .map(|_| {
            let mut stream = server.connect("echo");
            stream.write_all(&frame(b"?")).unwrap();
            stream
        })
        .collect();
    server.wait_for_log("cannot accept; no new clients for a moment, those connected are served: Too many open files");
    let (mut lucky, mut waiting): (Vec<_>, Vec<_>) =
        clients.into_iter().partition(|client| is_served(client, Duration::from_millis(200)));
    assert!((5..20).contains(&lucky.len()), "{} are served", lucky.len());

    let (begin, used) = (Instant::now(), server.processor_time());
    thread::sleep(Duration::from_secs(1));
    let used = server.processor_time() - used;
    let spent = begin.elapsed();
    assert!(used < 20, "{used} hundredths of a second of processor time in {spent:?}: it spins");

    let mut first = &lucky[0];
    first.set_read_timeout(Some(PATIENCE)).unwrap();
    first.write_all(&frame(b"!")).unwrap();
    assert_eq!(read(first, 5), frame(b"!"), "those connected are served");

    while !waiting.is_empty() {
        lucky.clear();
        let before = waiting.len();
        wait_until("those who waited are served", || {
            let (now, still): (Vec<_>, Vec<_>) =
                waiting.drain(..).partition(|client| is_served(client, Duration::from_millis(20)));
            lucky.extend(now);
            waiting = still;
            waiting.len() < before
        });
    }
    let warnings = server.log().matches("no new clients").count();
    assert!(warnings <= 30, "{warnings} warnings fill the log");
}

#[test]
fn without_threads_it_refuses_and_serves_when_others_leave() {
    // A user that has nothing else running, which only root can become, and a place where that user finds the program.
    let program = env::temp_dir().join(format!("framewright-{}", process::id()));
    fs::copy(FRAMEWRIGHT, &program).unwrap();
    let as_nobody = |command: &str| {
        let mut limited = Command::new("setpriv");
        limited.args(["--reuid=61234", "--regid=61234", "--clear-groups", "bash", "-c", command]).arg(&program);
        limited
    };
    let allowed = as_nobody("ulimit -u 8 && \"$0\" --version").output().is_ok_and(|output| output.status.success());
    if !allowed {
        fs::remove_file(&program).unwrap();
        return;
    }
    let server = Server::start_as(as_nobody("ulimit -u 8 && exec \"$0\" \"$@\"").args(["serve", "echo=0"]));
    fs::remove_file(&program).unwrap();
    let clients: Vec<_> = (0..20)
        .map(|_| {
            let mut stream = server.connect("echo");
            let _ = stream.write_all(&frame(b"?"));
            let answered = stream.read_exact(&mut [0; 5]).is_ok();
            (stream, answered)
        })
        .collect();
    server.wait_for_log("cannot start a thread, one client refused; no new clients for a moment");
    let lucky: Vec<_> = clients.iter().filter(|(_, answered)| *answered).collect();
    assert!((1..8).contains(&lucky.len()), "{} are served", lucky.len());
    let mut first = &lucky[0].0;
    first.write_all(&frame(b"!")).unwrap();
    assert_eq!(read(first, 5), frame(b"!"), "those connected are served");
    assert!(server.processor_time() < 50, "it does not spin");
    drop(clients);
    wait_until("a new client is served", || {
        let mut stream = server.connect("echo");
        let _ = stream.write_all(&frame(b"?"));
        stream.read_exact(&mut [0; 5]).is_ok()
    });
}

#[test]
fn the_client_over_the_limit_is_refused_and_logged_once_in_a_while() {
    let server = Server::start(&["serve", "echo=0", "--max-clients", "3"]);
    let clients: Vec<_> = (0..3).map(|_| server.connect("echo")).collect();
    for client in &clients {
        let mut stream = client;
        stream.write_all(&frame(b"?")).unwrap();
        assert_eq!(read(client, 5), frame(b"?"));
    }
    for _ in 0..50 {
        let mut refused = server.connect("echo");
        assert_eq!(refused.read(&mut [0; 10]).unwrap_or(0), 0);
    }
    server.wait_for_log("refused: 3 clients are being served, which is the limit");
    assert!(server.log().matches("refused: 3 clients").count() <= 10, "{}", server.log());
    drop(clients);
    wait_until("a new client is served", || {
        let mut stream = server.connect("echo");
        let _ = stream.write_all(&frame(b"?"));
        stream.read_exact(&mut [0; 5]).is_ok()
    });
}

#[test]
fn clients_of_kv_and_chat_are_told_that_there_is_no_room() {
    let server = Server::start(&["serve", "kv=0", "chat=0", "echo=0", "--max-clients", "1"]);
    let first = server.connect("echo");
    (&first).write_all(&frame(b"?")).unwrap();
    read(&first, 5);
    let refused = server.connect("kv");
    (&refused).write_all(b"GET key\n").unwrap();
    assert_eq!(read_all(&refused), b"ERROR\n");
    assert_eq!(read_all(&server.connect("chat")), b"[ERROR] The server is full. Try again later.\n");
}

#[test]
fn four_thousand_idle_clients_are_not_noticed_by_the_others() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    setrlimit(Resource::Nofile, raised).unwrap();
    let clients = limit.maximum.map_or(4000, |most| most.saturating_sub(200).min(4000));
    let server = Server::start(&["serve", "echo=0"]);
    let before = server.status("VmRSS:");
    let idle: Vec<_> = (0..clients).map(|_| server.connect("echo")).collect();
    wait_until("each has its thread", || server.status("Threads:") > clients);
    let each = (server.status("VmRSS:") - before) * 1024 / clients;
    println!("{clients} idle clients: {each} B of resident memory each");
    assert!(each < 64 * 1024, "{each} B of resident memory for an idle client");

    let busy = server.connect("echo");
    busy.set_nodelay(true).unwrap();
    let begin = Instant::now();
    for _ in 0..1000 {
        (&busy).write_all(&frame(b"x")).unwrap();
        read(&busy, 5);
    }
    let round_trip = begin.elapsed() / 1000;
    println!("a round trip beside them: {round_trip:?}");
    assert!(round_trip < Duration::from_millis(5), "{round_trip:?}");
    let used = server.processor_time();
    thread::sleep(Duration::from_millis(500));
    assert!(server.processor_time() - used <= 5, "it is idle");
    drop(idle);
    wait_until("the threads are gone", || server.status("Threads:") < 10);
    assert!(begin.elapsed() < PATIENCE);
}
