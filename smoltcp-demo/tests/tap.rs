//! The command on a TAP interface, with clients on the kernel's stack. Each test has a network namespace of its own, so nothing
//! here touches the network of the machine.
//!
//! That takes root, or a system where users may have namespaces. Where neither is the case the tests say so and do nothing, unless
//! `FRAMEWRIGHT_REQUIRE_PEERS=1` is set: then that is a failure.
#![cfg(target_os = "linux")]

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream, UdpSocket};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

const SERVER: [u8; 4] = [192, 168, 69, 1];
const TRIM: u16 = 4567;
const ECHO: u16 = 12345;
const KV: u16 = 6380;
const TIMEOUT: Duration = Duration::from_secs(10);
/// Set for the process inside the namespace.
const INSIDE: &str = "FRAMEWRIGHT_INSIDE_NAMESPACE";

/// Runs this test's body in a process in a namespace of its own.
fn in_a_namespace(test: &str, body: fn()) {
    if std::env::var_os(INSIDE).is_some() {
        body();
        return;
    }
    if let Err(why) = namespaces_work() {
        assert!(
            std::env::var_os("FRAMEWRIGHT_REQUIRE_PEERS").is_none_or(|required| required != "1"),
            "no namespaces: {why}"
        );
        eprintln!("{test}: not run, {why}");
        return;
    }
    let this = std::env::current_exe().expect("this test's file");
    let status = unshare().arg(this).args(["--exact", test, "--nocapture"]).env(INSIDE, "1").status();
    assert!(status.expect("unshare").success(), "{test} failed in its namespace");
}

fn unshare() -> Command {
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--net", "--"]);
    command
}

/// Whether a namespace can be had, and a TAP interface in it.
fn namespaces_work() -> Result<(), String> {
    let probe =
        unshare().args(["sh", "-c", "ip link show lo && test -r /dev/net/tun && test -w /dev/net/tun"]).output();
    match probe {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        Err(error) => Err(format!("unshare: {error}")),
    }
}

/// The server at work.
struct Server {
    child: Child,
    listening: Vec<String>,
    /// What it prints after `ready`.
    rest: BufReader<std::process::ChildStdout>,
}

impl Server {
    fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_smoltcp-demo"))
            .args(["--device", "tap"])
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the command starts");
        let mut rest = BufReader::new(child.stdout.take().expect("its output"));
        let mut listening = Vec::new();
        loop {
            let mut line = String::new();
            assert!(rest.read_line(&mut line).expect("a line") > 0, "it ended before it was ready: {listening:?}");
            if line == "ready\n" {
                break;
            }
            listening.push(line.trim_end().to_owned());
        }
        Self { child, listening, rest }
    }

    fn signal(&self, signal: &str) {
        let status = Command::new("kill").args(["-s", signal, &self.child.id().to_string()]).status();
        assert!(status.expect("kill").success());
    }

    /// How it ended, within the time that it may take, and what it printed.
    fn wait(mut self) -> (ExitStatus, String) {
        let begin = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("its status") {
                break status;
            }
            if begin.elapsed() > TIMEOUT {
                self.child.kill().expect("killed");
                panic!("it did not end");
            }
            std::thread::sleep(Duration::from_millis(10));
        };
        let mut text = String::new();
        self.rest.read_to_string(&mut text).expect("text");
        (status, text)
    }
}

fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect_timeout(&SocketAddr::from((SERVER, port)), TIMEOUT).expect("a connection");
    stream.set_read_timeout(Some(TIMEOUT)).expect("a timeout");
    stream
}

fn framed(message: &[u8]) -> Vec<u8> {
    [&u32::try_from(message.len()).expect("a length").to_be_bytes()[..], message].concat()
}

/// Sends all, closes its half, and reads to the end.
fn ask(port: u16, request: &[u8]) -> Vec<u8> {
    let mut stream = connect(port);
    let mut writer = stream.try_clone().expect("a second handle");
    let request = request.to_vec();
    let sending = std::thread::spawn(move || {
        writer.write_all(&request).expect("sent");
        writer.shutdown(Shutdown::Write).expect("closed");
    });
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("the answer");
    sending.join().expect("all was sent");
    answer
}

fn ip(arguments: &[&str]) {
    assert!(Command::new("ip").args(arguments).status().expect("ip").success(), "ip {arguments:?}");
}

#[test]
fn clients_on_the_kernels_stack_are_served() {
    in_a_namespace("clients_on_the_kernels_stack_are_served", || {
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
        for datagram in [&b"datagram"[..], b""] {
            socket.send_to(datagram, SocketAddr::from((SERVER, 3456))).expect("sent");
            let mut answer = [1; 64];
            let (len, _) = socket.recv_from(&mut answer).expect("the answer");
            assert_eq!(&answer[..len], datagram);
        }
        server.signal("INT");
        let (status, text) = server.wait();
        assert_eq!(status.code(), Some(0));
        assert!(text.contains("3 clients served, 0 refused"), "{text}");
        assert!(!Command::new("ip").args(["link", "show", "framewright0"]).output().expect("ip").status.success());
    });
}

