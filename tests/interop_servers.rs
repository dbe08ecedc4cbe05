//! Programs and libraries that others wrote, as servers of the buffered client and of `framewright send`.

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::process::{self, Child, Command, Stdio};
use std::thread;

use framewright::framing::{JsonHeader, Lines, Netstring, U32};
use framewright_host::{BufferedClient, ClientConfig, DatagramClient, SocketOptions};
use framewright_tests::interop::messages::{LONG, binaries, short_texts, text, texts};
use framewright_tests::interop::peer::{Heard, to_hex};
use framewright_tests::interop::roster::{self, Partner};
use framewright_tests::interop::{plays, relay, services};
use framewright_tests::peers;
use framewright_tests::server::{PATIENCE, framewright};

const BUFFERS: [usize; 2] = [64, 4096];

const BINARY: JsonHeader = JsonHeader { content_type: "binary/custom-client-binary-type", content_encoding: "binary" };

fn u32(partner: &Partner) {
    for buffer in BUFFERS {
        plays::as_server(partner, &U32::new(), buffer, &[texts(buffer), binaries()].concat(), &short_texts());
    }
    plays::as_server_of_the_command(partner, "u32", &texts(4096));
}

fn lines(partner: &Partner) {
    for buffer in BUFFERS {
        plays::as_server(partner, &Lines, buffer, &texts(buffer), &short_texts());
    }
    plays::as_server_of_the_command(partner, "lines", &texts(4096));
}

#[test]
fn erlang_packet_4_serves() {
    u32(&roster::ERLANG_4);
}

#[test]
fn twisted_int32_serves() {
    u32(&roster::TWISTED_INT32);
}

#[test]
fn python_multiprocessing_serves() {
    u32(&roster::MULTIPROCESSING);
}

#[test]
fn tokio_util_serves() {
    u32(&roster::TOKIO_UTIL);
}

#[test]
fn erlang_packet_line_serves() {
    lines(&roster::ERLANG_LINE);
}

#[test]
fn twisted_lines_serve() {
    lines(&roster::TWISTED_LINE);
}

#[test]
fn anyevent_packstring_serves() {
    u32(&roster::ANYEVENT);
}

#[test]
fn eventmachine_objects_serve() {
    u32(&roster::EVENTMACHINE);
}

#[test]
fn lua_serves() {
    u32(&roster::LUA);
}

#[test]
fn asyncio_serves() {
    u32(&roster::ASYNCIO);
}

#[test]
fn anyevent_lines_serve() {
    lines(&roster::ANYEVENT_LINE);
}

#[test]
fn eventmachine_lines_serve() {
    lines(&roster::EVENTMACHINE_LINE);
}

#[test]
fn luasocket_lines_serve() {
    lines(&roster::LUA_LINE);
}

#[test]
fn asyncio_lines_serve() {
    lines(&roster::ASYNCIO_LINE);
}

#[test]
fn node_readline_serves() {
    lines(&roster::READLINE);
}

#[test]
fn twisted_netstrings_serve() {
    for buffer in BUFFERS {
        let messages = [texts(buffer), binaries()].concat();
        plays::as_server(&roster::TWISTED_NETSTRING, &Netstring, buffer, &messages, &short_texts());
    }
}

/// The client's way to ask a server of the tutorials: a connection for each request.
#[test]
fn python_serves_json_header_by_the_description_of_the_format() {
    let Some((mut peer, address)) = roster::JSON_HEADER.server() else { return };
    let first = |content: &[u8]| [b"First 10 bytes of request: ", &content[..content.len().min(10)]].concat();
    let mut asked: Vec<(JsonHeader, Vec<u8>, Vec<u8>)> = [
        ("search", "morpheus", "Follow the white rabbit. \u{1F407}"),
        ("search", "\u{8A9E}", "No match for '\u{8A9E}'."),
        ("dance", "", "Error: invalid action 'dance'."),
    ]
    .map(|(action, value, result)| {
        let request = format!("{{\"action\": \"{action}\", \"value\": \"{value}\"}}");
        (JsonHeader::TEXT, request.into(), format!("{{\"result\": \"{result}\"}}").into())
    })
    .into();
    asked.extend(
        [Vec::new(), b"\0\xFF".to_vec(), text(4096), text(LONG)]
            .map(|content| (BINARY, content.clone(), first(&content))),
    );
    let slowly = relay::byte_by_byte(address);
    for buffer_size in [256, 4096] {
        for (law, content, answer) in &asked {
            let address = if content.len() < 100 { slowly } else { address };
            let config = ClientConfig { buffer_size, ..ClientConfig::default() };
            let mut client =
                BufferedClient::connect_with(*law, &address.into(), config).expect("a server that listens");
            let mut got = Vec::new();
            client.request(content, &mut got).expect("an answer");
            assert_eq!(got.escape_ascii().to_string(), answer.escape_ascii().to_string());
            let told = format!("{} {} {}", law.content_type, law.content_encoding, to_hex(content));
            assert_eq!(peer.hear(), Heard::Message(told.into()), "what the server received");
            assert_eq!(client.receive().expect("an orderly end"), None, "and it closes");
        }
    }
}

