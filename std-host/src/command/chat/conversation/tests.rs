//! Conversations with the engine's own room, on virtual time.

use std::cell::RefCell;

use framewright::service::{Chat, ChatRules, Hub, Seat};
use framewright::{Instant, Session, SessionConfig, WallClock};

use super::*;

type Room = Hub<Vec<Seat<()>>, Vec<u8>>;
type Member<'r> = Chat<&'r RefCell<Room>, Room, ()>;

/// One connection of a member to a room.
struct Connected<'r> {
    session: Session<Member<'r>, Vec<u8>, Vec<u8>>,
    unread: Vec<u8>,
}

const NOW: Stamp = Stamp { hour: 23, minute: 59, second: 59 };
const START: Instant = Instant::ZERO;

/// A room whose clock shows 10:20:30.
fn room() -> RefCell<Room> {
    let clock = WallClock::new((10 * 3600 + 20 * 60 + 30) * 1_000_000, 0, START);
    RefCell::new(Hub::new((0..8).map(|_| Seat::default()).collect(), vec![0; 100_000], clock))
}

impl<'r> Connected<'r> {
    fn to(room: &'r RefCell<Room>) -> Self {
        let rules = ChatRules { rate: 0, ..ChatRules::default() };
        let (input, output) = (vec![0; 2000], vec![0; 2000]);
        let session =
            Session::new(Chat::new(room, rules, 4711, ()), input, output, SessionConfig::default(), START).unwrap();
        Self { session, unread: Vec::new() }
    }

    fn say(&mut self, line: &str) {
        let line = format!("{line}\n");
        let mut left = line.as_bytes();
        while !left.is_empty() {
            let taken = self.session.handle_input(left, START);
            left = &left[taken..];
            assert!(self.receive() || taken > 0, "the room neither takes nor tells anything");
        }
    }

    /// Takes what the room has to tell. Whether there was anything.
    fn receive(&mut self) -> bool {
        let output = self.session.poll_output(START);
        let n = output.len();
        self.unread.extend_from_slice(output);
        self.session.sent(n, START);
        n > 0
    }

    /// The next line that the room tells.
    fn read(&mut self) -> Option<Vec<u8>> {
        loop {
            if let Some(end) = self.unread.iter().position(|&byte| byte == b'\n') {
                return Some(self.unread.drain(..=end).take(end).collect());
            }
            if !self.receive() {
                return None;
            }
        }
    }

    /// Lets the conversation hear all that the room has to tell, and the room what is to be said.
    fn catch_up(&mut self, conversation: &mut Conversation) {
        while let Some(line) = self.read() {
            for line in conversation.hear(&line, NOW) {
                self.say(&line);
            }
        }
    }

    fn come_in(room: &'r RefCell<Room>, conversation: &mut Conversation) -> Self {
        let mut connected = Self::to(room);
        conversation.connected().iter().for_each(|line| connected.say(line));
        connected.catch_up(conversation);
        connected
    }

    /// The user says something.
    fn type_in(&mut self, conversation: &mut Conversation, line: &str) {
        conversation.say(line, NOW);
        self.say(line);
        self.catch_up(conversation);
    }
}

/// Somebody else, who is in.
fn other<'r>(room: &'r RefCell<Room>, name: &str) -> Connected<'r> {
    let mut other = Connected::to(room);
    other.say(name);
    other
}

fn shown(conversation: &Conversation) -> Vec<String> {
    let transcript = conversation.transcript();
    let text = |at| transcript.at(at).unwrap().pieces().iter().map(|piece| piece.text.as_str()).collect();
    (0..transcript.len()).map(text).collect()
}

fn names(conversation: &Conversation) -> Vec<&str> {
    conversation.roster().names().collect()
}

#[test]
fn a_newcomer_learns_who_is_here_and_what_was_said_and_is_shown_no_questions() {
    let room = room();
    let mut bob = other(&room, "bob");
    let _eve = other(&room, "eve");
    for i in 0..15 {
        bob.say(&format!("message {i}"));
    }
    let mut ann = Conversation::new("ann");
    assert_eq!(ann.roster().count(), None);
    let _connected = Connected::come_in(&room, &mut ann);
    assert_eq!(names(&ann), ["ann", "bob", "eve"]);
    assert_eq!(ann.roster().count(), Some(3));
    let mut expected: Vec<_> = (0..15).map(|i| format!("10:20:30 bob: message {i}")).collect();
    expected.push("── 23:59:59  you are ann ──".into());
    assert_eq!(shown(&ann), expected);
}

#[test]
fn what_is_said_and_done_is_shown_as_it_happens() {
    let room = room();
    let mut ann = Conversation::new("ann");
    let mut connected = Connected::come_in(&room, &mut ann);
    let mut bob = other(&room, "bob");
    bob.say("hello");
    bob.say("/msg ann psst");
    bob.say("/nick bob lee");
    connected.catch_up(&mut ann);
    assert_eq!(names(&ann), ["ann", "bob lee"]);
    connected.type_in(&mut ann, "  hi \u{1b}bob ");
    connected.type_in(&mut ann, "//slash");
    connected.type_in(&mut ann, "/msg bob lee hush");
    connected.type_in(&mut ann, "/msg nobody hush");
    connected.type_in(&mut ann, "/nick ann 漢");
    assert_eq!(names(&ann), ["ann 漢", "bob lee"]);
    drop(bob);
    connected.catch_up(&mut ann);
    assert_eq!(
        shown(&ann),
        [
            "── 23:59:59  you are ann ──",
            "10:20:30 * bob joined",
            "10:20:30 bob: hello",
            "10:20:30 bob (private): psst",
            "10:20:30 * bob is now bob lee",
            "23:59:59 ann: hi ?bob",
            "23:59:59 ann: /slash",
            "23:59:59 to bob lee (private): hush",
            "! Nobody here is called nobody. /who lists who is.",
            "* You are ann 漢.",
        ]
    );
    assert_eq!(ann.name(), "ann 漢");
}