#[test]
fn fifty_clients_connect_at_once_and_none_is_starved() {
    in_a_namespace("fifty_clients_connect_at_once_and_none_is_starved", || {
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
        server.signal("TERM");
        let (status, text) = server.wait();
        assert_eq!(status.code(), Some(0));
        assert!(text.contains("50 clients served, 0 refused"), "{text}");
    });
}

#[test]
fn a_client_too_many_is_refused_and_served_when_there_is_room() {
    in_a_namespace("a_client_too_many_is_refused_and_served_when_there_is_room", || {
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
        server.signal("INT");
        assert_eq!(server.wait().0.code(), Some(0));
    });
}

#[test]
fn an_interface_that_goes_down_and_comes_back_costs_no_client() {
    in_a_namespace("an_interface_that_goes_down_and_comes_back_costs_no_client", || {
        let server = Server::start(&["--tap", "fw1", "kv"]);
        let mut client = connect(KV);
        let mut ask = |request: &[u8], answer: &[u8]| {
            client.write_all(request).expect("sent");
            let mut got = vec![0; answer.len()];
            client.read_exact(&mut got).expect("an answer");
            assert_eq!(got, answer);
        };
        ask(b"SET a 1\n", b"OK\n");
        ip(&["link", "set", "dev", "fw1", "down"]);
        std::thread::sleep(Duration::from_millis(500)); // the server has something to lose meanwhile
        ip(&["link", "set", "dev", "fw1", "up"]);
        ask(b"GET a\n", b"1\n");
        server.signal("INT");
        drop(client);
        assert_eq!(server.wait().0.code(), Some(0));
    });
}

#[test]
fn an_interface_that_is_removed_ends_the_server_in_words() {
    in_a_namespace("an_interface_that_is_removed_ends_the_server_in_words", || {
        let server = Server::start(&["kv"]);
        ip(&["link", "delete", "dev", "framewright0"]);
        let (status, _) = server.wait();
        assert_eq!((status.code(), status.signal()), (Some(1), None));
    });
}

#[test]
fn a_server_that_is_told_to_stop_answers_what_came_and_closes() {
    in_a_namespace("a_server_that_is_told_to_stop_answers_what_came_and_closes", || {
        let server = Server::start(&["echo"]);
        let mut client = connect(ECHO);
        client.write_all(&framed(b"one")).expect("sent");
        let mut answer = vec![0; 7];
        client.read_exact(&mut answer).expect("an answer");
        server.signal("TERM");
        let mut rest = Vec::new();
        assert_eq!(client.read_to_end(&mut rest).expect("the end, in order"), 0);
        drop(client);
        assert_eq!(server.wait().0.code(), Some(0));
    });
}

#[test]
fn cut_and_impaired_segments_give_the_same_answers_and_a_table() {
    in_a_namespace("cut_and_impaired_segments_give_the_same_answers_and_a_table", || {
        let options = ["--segment", "7", "--drop", "2%", "--duplicate", "2%", "--reorder", "2%", "--seed", "5"];
        let server = Server::start(&[&options[..], &["echo"]].concat());
        let message = framed(&[b'y'; 3000]);
        assert!(ask(ECHO, &message) == message);
        server.signal("INT");
        let (status, text) = server.wait();
        assert_eq!(status.code(), Some(0));
        assert!(text.contains("lost") && text.contains("overtaken"), "{text}");
        let row: Vec<&str> =
            text.lines().find(|line| line.contains(" echo ")).expect("a row").split_whitespace().collect();
        // segment, service, clients, answers, messages, segments, cut, shared, retransmissions
        assert_eq!((row[0], row[1], row[4]), ("7", "echo", "2"), "{text}");
        assert!(row[5].parse::<u32>().expect("a number") > 3000 / 7, "{text}");
    });
}

#[test]
fn where_there_is_no_interface_the_loopback_is_used_or_the_reason_given() {
    in_a_namespace("where_there_is_no_interface_the_loopback_is_used_or_the_reason_given", || {
        let server = Server::start(&["kv"]);
        let again = |device| {
            let arguments = ["--device", device, "--segment", "1460", "trim"];
            Command::new(env!("CARGO_BIN_EXE_smoltcp-demo")).args(arguments).output().expect("the command starts")
        };
        let fallback = again("auto");
        let text = String::from_utf8_lossy(&fallback.stdout);
        assert_eq!(fallback.status.code(), Some(0), "{text}");
        let first = text.lines().next().expect("a line");
        assert!(first.contains("framewright0") && first.contains("using the loopback"), "{first}");
        assert!(text.contains("every answer was right"), "{text}");

        let refused = again("tap");
        assert_eq!(refused.status.code(), Some(1));
        let text = String::from_utf8_lossy(&refused.stderr);
        assert!(text.contains("Another program uses it"), "{text}");
        server.signal("INT");
        assert_eq!(server.wait().0.code(), Some(0));
    });
}

#[test]
fn addresses_that_are_no_neighbours_are_wrong_usage() {
    let output = Command::new(env!("CARGO_BIN_EXE_smoltcp-demo"))
        .args(["--device", "tap", "--address", "10.0.0.1/24", "--host-address", "10.0.1.2/24"])
        .output()
        .expect("the command starts");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("two addresses of one network"));
}
