//! What is said to the services beyond echo, by peers of all kinds: `kv`, `chat`, `message` and `udp-echo`.

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::SocketAddr;

use super::messages::{LONG, text};
use super::peer::{Heard, Peer, to_hex};
use super::plays;
use super::relay;
use super::roster::{self, Partner};

/// Has a partner that speaks lines use the key-value store at `server`, whose connections have buffers of `buffer` bytes, and which
/// takes values of up to `longest_value`.
/// Where it is missing, nothing happens.
///
/// # Panics
/// Another answer comes than must.
pub fn key_value(partner: &Partner, server: SocketAddr, buffer: usize, longest_value: usize) {
    // Others may be here too.
    let own = partner.name.replace(' ', "-");
    let commands = |commands: &[&str]| commands.iter().map(|line| line.replace('@', &own).into()).collect::<Vec<_>>();
    let mut long = commands(&[
        "SET @motto Four score and seven years ago",
        "GET @motto",
        "get @motto",
        "set @motto \u{8A9E}\u{E9} \u{1F469}\u{200D}\u{1F680} spaces   inside ",
        "GET @motto",
        "DELETE @motto",
        "DELETE @motto",
        "GET @motto",
        "",
        " ",
        "GET",
        "SET @key",
        "GET @key and more",
        "FETCH @key",
    ]);
    for len in [buffer - 1, buffer, buffer + 1, 3 * buffer, longest_value, longest_value + 1, LONG] {
        long.push([format!("SET {own}long ").into_bytes(), text(len)].concat());
        long.push(format!("GET {own}long").into_bytes());
    }
    let short = commands(&["SET @short \u{5E9}\u{5DC}\u{5D5}\u{5DD}", "GET @short", "nonsense", "", "DELETE @short"]);
    let store = RefCell::new(HashMap::new());
    plays::as_client(partner, server, buffer, &long, &short, &|line| {
        answer(&mut store.borrow_mut(), line, longest_value)
    });
}

/// What the description of `kv` demands.
fn answer(store: &mut HashMap<String, String>, line: &[u8], longest_value: usize) -> Vec<u8> {
    let line = std::str::from_utf8(line).expect("text");
    let mut words = line.split_whitespace();
    let (command, key) = (words.next().unwrap_or_default().to_uppercase(), words.next().unwrap_or_default());
    let value = line.trim().splitn(3, ' ').nth(2).unwrap_or_default().trim();
    let done = match (command.as_str(), key, value) {
        (_, "", _) => None,
        ("GET", _, "") => store.get(key).cloned(),
        ("DELETE", _, "") => store.remove(key).map(|_| "OK".to_owned()),
        ("SET", _, value) if !value.is_empty() && value.len() <= longest_value => {
            store.insert(key.to_owned(), value.to_owned());
            Some("OK".to_owned())
        }
        _ => None,
    };
    done.unwrap_or_else(|| "ERROR".to_owned()).into_bytes()
}

/// Has five partners that have nothing in common meet in the chat room at `server`. Those that are missing stay away.
///
/// # Panics
/// Somebody does not hear what is for them.
pub fn chat(server: SocketAddr) {
    let invited = [
        roster::ERLANG_LINE,
        roster::TWISTED_LINE,
        roster::NC_OPENBSD,
        roster::NCAT_CRLF,
        roster::SOCAT,
        roster::TELNET,
    ];
    let mut here: Vec<(String, Peer)> = Vec::new();
    for partner in invited {
        let Some(mut peer) = partner.client(server) else { continue };
        let name = partner.name.split(' ').next().unwrap_or_default().to_owned() + &here.len().to_string();
        peer.say(&[name.as_bytes()]);
        // Their own arrival is told to the others alone; that they were let in they learn by what they ask.
        peer.say(&[b"/who"]);
        hear_until(&mut peer, &name);
        for (_, other) in &mut here {
            hear_until(other, &format!("* {name} joined"));
        }
        here.push((name, peer));
    }
    for speaker in 0..here.len() {
        let (name, peer) = &mut here[speaker];
        let line = format!("\u{8A9E}\u{E9}: {name} says hello");
        let heard = format!("{name}: {line}");
        peer.say(&[line.as_bytes()]);
        for (_, other) in here.iter_mut().enumerate().filter(|(at, _)| *at != speaker).map(|(_, member)| member) {
            hear_until(other, &heard);
        }
    }
    while let Some((name, mut peer)) = here.pop() {
        peer.hang_up();
        for (_, other) in &mut here {
            hear_until(other, &format!("* {name} left"));
        }
    }
}

/// Hears lines up to one that contains `text`.
fn hear_until(peer: &mut Peer, text: &str) {
    loop {
        match peer.hear() {
            Heard::Message(line) if String::from_utf8_lossy(&line).contains(text) => return,
            Heard::Message(_) => {}
            other => panic!("{}: {other:?}, before {text:?} came", peer.name()),
        }
    }
}

