//! In which order things are said: the same for all partners.

use std::fmt;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Command, Stdio};

use framewright::framing::Framing;
use framewright_host::{Address, BufferedClient, ClientConfig, SocketOptions};

use super::messages::text;
use super::peer::{Heard, Peer};
use super::relay;
use super::roster::{Leaving, Partner};
use crate::server::{PATIENCE, framewright};

/// What a server answers to a message.
pub type Answer<'a> = &'a dyn Fn(&[u8]) -> Vec<u8>;

/// Has a partner be the client of `server`, whose connections have buffers of `buffer` bytes: every message alone; three
/// before the first answer is read; two and then the partner leaves; every message of `short` byte by byte. Where the
/// partner is missing, nothing happens.
///
/// # Panics
/// Another answer comes than must.
pub fn as_client(
    partner: &Partner,
    server: SocketAddr,
    buffer: usize,
    messages: &[Vec<u8>],
    short: &[Vec<u8>],
    answer: Answer<'_>,
) {
    let place = format_args!("buffers of {buffer} bytes");
    let Some(mut peer) = partner.client(server) else { return };
    for message in messages.iter().filter(|message| (partner.takes)(message)) {
        ask(&mut peer, &[message], answer, place);
    }
    ask(&mut peer, &[&text(11), &text(buffer + 5), &text(3 * buffer)], answer, place);
    leave(peer, partner.leaving, answer, place);

    let slowly = relay::byte_by_byte(server);
    let Some(mut peer) = partner.client(slowly) else { return };
    let short: Vec<_> = short.iter().map(Vec::as_slice).filter(|message| (partner.takes)(message)).collect();
    for message in &short {
        ask(&mut peer, &[message], answer, format_args!("byte by byte, {place}"));
    }
    ask(&mut peer, &short, answer, format_args!("all at once and byte by byte, {place}"));
    leave(peer, partner.leaving, answer, place);
}

/// A client of ours on one connection. Its methods panic when the connection breaks, or when what came breaks the framing.
pub trait Caller {
    /// Sends one message.
    fn send(&mut self, message: &[u8]);
    /// Receives one; `None` when the peer has closed its side in order.
    fn receive(&mut self) -> Option<Vec<u8>>;
    /// Sends one and receives one, both at the same time.
    fn request(&mut self, message: &[u8]) -> Option<Vec<u8>>;
    /// Closes the sending side.
    fn finish_sending(&mut self);
}

/// Connects a client of ours to a server.
pub type Dial<'a> = &'a dyn Fn(SocketAddr) -> Box<dyn Caller>;

/// Has a partner be the server of our buffered client, with a buffer of `buffer` bytes, in the framing `law`: as
/// [`as_client`], the other way round. Where the partner is missing, nothing happens.
///
/// # Panics
/// Something else comes than must.
pub fn as_server<L: Framing + Clone + 'static>(
    partner: &Partner,
    law: &L,
    buffer: usize,
    messages: &[Vec<u8>],
    short: &[Vec<u8>],
) {
    as_server_of(partner, Ipv4Addr::LOCALHOST, &|server| connect(law, server, buffer), buffer, messages, short);
}

/// The same for a client of any kind, that `dial` connects to a partner at the address `host`.
///
/// # Panics
/// As [`as_server`].
pub fn as_server_of(
    partner: &Partner,
    host: Ipv4Addr,
    dial: Dial<'_>,
    buffer: usize,
    messages: &[Vec<u8>],
    short: &[Vec<u8>],
) {
    let Some((mut peer, address)) = partner.server_at(host.into()) else { return };
    let place = format_args!("a buffer of {buffer} bytes");
    let mut client = dial(address);
    for message in messages.iter().filter(|message| (partner.takes)(message)) {
        request(&mut *client, &mut peer, message, place);
    }
    let three = [text(11), text(buffer + 5), text(3 * buffer)];
    for message in &three {
        client.send(message);
    }
    // Who cannot close one direction alone may not expect it of others either.
    if partner.leaving == Leaving::HalfCloses {
        client.finish_sending();
    }
    for message in &three {
        let reply = client.receive();
        same(&reply.map_or(Heard::End, Heard::Message), message, partner.name, place);
        same(&peer.hear(), message, partner.name, place);
    }
    if partner.leaving == Leaving::Closes {
        client.finish_sending();
    }
    assert_eq!(peer.hear(), Heard::End, "{}: {place}", partner.name);
    assert_eq!(client.receive(), None, "{}: {place}", partner.name);

    let mut client = dial(relay::byte_by_byte(address));
    for message in short {
        request(&mut *client, &mut peer, message, format_args!("byte by byte, {place}"));
    }
    drop(client);
    assert_eq!(peer.hear(), Heard::End, "{}: {place}", partner.name);
}

