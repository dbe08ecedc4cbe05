//! A chat room on virtual time: what each client is told, and what it is not.

use std::cell::RefCell;

use framewright::service::{Chat, ChatRules, Hub, Seat};
use framewright::{CloseReason, Instant, Session, SessionConfig, WallClock, service};

type Room = Hub<Vec<Seat<()>>, Vec<u8>>;
type Client<'r> = Session<Chat<&'r RefCell<Room>, Room, ()>, Vec<u8>, Vec<u8>>;

/// A room of so many seats and bytes, whose clock shows 10:20:30 at the start.
fn room(seats: usize, ring: usize) -> RefCell<Room> {
    let clock = WallClock::new((10 * 3600 + 20 * 60 + 30) * 1_000_000, 0, Instant::ZERO);
    RefCell::new(Hub::new((0..seats).map(|_| Seat::default()).collect(), vec![0; ring], clock))
}

const START: Instant = Instant::ZERO;

fn connect(room: &RefCell<Room>, port: u16, rules: ChatRules) -> Client<'_> {
    let chat = Chat::new(room, rules, port, ());
    Session::new(chat, vec![0; 1500], vec![0; 1500], SessionConfig::default(), START).unwrap()
}

/// A client that has said its name and read what it was told.
fn member<'r>(room: &'r RefCell<Room>, name: &str) -> Client<'r> {
    let mut client = connect(room, 4000, ChatRules { rate: 0, ..ChatRules::default() });
    say(&mut client, name);
    read(&mut client);
    client
}

fn say(client: &mut Client<'_>, line: impl AsRef<[u8]>) {
    say_at(client, line, START);
}

fn say_at(client: &mut Client<'_>, line: impl AsRef<[u8]>, now: Instant) {
    let line = [line.as_ref(), b"\n"].concat();
    assert_eq!(client.handle_input(&line, now), line.len());
}

/// All that a client is told now.
fn read(client: &mut Client<'_>) -> String {
    let mut told = Vec::new();
    loop {
        let output = client.poll_output(START);
        if output.is_empty() {
            return String::from_utf8(told).unwrap();
        }
        // A few bytes at a time, as a slow socket takes them.
        let n = output.len().min(11);
        told.extend_from_slice(&output[..n]);
        client.sent(n, START);
    }
}

#[test]
fn everyone_else_is_told_what_one_says_and_the_sender_gets_no_copy() {
    let room = room(8, 4096);
    let (mut ann, mut bob, mut eve) = (member(&room, "ann"), member(&room, "bob"), member(&room, "eve"));
    assert_eq!(read(&mut ann), "[10:20:30] * bob joined\n[10:20:30] * eve joined\n");
    say(&mut bob, "  hello, 🌍  ");
    say(&mut bob, "");
    say(&mut bob, "   ");
    say(&mut bob, "//who is a message");
    assert_eq!(read(&mut bob), "[10:20:30] * eve joined\n");
    for other in [&mut ann, &mut eve] {
        assert_eq!(read(other), "[10:20:30] bob: hello, 🌍\n[10:20:30] bob: /who is a message\n");
    }
    eve.handle_reset(START);
    assert_eq!(read(&mut ann), "[10:20:30] * eve left\n");
    bob.handle_end(START);
    read(&mut bob);
    assert!(bob.is_done());
    assert_eq!(read(&mut ann), "[10:20:30] * bob left\n");
    assert_eq!(room.borrow().members(), 1);
}

#[test]
fn lines_are_stamped_with_the_time_at_which_they_were_said() {
    let room = room(2, 4096);
    let (mut ann, mut bob) = (member(&room, "ann"), member(&room, "bob"));
    read(&mut ann);
    say_at(&mut bob, "later", Instant::from_millis(3_600_000 + 29_999));
    assert_eq!(read(&mut ann), "[11:20:59] bob: later\n");
}

