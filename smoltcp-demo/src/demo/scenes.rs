//! What takes more than one client, or no connection: a chat, a store that is filled by one service and searched by another, and
//! datagrams. Each scene is played to its end before the next one begins.

use std::time::Duration;

use super::parts::{result_of, with_header};
use super::report::Fault;
use crate::loopback::{ClientId, ClientState, Loopback};

/// What came of a scene.
#[derive(Default)]
pub(super) struct Played {
    pub(super) clients: usize,
    pub(super) answers: usize,
    pub(super) faults: Vec<Fault>,
}

/// The virtual time that one line of a scene may take.
const PATIENCE: Duration = Duration::from_mins(10);
/// How long a sender of datagrams waits for one before it sends it again.
const AGAIN: Duration = Duration::from_secs(5);
/// How often it does.
const TRIES: usize = 50;

/// A line in a chat, and what each member hears of it. Who comes first, second and third is their number.
struct Line {
    who: usize,
    says: &'static str,
    heard: &'static [(usize, &'static str)],
}

/// `[--:--:--]` stands for any time.
const CHAT: [Line; 8] = [
    Line {
        who: 0,
        says: "ann\n",
        heard: &[(0, "* You are ann. /help lists the commands.\n* No messages to repeat.\n")],
    },
    Line {
        who: 1,
        says: "  bob\r\n",
        heard: &[
            (1, "* You are bob. /help lists the commands.\n* No messages to repeat.\n"),
            (0, "[--:--:--] * bob joined\n"),
        ],
    },
    Line { who: 1, says: "hello, ann 🙂\n", heard: &[(0, "[--:--:--] bob: hello, ann 🙂\n")] },
    Line {
        who: 2,
        says: "bob\n",
        heard: &[
            (2, "* You are bob_2. /help lists the commands.\n* The last 1 message:\n[--:--:--] bob: hello, ann 🙂\n"),
            (0, "[--:--:--] * bob_2 joined\n"),
            (1, "[--:--:--] * bob_2 joined\n"),
        ],
    },
    Line { who: 2, says: "/msg ann which bob?\n", heard: &[(0, "[--:--:--] bob_2 (private): which bob?\n")] },
    Line {
        who: 2,
        says: "/quit\n",
        heard: &[(2, "* Bye.\n"), (0, "[--:--:--] * bob_2 left\n"), (1, "[--:--:--] * bob_2 left\n")],
    },
    Line { who: 1, says: "/quit\n", heard: &[(1, "* Bye.\n"), (0, "[--:--:--] * bob left\n")] },
    Line { who: 0, says: "/quit\n", heard: &[(0, "* Bye.\n")] },
];

/// What everyone hears first.
const WELCOME: &str = "* Welcome. What is your name?\n";

/// Up to three clients, as many as there are slots, meet in the chat room.
pub(super) fn chat(world: &mut Loopback, port: u16) -> Played {
    let members = world.slots().min(3);
    let mut played = Played { clients: members, ..Played::default() };
    let clients: Vec<ClientId> = (0..members).map(|_| world.connect(port)).collect();
    let mut right = vec![String::from(WELCOME); members];
    for line in CHAT.iter().filter(|line| line.who < members) {
        world.send(clients[line.who], line.says.as_bytes());
        for (who, heard) in line.heard.iter().filter(|(who, _)| *who < members) {
            right[*who] += heard;
            played.answers += 1;
        }
        // The others say nothing before this was heard, so that it is the same in every run.
        let all_heard = |world: &Loopback| {
            clients.iter().zip(&right).all(|(client, right)| world.received(*client).len() >= right.len())
        };
        if let Err(error) = world.run_until(all_heard, PATIENCE) {
            played.fault(format!("after '{}': {error}", line.says.trim()));
            break;
        }
    }
    for (client, right) in clients.iter().zip(&right) {
        played.expect(world, *client, right.as_bytes(), without_times);
    }
    played
}

/// What one client stores, another finds.
pub(super) fn search(world: &mut Loopback, kv: u16, message: u16) -> Played {
    let mut played = Played { clients: 1, answers: 1, ..Played::default() };
    let writer = world.connect(kv);
    world.send(writer, b"SET ring One \"ring\"\n");
    played.expect(world, writer, b"OK\n", <[u8]>::to_vec);
    let reader = world.connect(message);
    world.send(reader, &with_header("text/json", "utf-8", br#"{"action": "search", "value": "ring"}"#));
    let right = with_header("text/json", "utf-8", &result_of(r#"One \"ring\""#));
    played.expect(world, reader, &right, <[u8]>::to_vec);
    played
}

/// Datagrams of all lengths, the empty one too, each sent until it comes back.
pub(super) fn datagrams(world: &mut Loopback, port: u16) -> Played {
    let mut played = Played { clients: 1, ..Played::default() };
    for len in [0, 1, 30, 512, 1472] {
        let datagram: Vec<u8> = (0..len).map(|n| u8::try_from((n + len) % 251).unwrap_or(0)).collect();
        let mut back = Vec::new();
        for _ in 0..TRIES {
            world.send_datagram(port, &datagram);
            world.run_for(AGAIN);
            back.append(&mut world.take_datagrams());
            if !back.is_empty() {
                break;
            }
        }
        // An earlier one may come late, and any may come twice.
        match back.iter().find(|(_, came)| came.len() == len) {
            Some((from, came)) if *from == port && *came == datagram => played.answers += 1,
            Some(_) => played.fault(format!("the datagram of {len} bytes came back wrong")),
            None => played.fault(format!("the datagram of {len} bytes did not come back")),
        }
    }
    played
}

impl Played {
    /// Lets the conversation come to its end, and compares what a client heard with what is right.
    fn expect(&mut self, world: &mut Loopback, client: ClientId, right: &[u8], plain: fn(&[u8]) -> Vec<u8>) {
        world.close_write(client);
        let over = |world: &Loopback| {
            matches!(world.state(client), ClientState::Closed | ClientState::Broken | ClientState::Refused)
        };
        if let Err(error) = world.run_until(over, PATIENCE) {
            self.fault(error.to_string());
        } else if world.state(client) != ClientState::Closed {
            self.fault(format!("the connection is {:?} and should be closed", world.state(client)));
        }
        let heard = plain(world.received(client));
        if heard != right {
            let (heard, right) = (String::from_utf8_lossy(&heard), String::from_utf8_lossy(right));
            self.fault(format!("heard '{heard}' and should have heard '{right}'"));
        }
    }

    fn fault(&mut self, what: String) {
        self.faults.push(Fault { part: "scene", what });
    }
}

/// The text with `[--:--:--]` for each `[HH:MM:SS]`.
fn without_times(text: &[u8]) -> Vec<u8> {
    let is_time = |stamp: &[u8]| {
        let shape = b"[##:##:##]";
        stamp.len() == shape.len()
            && stamp.iter().zip(shape).all(|(byte, shape)| match shape {
                b'#' => byte.is_ascii_digit(),
                _ => byte == shape,
            })
    };
    let mut plain = Vec::new();
    let mut rest = text;
    while let [first, tail @ ..] = rest {
        match rest.split_at_checked(10) {
            Some((stamp, tail)) if is_time(stamp) => {
                plain.extend_from_slice(b"[--:--:--]");
                rest = tail;
            }
            _ => {
                plain.push(*first);
                rest = tail;
            }
        }
    }
    plain
}