#[test]
fn python_sends_datagrams_back() {
    let Some((mut peer, address)) = roster::PYTHON_UDP.server() else { return };
    let mut client = datagrams(address);
    for message in services::datagram_messages(services::LONGEST_DATAGRAM) {
        assert!(client.request(&message).expect("an answer") == message, "{} bytes", message.len());
        assert_eq!(peer.hear(), Heard::Message(message));
    }
    // An argument of a command has an end of its own at 128 KiB, and no zero byte.
    let words = ["x", "", "\u{1F980}\u{E9}\u{8A9E}", "and a third one"];
    let sent = Command::new(framewright())
        .args(["send", "--udp", "--reply-timeout", "60", &address.to_string()])
        .args(words)
        .output()
        .expect("the command starts");
    assert!(sent.status.success(), "{}", String::from_utf8_lossy(&sent.stderr));
    assert_eq!(String::from_utf8_lossy(&sent.stdout), words.map(|word| format!("{word}\n")).concat());
}

#[test]
fn socat_sends_datagrams_back() {
    let Some((_socat, address)) = socat(1) else { return };
    let mut client = datagrams(address);
    for message in [b"x".to_vec(), "\u{1F980}\u{E9}\u{8A9E}".into(), (0..=255).collect(), text(1473), text(4000)] {
        assert!(client.request(&message).expect("an answer") == message, "{} bytes", message.len());
    }
}

#[test]
fn socat_sends_no_empty_datagram_back_and_cuts_long_ones() {
    let Some((_socat, address)) = socat(2) else { return };
    let client = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    client.set_read_timeout(Some(PATIENCE)).expect("a socket");
    client.connect(address).expect("an address");
    client.send(b"").expect("a socket");
    let long = text(10_000);
    client.send(&long).expect("a socket");
    let mut answer = [0; 10_000];
    let n = client.recv(&mut answer).expect("an answer");
    assert_eq!(n, 8192, "the block size of socat, without -b");
    assert!(answer[..n] == long[..n]);
}

/// Socat, sending datagrams back; `None` where it is missing. Each `number` has another address.
fn socat(number: u8) -> Option<(Killed, SocketAddr)> {
    let program = peers::find("socat", "socat")?;
    // It does not say which port it got if it may choose; so it gets an address that nobody else has.
    let [_, high, middle, low] = process::id().to_be_bytes();
    let address = SocketAddr::from((Ipv4Addr::new(127, 128 | high, middle, low), 3456 + u16::from(number)));
    let bound = format!("UDP4-RECVFROM:{},bind={},fork", address.port(), address.ip());
    let mut command = Command::new(program);
    let mut server = Killed(command.args(["-d", "-d", &bound, "PIPE"]).stderr(Stdio::piped()).spawn().expect("socat"));
    let mut log = BufReader::new(server.0.stderr.take().expect("it was piped"));
    let mut line = String::new();
    while !line.contains("receiving on") {
        line.clear();
        assert!(log.read_line(&mut line).expect("a log") > 0, "socat does not receive");
    }
    // It goes on writing there, for every datagram.
    thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
    Some((server, address))
}

fn datagrams(server: SocketAddr) -> DatagramClient {
    let options = SocketOptions { read_timeout: Some(PATIENCE), ..SocketOptions::default() };
    DatagramClient::connect(&server.into(), &options).expect("a server on loopback")
}

/// A process that ends with its test.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