#[test]
fn a_taken_name_is_numbered_and_a_blank_one_is_a_guest() {
    let room = room(8, 4096);
    let mut ann = member(&room, "ann");
    let (_second, _third) = (member(&room, " ann "), member(&room, "ann\r"));
    assert_eq!(read(&mut ann), "[10:20:30] * ann_2 joined\n[10:20:30] * ann_3 joined\n");
    let mut guest = connect(&room, 50123, ChatRules::default());
    say(&mut guest, "   ");
    assert!(read(&mut guest).contains("* You are Guest_50123."));
    let _long = member(&room, &"é".repeat(40));
    assert_eq!(read(&mut ann), format!("[10:20:30] * Guest_50123 joined\n[10:20:30] * {} joined\n", "é".repeat(32)));
}

#[test]
fn a_private_line_reaches_its_addressee_alone() {
    let room = room(8, 4096);
    let (mut ann, mut bob, mut eve) = (member(&room, "ann"), member(&room, "ann lee"), member(&room, "eve"));
    for client in [&mut ann, &mut bob, &mut eve] {
        read(client);
    }
    say(&mut eve, "/msg ann lee the key");
    say(&mut eve, "/msg ann other");
    assert_eq!(read(&mut bob), "[10:20:30] eve (private): the key\n");
    assert_eq!(read(&mut ann), "[10:20:30] eve (private): other\n");
    assert_eq!(read(&mut eve), "");
    say(&mut eve, "/msg nobody hi");
    say(&mut eve, "/msg ann");
    say(&mut eve, "/msg");
    assert_eq!(
        read(&mut eve),
        "[ERROR] Nobody here is called nobody. /who lists who is.\n[ERROR] Say what: /msg NAME text\n\
         [ERROR] Say to whom: /msg NAME text\n"
    );
    assert_eq!(read(&mut ann) + &read(&mut bob), "");
    let mut late = connect(&room, 1, ChatRules::default());
    say(&mut late, "late");
    assert!(!read(&mut late).contains("key"), "a private line is not part of the history");
}

#[test]
fn a_newcomer_receives_the_last_messages_announced_as_such() {
    let room = room(8, 4096);
    let mut ann = member(&room, "ann");
    for i in 0..15 {
        say(&mut ann, format!("message {i}"));
    }
    let mut bob = connect(&room, 1, ChatRules::default());
    say(&mut bob, "bob");
    let told = read(&mut bob);
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(
        lines[..3],
        ["* Welcome. What is your name?", "* You are bob. /help lists the commands.", "* The last 10 messages:"]
    );
    let expected: Vec<String> = (5..15).map(|i| format!("[10:20:30] ann: message {i}")).collect();
    assert_eq!(lines[3..], expected);
    say(&mut bob, "/history 2");
    assert_eq!(read(&mut bob), "* The last 2 messages:\n[10:20:30] ann: message 13\n[10:20:30] ann: message 14\n");
    say(&mut bob, "/history 1");
    assert_eq!(read(&mut bob), "* The last 1 message:\n[10:20:30] ann: message 14\n");
    say(&mut bob, "/history 0");
    say(&mut bob, "/history many");
    assert_eq!(read(&mut bob), "* No messages to repeat.\n[ERROR] Say how many: /history [N]\n");
    say(&mut bob, "/history 99");
    assert_eq!(read(&mut bob).lines().count(), 16);
}

#[test]
fn lists_that_are_asked_for_in_one_segment_are_all_told_whole() {
    let room = room(8, 20_000);
    let mut ann = member(&room, "ann");
    for i in 0..12 {
        say(&mut ann, format!("message {i}"));
    }
    let messages: Vec<_> = (0..12).map(|i| format!("[10:20:30] ann: message {i}\n")).collect();
    let told = format!("* The last 12 messages:\n{}* Here now (2):\n*   ann\n*   bob\n", messages.concat());
    for asked in [&b"bob\n/history 12\n/who\n"[..], b"bob\n/history 12\n/who"] {
        let mut bob = connect(&room, 1, ChatRules { history: 3, ..ChatRules::default() });
        let mut taken = bob.handle_input(asked, START);
        let mut heard = String::new();
        let ended = !asked.ends_with(b"\n");
        while taken < asked.len() {
            heard += &read(&mut bob);
            taken += bob.handle_input(&asked[taken..], START);
        }
        if ended {
            bob.handle_end(START);
        }
        heard += &read(&mut bob);
        assert!(heard.ends_with(&told), "{heard}");
        assert!(heard.contains("* The last 3 messages:\n[10:20:30] ann: message 9\n"), "{heard}");
        bob.handle_reset(START);
    }
}

