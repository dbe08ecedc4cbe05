//! The buffered server as a library.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use framewright::framing::{Lines, U32};
use framewright::service::{Echo, Flow, Intake, Refusal, Service, Trim};
use framewright::{Encoder, Storage};
use framewright_host::{
    Address, BufferedClient, BufferedServer, ClientConfig, Handler, ServerConfig, SocketOptions, Stopper, Totals,
};

use crate::child::{read, read_all};
use crate::{PATIENCE, frame, wait_until};

/// A server in a thread of this process; stopped when it is dropped.
struct Serving {
    address: SocketAddr,
    keep_running: Arc<AtomicBool>,
    stopper: Stopper,
    thread: Option<JoinHandle<Totals>>,
}

impl Serving {
    fn echo(config: ServerConfig) -> Self {
        Self::new(config, Handler::new(|_| Echo::new()))
    }

    fn new(config: ServerConfig, handler: Handler) -> Self {
        let mut server = BufferedServer::new(config).unwrap();
        let address = server.listen("test", &Address::new("127.0.0.1", 0), handler).unwrap()[0];
        let (keep_running, stopper) = (server.keep_running(), server.stopper());
        let thread = thread::spawn(move || {
            let totals = server.start().unwrap();
            server.shutdown();
            totals
        });
        Self { address, keep_running, stopper, thread: Some(thread) }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    fn client(&self) -> BufferedClient {
        BufferedClient::connect("127.0.0.1", self.address.port(), 4096).unwrap()
    }

    fn has_stopped(&self) -> bool {
        self.thread.as_ref().unwrap().is_finished()
    }

    fn wait(&mut self) -> Totals {
        wait_until("the server has stopped", || self.has_stopped());
        self.thread.take().unwrap().join().unwrap()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.stopper.stop();
    }
}

fn with_buffers(buffer_size: usize) -> ServerConfig {
    ServerConfig { buffer_size, ..ServerConfig::default() }
}

/// Whether the stream has ended, in either way.
fn is_gone(mut stream: &TcpStream) -> bool {
    loop {
        match stream.read(&mut [0; 1000]) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) => return error.kind() != ErrorKind::WouldBlock,
        }
    }
}

#[test]
fn sixteen_mebibytes_come_back_through_buffers_of_sixty_four_bytes() {
    let serving = Serving::echo(with_buffers(64));
    let message: Vec<u8> = (0..=250).cycle().take(16 << 20).collect();
    let config = ClientConfig { buffer_size: 64, ..ClientConfig::default() };
    let mut client = BufferedClient::connect_with(U32::new(), &serving.address.into(), config).unwrap();
    let mut reply = Vec::new();
    client.request(&message, &mut reply).unwrap();
    assert!(reply == message);
    reply.clear();
    client.request(b"and now a short one", &mut reply).unwrap();
    assert_eq!(reply, b"and now a short one");
}

#[test]
fn two_hundred_clients_at_once_get_their_own_answers() {
    let serving = Serving::echo(with_buffers(256));
    let mut clients: Vec<_> = (0..200).map(|_| serving.client()).collect();
    for round in 0..3 {
        for (i, client) in clients.iter_mut().enumerate() {
            client.send(format!("{round} of {i} {}", "x".repeat(i)).as_bytes()).unwrap();
        }
        for (i, client) in clients.iter_mut().enumerate().rev() {
            let expected = format!("{round} of {i} {}", "x".repeat(i)).into_bytes();
            assert_eq!(client.receive().unwrap(), Some(expected));
        }
    }
}

#[test]
fn a_client_that_half_closes_gets_its_answers() {
    let serving = Serving::new(with_buffers(64), Handler::new(|_| Trim::default()));
    let stream = serving.connect();
    let mut sent = Vec::new();
    let mut expected = Vec::new();
    for i in 0..100 {
        sent.extend(frame(format!("0123456789{i}").as_bytes()));
        expected.extend(frame(i.to_string().as_bytes()));
    }
    (&stream).write_all(&sent).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(read_all(&stream), expected);
}