#[test]
fn what_the_user_asks_for_is_shown() {
    let room = room();
    let mut bob = other(&room, "bob");
    bob.say("one");
    bob.say("two");
    let mut ann = Conversation::new("ann");
    let mut connected = Connected::come_in(&room, &mut ann);
    let before = shown(&ann).len();
    connected.type_in(&mut ann, "/who");
    connected.type_in(&mut ann, "/history 1");
    connected.type_in(&mut ann, "/history 0");
    connected.type_in(&mut ann, "/dance");
    assert_eq!(
        shown(&ann)[before..],
        [
            "* Here now (2): ann, bob",
            "* The last 1 message:",
            "10:20:30 bob: two",
            "* No messages to repeat.",
            "! There is no command /dance. /help lists them.",
        ]
    );
    connected.type_in(&mut ann, "/help");
    assert!(shown(&ann).iter().any(|line| line == "* /quit            leave"), "{:?}", shown(&ann));
}

#[test]
fn who_comes_back_has_the_same_name_and_sees_what_was_missed_once() {
    let room = room();
    let mut bob = other(&room, "bob");
    bob.say("before");
    let mut ann = Conversation::new("ann");
    let mut connected = Connected::come_in(&room, &mut ann);
    connected.type_in(&mut ann, "mine");
    connected.session.handle_reset(START);
    ann.lost("gone", NOW);
    assert_eq!((names(&ann).len(), ann.roster().count()), (0, None));
    for i in 0..12 {
        bob.say(&format!("missed {i}"));
    }
    let mut connected = Connected::come_in(&room, &mut ann);
    bob.say("after");
    connected.catch_up(&mut ann);
    let mut expected = vec![
        "10:20:30 bob: before".to_owned(),
        "── 23:59:59  you are ann ──".to_owned(),
        "10:20:30 ann: mine".to_owned(),
        "── 23:59:59  gone ──".to_owned(),
    ];
    expected.extend((0..12).map(|i| format!("10:20:30 bob: missed {i}")));
    expected.extend(["── 23:59:59  connected again; you are ann ──".to_owned(), "10:20:30 bob: after".to_owned()]);
    assert_eq!(shown(&ann), expected);
    assert_eq!(names(&ann), ["ann", "bob"]);
}

#[test]
fn who_comes_back_before_the_room_noticed_gets_the_old_name_when_the_old_self_is_gone() {
    let room = room();
    let mut ann = Conversation::new("ann");
    let mut old = Connected::come_in(&room, &mut ann);
    ann.lost("no network", NOW);
    let mut connected = Connected::come_in(&room, &mut ann);
    assert_eq!(ann.name(), "ann_2");
    old.session.handle_reset(START);
    connected.catch_up(&mut ann);
    assert_eq!(ann.name(), "ann");
    assert_eq!(names(&ann), ["ann"]);
}

#[test]
fn a_name_that_somebody_else_has_is_left_to_them() {
    let room = room();
    let mut first = other(&room, "ann");
    let mut ann = Conversation::new("ann");
    let mut connected = Connected::come_in(&room, &mut ann);
    assert_eq!(ann.name(), "ann_2");
    first.session.handle_reset(START);
    connected.catch_up(&mut ann);
    assert_eq!(ann.name(), "ann_2");
    connected.session.handle_reset(START);
    ann.lost("gone", NOW);
    Connected::come_in(&room, &mut ann);
    assert_eq!(ann.name(), "ann_2", "it comes back with the name that it had");
}

#[test]
fn a_guest_comes_back_as_the_same_guest() {
    let room = room();
    let mut guest = Conversation::new("");
    let mut connected = Connected::come_in(&room, &mut guest);
    assert_eq!(guest.name(), "Guest_4711");
    connected.session.handle_reset(START);
    guest.lost("gone", NOW);
    assert_eq!(guest.connected()[0], "Guest_4711");
}

#[test]
fn a_room_that_says_other_words_can_be_talked_in() {
    let mut ann = Conversation::new("ann");
    ann.connected();
    for line in [&b"Users online: bob"[..], b"[10:00:00] bob: hi", b"\xff\x1b[2J", b"[10:00:01] * eve joined"] {
        ann.hear(line, NOW);
    }
    ann.say("hello", NOW);
    assert_eq!(
        shown(&ann),
        ["* Users online: bob", "10:00:00 bob: hi", "* \u{fffd}?[2J", "10:00:01 * eve joined", "23:59:59 ann: hello",]
    );
    assert_eq!(ann.roster().count(), None, "nobody told how many there are");
}

#[test]
fn a_list_that_is_shorter_than_announced_ends_with_the_next_line() {
    let mut ann = Conversation::new("ann");
    ann.connected();
    for line in ["* You are ann.", "* The last 9 messages:", "[10:00:00] bob: hi", "* Here now (5):", "*   bob"] {
        ann.hear(line.as_bytes(), NOW);
    }
    ann.hear(b"[10:00:01] bob: there", NOW);
    assert_eq!(shown(&ann), ["10:00:00 bob: hi", "── 23:59:59  you are ann ──", "10:00:01 bob: there"]);
    assert_eq!(names(&ann), ["bob"]);
}