#[test]
fn commands_list_rename_help_and_quit() {
    let room = room(8, 4096);
    let (mut ann, mut bob) = (member(&room, "ann"), member(&room, "bob"));
    read(&mut ann);
    say(&mut bob, "/nick ann");
    say(&mut bob, "/nick ann_2");
    say(&mut bob, "/nick");
    assert_eq!(read(&mut bob), "* You are ann_2.\n* You are ann_2.\n[ERROR] Say which: /nick NAME\n");
    assert_eq!(read(&mut ann), "[10:20:30] * bob is now ann_2\n");
    say(&mut ann, "/who");
    assert_eq!(read(&mut ann), "* Here now (2):\n*   ann\n*   ann_2\n");
    say(&mut ann, "/help");
    assert!(read(&mut ann).contains("* /nick NAME"));
    say(&mut ann, "/");
    say(&mut ann, "/dance now");
    assert_eq!(
        read(&mut ann),
        "[ERROR] There is no command /. /help lists them.\n[ERROR] There is no command /dance. /help lists them.\n"
    );
    say(&mut bob, "/quit");
    assert_eq!(read(&mut bob), "* Bye.\n");
    assert_eq!(bob.close_reason(), Some(CloseReason::ServiceDone));
    assert_eq!(read(&mut ann), "[10:20:30] * ann_2 left\n");
}

#[test]
fn invalid_data_is_told_to_its_sender_alone_who_may_go_on() {
    let room = room(8, 4096);
    let (mut ann, mut bob) = (member(&room, "ann"), member(&room, "bob"));
    read(&mut ann);
    say(&mut bob, b"\xff\xfe");
    say(&mut bob, "still here");
    assert_eq!(read(&mut bob), "[ERROR] Received invalid data.\n");
    assert_eq!(read(&mut ann), "[10:20:30] bob: still here\n");
    let mut new = connect(&room, 7, ChatRules::default());
    say(&mut new, b"\xff");
    say(&mut new, "named");
    assert!(read(&mut new).contains("[ERROR] Received invalid data.\n* You are named."));
}

#[test]
fn control_characters_never_reach_another_terminal() {
    let room = room(8, 4096);
    let (mut ann, mut bob) = (member(&room, "ann"), member(&room, "bo\u{1b}b"));
    assert_eq!(read(&mut ann), "[10:20:30] * bob joined\n");
    say(&mut bob, "a\u{1b}[2J\u{7}\u{9b}31m\tz");
    say(&mut bob, "/msg ann \u{1b}]0;title\u{7}");
    say(&mut bob, "/nick \u{1b}[31mred");
    assert_eq!(
        read(&mut ann),
        "[10:20:30] bob: a?[2J??31m z\n[10:20:30] bob (private): ?]0;title?\n[10:20:30] * bob is now [31mred\n"
    );
    say(&mut bob, "/da\u{1b}nce");
    assert!(!read(&mut bob).contains('\u{1b}'));
}