/// Has Python, by the description of the format, ask the service `message` at `server`; the value `value` was stored under the
/// key `ring` before. Where Python is missing, nothing happens.
///
/// # Panics
/// Another answer comes than must.
pub fn requests(server: SocketAddr, value: &str) {
    let json = |content: &str| format!("text/json utf-8 {}", to_hex(content.as_bytes()));
    let result = |text: &str| json(&format!("{{\"result\": \"{text}\"}}"));
    let binary = |content: &[u8]| format!("binary/custom-client-binary-type binary {}", to_hex(content));
    let first = |content: &[u8]| {
        let answer = [b"First 10 bytes of request: ", &content[..content.len().min(10)]].concat();
        format!("binary/custom-server-binary-type binary {}", to_hex(&answer))
    };
    let mut asked = vec![
        (json(r#"{"action": "search", "value": "ring"}"#), result(value)),
        (json(r#"{"value":"ring","action":"search"}"#), result(value)),
        (json(r#"{"action": "search", "value": "r\u0069ng"}"#), result(value)),
        (json(r#"{"action": "search", "value": "sword"}"#), result("No match for 'sword'.")),
        (json("{\"action\": \"search\", \"value\": \"\u{8A9E}\"}"), result("No match for '\u{8A9E}'.")),
        (json(r#"{"action": "dance", "value": "ring"}"#), result("Error: invalid action 'dance'.")),
    ];
    for content in [&b""[..], b"\0\xFF", b"0123456789", b"0123456789a", &text(4096), &text(LONG)] {
        asked.push((binary(content), first(content)));
    }
    let Some(mut peer) = roster::JSON_HEADER.client(server) else { return };
    for (request, answer) in &asked {
        ask(&mut peer, request, answer);
    }
    let Some(mut peer) = roster::JSON_HEADER.client(relay::byte_by_byte(server)) else { return };
    for (request, answer) in asked.iter().filter(|(request, _)| request.len() < 200) {
        ask(&mut peer, request, answer);
    }
}

fn ask(peer: &mut Peer, request: &str, answer: &str) {
    peer.say(&[request.as_bytes()]);
    let must = Heard::Message(answer.as_bytes().to_vec());
    let heard = peer.hear();
    assert!(heard == must, "{}: {heard:?} and not {must:?}, for {request}", peer.name());
}

/// Has Python and socat send datagrams of up to `longest` bytes to `udp-echo` at `server`. Those that are missing do not.
///
/// # Panics
/// Another answer comes than must.
pub fn datagrams(server: SocketAddr, longest: usize) {
    if let Some(mut peer) = roster::PYTHON_UDP.client(server) {
        for message in datagram_messages(longest) {
            peer.say(&[&message]);
            assert_eq!(peer.hear(), Heard::Message(message), "{}", peer.name());
        }
        peer.say(&[b"one", b"", b"three"]);
        for message in [&b"one"[..], b"", b"three"] {
            assert_eq!(peer.hear(), Heard::Message(message.to_vec()), "{}: three at once", peer.name());
        }
    }
    if let Some(mut peer) = roster::SOCAT_UDP.client(server) {
        // It makes a datagram of what one read gives it: of one line that waits for its answer.
        for message in [&b"x"[..], "\u{1F980}\u{E9}\u{8A9E}".as_bytes(), &text(1471), &text(longest.min(4000) - 1)] {
            peer.say(&[message]);
            assert_eq!(peer.hear(), Heard::Message(message.to_vec()), "{}", peer.name());
        }
    }
}

/// Datagrams empty, short, of bytes that are no text, about as long as an Ethernet frame and our buffers, and the longest there
/// is; but none of more than `longest` bytes.
pub fn datagram_messages(longest: usize) -> Vec<Vec<u8>> {
    let mut messages = vec![Vec::new(), b"x".to_vec(), "\u{1F980}\u{E9}\u{8A9E}".into(), (0..=255).collect()];
    messages.extend([1471, 1472, 1473, 4095, 4096, 4097, LONGEST_DATAGRAM].map(text));
    messages.retain(|message| message.len() <= longest);
    messages
}

/// The longest value that the store of `framewright serve` takes, in bytes, by default.
pub const LONGEST_VALUE: usize = 1 << 16;

/// The longest value that the store of `smoltcp-demo` takes, in bytes.
pub const LONGEST_VALUE_ON_SMOLTCP: usize = 256;

/// Bytes of payload of the longest datagram over IPv4: 65,535 less two headers.
pub const LONGEST_DATAGRAM: usize = 65_507;

/// Bytes of payload of the longest datagram that `smoltcp-demo` takes: 1,500 of an Ethernet frame less two headers.
pub const LONGEST_DATAGRAM_ON_SMOLTCP: usize = 1472;