#[test]
fn a_hundred_messages_in_one_segment_are_answered_in_few() {
    let serving = Serving::echo(ServerConfig::default());
    let stream = serving.connect();
    let sent = frame(b"12345678").repeat(100);
    (&stream).write_all(&sent).unwrap();
    // One read gets what one write sent, as long as nothing follows it: on loopback a segment is up to 64 KiB.
    let mut reads = 0;
    let mut received = Vec::new();
    while received.len() < sent.len() {
        let mut chunk = [0; 4096];
        let n = (&stream).read(&mut chunk).unwrap();
        received.extend_from_slice(&chunk[..n]);
        reads += 1;
    }
    assert_eq!(received, sent);
    assert!(reads <= 3, "{reads} reads");
}

#[test]
fn the_flag_stops_an_idle_server_promptly() {
    let mut serving = Serving::echo(ServerConfig::default());
    let stream = serving.connect();
    (&stream).write_all(&frame(b"hi")).unwrap();
    assert_eq!(read(&stream, 6), frame(b"hi"));
    let begin = Instant::now();
    serving.keep_running.store(false, Ordering::Relaxed);
    assert_eq!(read_all(&stream), b"", "the client learns that the server is gone");
    drop(stream);
    assert_eq!(serving.wait(), Totals { connections: 1, refused: 0 });
    assert!(begin.elapsed() < Duration::from_secs(2), "{:?}", begin.elapsed());
    TcpStream::connect(serving.address).unwrap_err();
}

#[test]
fn a_server_that_is_told_to_stop_answers_what_was_received() {
    let mut serving = Serving::echo(with_buffers(64));
    let mut stream = serving.connect();
    stream.write_all(&frame(b"first")).unwrap();
    assert_eq!(read(&stream, 9), frame(b"first"), "the connection is being served");
    // All of it is in the server's socket when the write returns, and far more than its buffers hold.
    let sent = frame(b"message of twenty by").repeat(200);
    stream.write_all(&sent).unwrap();
    serving.stopper.stop();
    let mut received = vec![0; sent.len()];
    stream.read_exact(&mut received).unwrap();
    assert!(received == sent);
    assert_eq!(read_all(&stream), b"");
    drop(stream);
    serving.wait();
}

#[test]
fn a_client_that_never_closes_holds_a_stopping_server_only_for_a_while() {
    let config = ServerConfig { close_timeout: Duration::from_millis(300), ..ServerConfig::default() };
    let mut serving = Serving::echo(config);
    let stream = serving.connect();
    (&stream).write_all(&frame(b"hi")).unwrap();
    read(&stream, 6);
    let begin = Instant::now();
    serving.stopper.stop();
    serving.wait();
    assert!(begin.elapsed() >= Duration::from_millis(250), "it is given its time: {:?}", begin.elapsed());
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
}

#[test]
fn a_client_that_reads_nothing_holds_it_not_longer() {
    let config =
        ServerConfig { close_timeout: PATIENCE, stop_timeout: Duration::from_millis(300), ..ServerConfig::default() };
    let mut serving = Serving::echo(config);
    let mut stream = serving.connect();
    stream.set_write_timeout(Some(Duration::from_millis(200))).unwrap();
    while stream.write_all(&frame(&[1; 1000])).is_ok() {}
    let begin = Instant::now();
    serving.stopper.stop();
    serving.wait();
    assert!(begin.elapsed() < Duration::from_secs(10), "{:?}", begin.elapsed());
}

#[test]
fn a_client_that_never_pauses_holds_it_not_longer() {
    let config = ServerConfig { close_timeout: Duration::from_millis(300), ..with_buffers(1024) };
    let mut serving = Serving::echo(config);
    let mut stream = serving.connect();
    let mut reader = stream.try_clone().unwrap();
    let sending = thread::spawn(move || while stream.write_all(&frame(&[1; 8]).repeat(500_000)).is_ok() {});
    let replies = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&replies);
    let reading = thread::spawn(move || {
        let mut chunk = vec![0; 100_000];
        while let Ok(n @ 1..) = reader.read(&mut chunk) {
            counted.fetch_add(n, Ordering::Relaxed);
        }
    });
    wait_until("it is busy", || replies.load(Ordering::Relaxed) > 1_000_000);
    serving.stopper.stop();
    let begin = Instant::now();
    serving.wait();
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
    reading.join().unwrap();
    sending.join().unwrap();
}