#[test]
fn lines_too_long_or_too_fast_are_refused_to_their_sender_in_words() {
    let room = room(8, 8192);
    let mut ann = member(&room, "ann");
    let mut bob = connect(&room, 1, ChatRules { rate: 10, max_line: 100, ..ChatRules::default() });
    say(&mut bob, "bob");
    read(&mut bob);
    read(&mut ann);
    say(&mut bob, "x".repeat(101));
    // Longer than its buffer, in pieces.
    for _ in 0..30 {
        assert_eq!(bob.handle_input(&[b'y'; 100], START), 100);
    }
    say(&mut bob, "");
    let refusal = "[ERROR] The line is too long: at most 100 bytes. It was not sent.\n";
    assert_eq!(read(&mut bob), refusal.repeat(2));
    for i in 0..22 {
        say(&mut bob, format!("{i}"));
    }
    let refusal = "[ERROR] Too fast: at most 10 lines a second. This one was not sent.\n";
    assert_eq!(read(&mut bob), refusal.repeat(2));
    // A tenth of a second later it may say one more.
    say_at(&mut bob, "22", Instant::from_millis(100));
    say_at(&mut bob, "23", Instant::from_millis(100));
    assert_eq!(read(&mut bob), refusal);
    let heard: Vec<String> = read(&mut ann).lines().map(|line| line.rsplit(' ').next().unwrap().to_owned()).collect();
    let expected: Vec<String> = (0..20).chain([22]).map(|i| i.to_string()).collect();
    assert_eq!(heard, expected);
}

#[test]
fn a_slow_reader_delays_nobody_and_is_disconnected_when_the_log_has_overtaken_it() {
    let room = room(8, 2000);
    let (mut ann, mut bob, mut slow) = (member(&room, "ann"), member(&room, "bob"), member(&room, "slow"));
    read(&mut ann);
    let mut left = false;
    for i in 0..200 {
        say(&mut bob, format!("message {i} {}", "x".repeat(50)));
        let told = read(&mut ann);
        assert!(told.contains(&format!("bob: message {i} ")), "{told}");
        left |= told.contains("* slow left");
        slow.poll_output(START);
    }
    assert_eq!(slow.close_reason(), Some(CloseReason::Dismissed(service::Refusal::FellBehind)));
    assert_eq!(room.borrow().dropped(), 1);
    assert!(left);
}

#[test]
fn a_reader_without_room_is_looked_at_again() {
    let room = room(8, 100_000);
    let (mut ann, mut bob) = (member(&room, "ann"), member(&room, "bob"));
    assert_eq!(ann.deadline(), None, "it has read all");
    for _ in 0..100 {
        say(&mut bob, "x".repeat(50));
    }
    ann.poll_output(START);
    assert_eq!(ann.deadline(), Some(Instant::from_millis(1_000)));
    assert_eq!(read(&mut ann).lines().count(), 101);
    assert_eq!(ann.deadline(), None);
}

#[test]
fn a_full_room_says_so_and_its_seats_are_used_again() {
    let room = room(2, 4096);
    let (mut ann, _bob) = (member(&room, "ann"), member(&room, "bob"));
    let mut eve = connect(&room, 1, ChatRules::default());
    say(&mut eve, "eve");
    assert!(read(&mut eve).ends_with("[ERROR] The room is full.\n"));
    assert_eq!(eve.close_reason(), Some(CloseReason::Refused { refusal: service::Refusal::Full, offset: 0 }));
    ann.handle_reset(START);
    let mut eve = member(&room, "eve");
    say(&mut eve, "/who");
    assert_eq!(read(&mut eve), "* Here now (2):\n*   eve\n*   bob\n");
}

#[test]
fn what_was_said_in_an_earlier_life_is_history() {
    let room = room(2, 4096);
    room.borrow_mut().restore("[09:00:00] old: hi\u{1b}");
    let mut ann = connect(&room, 1, ChatRules::default());
    say(&mut ann, "ann");
    assert!(read(&mut ann).ends_with("* The last 1 message:\n[09:00:00] old: hi?\n"));
    say(&mut ann, "new");
    let mut kept = Vec::new();
    let cursor = room.borrow().messages_from(0, |text| kept.push(String::from_utf8(text.concat()).unwrap()));
    assert_eq!(kept, ["[09:00:00] old: hi?", "[10:20:30] ann: new"]);
    assert_eq!(room.borrow().messages_from(cursor, |_| panic!("told twice")), cursor);
}