/// Has a partner be the server of the command `framewright send`, with lines of text. Where the partner is missing, nothing
/// happens.
///
/// # Panics
/// The command fails, or prints something else than must.
pub fn as_server_of_the_command(partner: &Partner, framing: &str, messages: &[Vec<u8>]) {
    let Some((mut peer, address)) = partner.server() else { return };
    let messages: Vec<_> = messages.iter().filter(|message| (partner.takes)(message)).collect();
    let lines: Vec<u8> = messages.iter().flat_map(|line| [line, &b"\n"[..]].concat()).collect();
    let mut command = Command::new(framewright());
    command.args(["send", "--framing", framing, &address.to_string()]).args(["--reply-timeout", "60"]);
    let mut sending = command
        .env_remove("RUST_LOG")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command starts");
    let mut stdin = sending.stdin.take().expect("it was piped");
    let input = lines.clone();
    let writing = std::thread::spawn(move || stdin.write_all(&input));
    let done = sending.wait_with_output().expect("a process of this test");
    let errors = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{}: {} {errors}", partner.name, done.status);
    assert!(done.stdout == lines, "{}: {:?}", partner.name, Heard::Piece(done.stdout));
    writing.join().expect("a thread that does not panic").expect("the command reads all");
    for message in messages {
        same(&peer.hear(), message, partner.name, format_args!("the command"));
    }
    assert_eq!(peer.hear(), Heard::End, "{}: the command", partner.name);
}

/// Messages at once, and then their answers.
fn ask(peer: &mut Peer, messages: &[&[u8]], answer: Answer<'_>, place: fmt::Arguments<'_>) {
    peer.say(messages);
    for message in messages {
        let heard = peer.hear();
        same(&heard, &answer(message), peer.name(), place);
    }
}

/// Two messages, and then the end, which the peer tells when it has its answers, if it can.
fn leave(mut peer: Peer, leaving: Leaving, answer: Answer<'_>, place: fmt::Arguments<'_>) {
    let last: [&[u8]; 2] = [b"last but one", b"the last message"];
    match leaving {
        Leaving::HalfCloses => {
            peer.say(&last);
            peer.hang_up();
            for message in last {
                same(&peer.hear(), &answer(message), peer.name(), format_args!("after a half-close, {place}"));
            }
        }
        Leaving::Closes => {
            ask(&mut peer, &last, answer, place);
            peer.hang_up();
        }
    }
    assert_eq!(peer.hear(), Heard::End, "{}: {place}", peer.name());
}

/// One message and its echo, and what the server tells of it.
fn request(client: &mut dyn Caller, peer: &mut Peer, message: &[u8], place: fmt::Arguments<'_>) {
    let reply = client.request(message);
    same(&reply.map_or(Heard::End, Heard::Message), message, peer.name(), place);
    same(&peer.hear(), message, peer.name(), place);
}

fn connect<L: Framing + Clone + 'static>(law: &L, server: SocketAddr, buffer: usize) -> Box<dyn Caller> {
    let patience = Some(PATIENCE);
    let options = SocketOptions { read_timeout: patience, write_timeout: patience, ..SocketOptions::default() };
    let config = ClientConfig { buffer_size: buffer, options, ..ClientConfig::default() };
    let server = Address::from(server);
    Box::new(BufferedClient::connect_with(law.clone(), &server, config).expect("a server that listens"))
}

impl<L: Framing + Clone> Caller for BufferedClient<L> {
    fn send(&mut self, message: &[u8]) {
        self.send(message).expect("a server that reads");
    }

    fn receive(&mut self) -> Option<Vec<u8>> {
        self.receive().unwrap_or_else(|error| panic!("{error}"))
    }

    fn request(&mut self, message: &[u8]) -> Option<Vec<u8>> {
        let mut reply = Vec::new();
        let done = self.request(message, &mut reply);
        done.unwrap_or_else(|error| panic!("{error} at {:?}", Heard::Message(message.to_vec())));
        Some(reply)
    }

    fn finish_sending(&mut self) {
        self.finish_sending().expect("a connection");
    }
}

fn same(heard: &Heard, message: &[u8], name: &str, place: fmt::Arguments<'_>) {
    let must = Heard::Message(message.to_vec());
    assert!(*heard == must, "{name}: {heard:?} and not {must:?}; {place}");
}