#[test]
fn a_silent_client_is_disconnected_after_the_idle_timeout_and_a_lively_one_is_not() {
    let config = ServerConfig { idle_timeout: Some(Duration::from_millis(400)), ..ServerConfig::default() };
    let serving = Serving::echo(config);
    let silent = serving.connect();
    let mut lively = serving.client();
    let begin = Instant::now();
    silent.set_nonblocking(true).unwrap();
    while !is_gone(&silent) {
        lively.request(b"still here", &mut Vec::new()).unwrap();
        thread::sleep(Duration::from_millis(20));
        assert!(begin.elapsed() < PATIENCE);
    }
    assert!(begin.elapsed() >= Duration::from_millis(350), "{:?}", begin.elapsed());
    lively.request(b"still here", &mut Vec::new()).unwrap();
}

#[test]
fn a_reset_in_the_middle_of_a_message_ends_only_that_connection() {
    let mut serving = Serving::echo(with_buffers(64));
    let mut other = serving.client();
    let stream = serving.connect();
    (&stream).write_all(b"\0\0\x10\0only the start").unwrap();
    read(&stream, 4); // it has begun to answer
    socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
    drop(stream);
    for _ in 0..10 {
        other.request(b"fine", &mut Vec::new()).unwrap();
    }
    other.shutdown();
    serving.stopper.stop();
    assert_eq!(serving.wait().connections, 2);
}

#[test]
fn a_length_over_the_limit_closes_that_connection_after_its_earlier_replies() {
    let serving = Serving::echo(with_buffers(64));
    let mut other = serving.client();
    let mut stream = serving.connect();
    let good = frame(b"a good one").repeat(3);
    let mut sent = good.clone();
    sent.extend(b"\xff\xff\xff\xff");
    // What follows must not turn the orderly close into a reset that destroys the replies.
    sent.resize(100_000, 0xAA);
    stream.write_all(&sent).unwrap();
    other.request(b"fine", &mut Vec::new()).unwrap();
    assert_eq!(read_all(&stream), good);
    stream.write_all(&sent).expect("dropped, and not answered by a reset");
    other.request(b"fine", &mut Vec::new()).unwrap();
}

#[test]
fn one_client_more_than_allowed_is_refused_until_another_leaves() {
    let config = ServerConfig { max_clients: 2, ..ServerConfig::default() };
    let serving = Serving::echo(config);
    let mut first = serving.client();
    let mut second = serving.client();
    first.request(b"1", &mut Vec::new()).unwrap();
    second.request(b"2", &mut Vec::new()).unwrap();
    assert!(is_gone(&serving.connect()));
    first.shutdown();
    wait_until("a new client is served", || serving.client().request(b"3", &mut Vec::new()).is_ok());
    second.request(b"2", &mut Vec::new()).unwrap();
}

#[test]
fn who_is_refused_is_told_where_the_framing_has_words_for_it() {
    let config = ServerConfig { max_clients: 1, ..with_buffers(64) };
    let serving = Serving::new(config, Handler::new(|_| Shout).with_full_notice(b"the server is full\n"));
    let first = serving.connect();
    (&first).write_all(b"hi\n").unwrap();
    assert_eq!(read(&first, 3), b"HI\n");
    // More than can be turned away at a time, each with a request that nobody reads.
    let mut refused = Vec::new();
    for _ in 0..100 {
        let stream = serving.connect();
        let _ = (&stream).write_all(b"a request\n");
        assert_eq!(read_all(&stream), b"the server is full\n");
        refused.push(stream);
    }
    let last = refused.last().unwrap();
    for _ in 0..3 {
        (&*last).write_all(b"?\n").expect("no reset before it could read");
    }
    wait_until("it is closed altogether", || (&*last).write_all(b"?\n").is_err());
    (&first).write_all(b"hi\n").unwrap();
    assert_eq!(read(&first, 3), b"HI\n");
}

#[test]
fn a_port_is_free_again_right_after_a_stop_with_clients_connected() {
    let mut serving = Serving::echo(ServerConfig::default());
    let stream = serving.connect();
    (&stream).write_all(&frame(b"hi")).unwrap();
    read(&stream, 6);
    serving.stopper.stop();
    assert_eq!(read_all(&stream), b""); // the server closes first, so its end waits in TIME_WAIT
    drop(stream);
    serving.wait();
    let port = serving.address.port();
    BufferedServer::bind("127.0.0.1", port, 4096, |_| Echo::new()).unwrap();

    let stubborn = SocketOptions { reuse_address: false, ..SocketOptions::default() };
    let mut server = BufferedServer::new(ServerConfig { options: stubborn, ..ServerConfig::default() }).unwrap();
    let handler = Handler::new(|_| Echo::new());
    server.listen("test", &Address::new("127.0.0.1", port), handler).expect_err("that is what reuse-address is for");
}

#[test]
fn one_server_serves_several_services_at_several_addresses() {
    let mut server = BufferedServer::new(ServerConfig::default()).unwrap();
    let echo = Arc::new(Handler::new(|_| Echo::new()));
    server.listen("echo", &Address::new("127.0.0.1", 0), Arc::clone(&echo)).unwrap();
    server.listen("echo", &Address::new("127.0.0.2", 0), echo).unwrap();
    server.listen("trim", &Address::new("127.0.0.1", 0), Handler::new(|_| Trim::default())).unwrap();
    let addresses = server.addresses();
    let stopper = server.stopper();
    let serving = thread::spawn(move || server.start().unwrap());
    for (address, expected) in addresses.iter().zip(["Four score and", "Four score and", " and"]) {
        let mut client = BufferedClient::connect(&address.ip().to_string(), address.port(), 64).unwrap();
        let mut reply = Vec::new();
        client.request(b"Four score and", &mut reply).unwrap();
        assert_eq!(String::from_utf8(reply).unwrap(), expected);
    }
    stopper.stop();
    assert_eq!(serving.join().unwrap().connections, 3);
}

#[test]
fn a_server_is_started_once_and_not_without_an_address() {
    let mut server = BufferedServer::new(ServerConfig::default()).unwrap();
    assert_eq!(server.start().unwrap_err().to_string(), "a server: not allowed (it has no address to listen on)");
    server.listen("echo", &Address::new("127.0.0.1", 0), Handler::new(|_| Echo::new())).unwrap();
    server.stopper().stop();
    server.start().unwrap();
    assert!(!server.keep_running().load(Ordering::Relaxed));
    server.start().unwrap_err();
}

/// A service of the user's own: shouts back; on `fault` it fails as only a bug can.
struct Shout;

impl Service for Shout {
    type Framing = Lines;

    fn intake(&self) -> Intake {
        Intake::Whole { reply: 60 }
    }

    fn frame<S: Storage>(
        &mut self,
        payload: &[u8],
        _: framewright::Instant,
        out: &mut Encoder<Lines, S>,
    ) -> Result<Flow, Refusal> {
        assert_ne!(payload, b"fault", "a test of what happens then");
        out.push(&payload.to_ascii_uppercase())?;
        Ok(if payload == b"bye" { Flow::Close } else { Flow::Continue })
    }
}

#[test]
fn a_service_of_one_s_own_is_served_the_same_way() {
    let serving = Serving::new(with_buffers(64), Handler::new(|_| Shout));
    let config = ClientConfig::default();
    let mut client = BufferedClient::connect_with(Lines, &serving.address.into(), config).unwrap();
    let mut reply = Vec::new();
    client.request(b"hello", &mut reply).unwrap();
    client.request(b"bye", &mut reply).unwrap();
    assert_eq!(reply, b"HELLOBYE");
    assert_eq!(client.receive().unwrap(), None);
}

#[test]
fn a_fault_in_a_service_ends_only_that_connection() {
    let mut serving = Serving::new(with_buffers(64), Handler::new(|_| Shout));
    let mut stream = serving.connect();
    stream.write_all(b"fault\n").unwrap();
    assert!(is_gone(&stream));
    let mut stream = serving.connect();
    stream.write_all(b"bye\n").unwrap();
    assert_eq!(read_all(&stream), b"BYE\n");
    drop(stream);
    serving.stopper.stop();
    assert_eq!(serving.wait().connections, 2);
}
