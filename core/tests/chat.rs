//! A chat room on virtual time: what each client is told, and what it is not.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use framewright::service::{Chat, ChatRules, Hub, Seat, Wake};
use framewright::{CloseReason, Instant, Session, SessionConfig, Shared, WallClock, service};

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
fn among_many_namesakes_the_lowest_free_number_is_taken() {
    let room = room(300, 4096);
    let mut members: Vec<_> = (0..290).map(|_| member(&room, "ann")).collect();
    assert_eq!(members.len(), 290);
    for gone in [130, 128, 200] {
        members[gone - 1].handle_reset(START);
    }
    let newcomer = || {
        let mut client = connect(&room, 1, ChatRules::default());
        say(&mut client, "ann");
        let told = read(&mut client);
        let name = told.split("You are ").nth(1).unwrap().split('.').next().unwrap().to_owned();
        (client, name)
    };
    let newcomers: Vec<_> = (0..5).map(|_| newcomer()).collect();
    let names: Vec<_> = newcomers.iter().map(|(_, name)| name.as_str()).collect();
    assert_eq!(names, ["ann_128", "ann_130", "ann_200", "ann_291", "ann_292"]);
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

/// A room in which somebody speaks between any two looks that another thread takes at it.
struct Busy<'r> {
    room: &'r RefCell<Room>,
    speaker: RefCell<Client<'r>>,
    looks: Cell<usize>,
}

impl Shared<Room> for Busy<'_> {
    fn with(&self, look: impl FnOnce(&mut Room)) {
        let mut speaker = self.speaker.borrow_mut();
        say(&mut speaker, self.looks.get().to_string());
        read(&mut speaker);
        self.looks.set(self.looks.get() + 1);
        look(&mut self.room.borrow_mut());
    }
}

#[test]
fn what_a_history_repeats_does_not_come_again_after_it() {
    let room = room(8, 4096);
    let busy = Busy { room: &room, speaker: RefCell::new(member(&room, "bob")), looks: Cell::new(0) };
    let chat = Chat::new(busy, ChatRules { rate: 0, ..ChatRules::default() }, 4000, ());
    let mut ann = Session::new(chat, vec![0; 1500], vec![0; 1500], SessionConfig::default(), START).unwrap();
    for line in [&b"ann\n"[..], b"/history 99\n"] {
        // Until its first list is told it takes no other line.
        while ann.handle_input(line, START) == 0 {
            ann.poll_output(START);
        }
    }
    let told = String::from_utf8(ann.poll_output(START).to_vec()).unwrap();
    let (_, told) = told.rsplit_once("messages:\n").expect("it is announced");
    let expected: Vec<String> = (0..told.lines().count()).map(|n| format!("[10:20:30] bob: {n}")).collect();
    assert!(expected.len() > 3, "{told}");
    assert_eq!(told.lines().collect::<Vec<_>>(), expected);
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
    for who in ["/who", "/ who"] {
        say(&mut ann, who);
        assert_eq!(read(&mut ann), "* Here now (2):\n*   ann\n*   ann_2\n");
    }
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
        "[10:20:30] bob: a?[2J??31m z\n[10:20:30] bob (private): ?]0;title?\n[10:20:30] * bob is now 31mred\n"
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

/// Counts how often it was woken.
#[derive(Clone, Default)]
struct Bell(std::rc::Rc<Cell<u32>>);

impl Wake for Bell {
    fn wake(&self) {
        self.0.set(self.0.get() + 1);
    }
}

#[test]
fn what_is_said_in_a_pause_is_told_in_one_go_and_wakes_nobody() {
    type Room = Hub<Vec<Seat<Bell>>, Vec<u8>, Bell>;
    let room: RefCell<Room> =
        RefCell::new(Hub::new((0..4).map(|_| Seat::default()).collect(), vec![0; 4096], WallClock::UNSET));
    let bell = Bell::default();
    let rules = ChatRules { rate: 0, pause: Duration::from_millis(10), ..ChatRules::default() };
    let connect = |name: &str, bell: Bell| {
        let chat = Chat::new(&room, rules, 1, bell);
        let mut client = Session::new(chat, vec![0; 1500], vec![0; 1500], SessionConfig::default(), START).unwrap();
        client.handle_input(name.as_bytes(), START);
        client
    };
    let told = |client: &mut Session<_, _, _>, at| {
        let told = String::from_utf8(client.poll_output(at).to_vec()).unwrap();
        client.sent(told.len(), at);
        told
    };
    let (mut ann, mut bob) = (connect("ann\n", Bell::default()), connect("bob\n", bell.clone()));
    told(&mut ann, START);
    told(&mut bob, START);
    assert_eq!(bob.deadline(), None, "it sleeps");

    let mut say = |text: &str, at| {
        ann.handle_input(text.as_bytes(), at);
        told(&mut ann, at);
    };
    let (now, until) = (Instant::from_millis(5), Instant::from_millis(25));
    say("one\n", now);
    assert_eq!(bell.0.get(), 1);
    assert_eq!(told(&mut bob, now), "[00:00:00] ann: one\n");
    assert_eq!(bob.deadline(), Some(until), "10 ms for each of the two");
    say("two\n", now);
    say("three\n", Instant::from_millis(24));
    assert_eq!(told(&mut bob, Instant::from_millis(24)), "");
    assert_eq!(bell.0.get(), 1, "it will look by itself");
    bob.handle_input(b"/who\n", now);
    assert_eq!(
        told(&mut bob, now),
        "* Here now (2):\n*   ann\n*   bob\n[00:00:00] ann: two\n[00:00:00] ann: three\n",
        "what it asks for is answered at once"
    );
    let (until, later) = (until, Instant::from_millis(100));
    assert_eq!(bob.deadline(), Some(until));
    assert_eq!(told(&mut bob, until), "");
    assert_eq!(bob.deadline(), None, "nothing came: it sleeps");
    say("four\n", later);
    assert_eq!(bell.0.get(), 2);
    assert_eq!(told(&mut bob, later), "[00:00:00] ann: four\n");
}

#[test]
fn a_small_room_has_no_pauses_and_a_huge_one_no_long_ones() {
    for (pause, expected) in [(Duration::from_micros(400), None), (Duration::from_secs(1), Some(100))] {
        let room = room(2, 4096);
        let rules = ChatRules { rate: 0, pause, ..ChatRules::default() };
        let (mut ann, mut bob) = (connect(&room, 1, rules), connect(&room, 2, rules));
        say(&mut ann, "ann");
        say(&mut bob, "bob");
        read(&mut bob);
        say(&mut ann, "hello");
        assert!(read(&mut bob).contains("hello"));
        assert_eq!(bob.deadline(), expected.map(Instant::from_millis));
    }
}

/// Members of a room with patience.
fn patient<'r, const N: usize>(room: &'r RefCell<Room>, names: [&str; N]) -> [Client<'r>; N] {
    let rules = ChatRules { rate: 0, patience: Duration::from_secs(3), ..ChatRules::default() };
    let mut clients = names.map(|name| {
        let mut client = connect(room, 1, rules);
        say(&mut client, name);
        client
    });
    for client in &mut clients {
        read(client);
    }
    clients
}

/// Says lines of 100 bytes until the client is not let speak, and tells how many it said.
fn say_until_held(client: &mut Client<'_>, now: Instant) -> usize {
    let line = [[b'x'; 100].as_slice(), b"\n"].concat();
    for said in 0..1000 {
        let taken = client.handle_input(&line, now);
        assert!(client.poll_output(now).is_empty());
        if taken < line.len() {
            assert_eq!(taken, 0, "the line stays with the front end");
            return said;
        }
    }
    1000
}

#[test]
fn a_room_with_patience_lets_nobody_overtake_a_reader_whose_turn_has_not_come() {
    let room = room(8, 4000);
    let [mut ann, mut bob, mut eve] = patient(&room, ["ann", "bob", "eve"]);
    let lines = |heard: String| heard.matches(" ann: xxx").count();
    let said = say_until_held(&mut ann, START);
    assert_eq!(said, 16, "half of the log");
    assert_eq!(ann.deadline(), Some(Instant::from_millis(100)), "it asks again");
    assert_eq!(bob.handle_input(b"held too\n", START), 0);

    assert_eq!(lines(read(&mut bob)), said);
    assert_eq!(say_until_held(&mut ann, START), 0, "Eve has not read yet");
    assert_eq!(lines(read(&mut eve)), said);
    assert_eq!(eve.handle_input(b"not held\n", START), 9);
    assert!(read(&mut ann).contains("not held"));
    assert_eq!(say_until_held(&mut ann, START), 16);
    assert_eq!((lines(read(&mut bob)), lines(read(&mut eve))), (16, 16));
    assert_eq!(room.borrow().dropped(), 0);
}

#[test]
fn a_held_speaker_is_woken_when_the_others_have_read() {
    type Room = Hub<Vec<Seat<Bell>>, Vec<u8>, Bell>;
    let room: RefCell<Room> =
        RefCell::new(Hub::new((0..4).map(|_| Seat::default()).collect(), vec![0; 1000], WallClock::UNSET));
    let rules = ChatRules { rate: 0, patience: Duration::from_secs(3), ..ChatRules::default() };
    let bell = Bell::default();
    let [mut ann, mut bob, mut eve] = [("ann\n", bell.clone()), ("bob\n", Bell::default()), ("eve\n", Bell::default())]
        .map(|(name, bell)| {
            let chat = Chat::new(&room, rules, 1, bell);
            let mut client = Session::new(chat, vec![0; 1500], vec![0; 1500], SessionConfig::default(), START).unwrap();
            client.handle_input(name.as_bytes(), START);
            client
        });
    let told = |client: &mut Session<_, _, _>| {
        let told = client.poll_output(START).len();
        client.sent(told, START);
    };
    for client in [&mut ann, &mut bob, &mut eve] {
        told(client);
    }
    let before = bell.0.get();
    let line = [[b'x'; 100].as_slice(), b"\n"].concat();
    assert!((0..100).any(|_| ann.handle_input(&line, START) == 0));
    told(&mut bob);
    assert_eq!(bell.0.get(), before, "there is one left");
    told(&mut eve);
    assert_eq!(bell.0.get(), before + 1);
    assert!(ann.handle_input(&line, START) > 0);

    assert!((0..100).any(|_| ann.handle_input(&line, START) == 0));
    told(&mut bob);
    eve.handle_reset(START);
    told(&mut bob);
    assert!(bell.0.get() > before + 1, "it has left");
}

#[test]
fn a_room_does_not_wait_for_a_member_that_takes_nothing() {
    let room = room(8, 8000);
    let [mut ann, mut bob, mut stuck] = patient(&room, ["ann", "bob", "stuck"]);
    // Its output is full from the beginning on, and it is asked in vain.
    let mut now = START;
    for _ in 0..20 {
        say(&mut ann, "x".repeat(100));
        read(&mut bob);
        stuck.poll_output(now);
    }
    now = Instant::from_millis(999);
    stuck.poll_output(now);
    let more = say_until_held(&mut ann, now);
    assert!((10..40).contains(&more), "it might read: {more}");
    read(&mut bob);
    assert_eq!(say_until_held(&mut ann, now), 0);
    now = Instant::from_millis(1000);
    for _ in 0..300 {
        assert_eq!(ann.handle_input(b"it does not\n", now), 12);
        read(&mut ann);
        assert!(read(&mut bob).contains("ann: it does not"));
        stuck.poll_output(now);
    }
    assert_eq!(stuck.close_reason(), Some(CloseReason::Dismissed(service::Refusal::FellBehind)));
    assert_eq!(room.borrow().dropped(), 1);
}

#[test]
fn the_patience_of_a_room_ends() {
    let room = room(8, 4000);
    let [mut ann, mut bob, _never] = patient(&room, ["ann", "bob", "never polled"]);
    say_until_held(&mut ann, START);
    read(&mut bob);
    assert_eq!(say_until_held(&mut ann, Instant::from_millis(2_999)), 0);
    let now = Instant::from_millis(3_000);
    for _ in 0..100 {
        assert_eq!(ann.handle_input(b"enough\n", now), 7);
        assert!(ann.poll_output(now).is_empty());
        assert!(read(&mut bob).contains("ann: enough"));
    }
}

#[test]
fn a_member_is_not_overtaken_by_what_is_not_for_it() {
    let room = room(8, 2000);
    let (mut ann, mut bob, mut eve) = (member(&room, "ann"), member(&room, "bob"), member(&room, "eve"));
    read(&mut ann);
    read(&mut bob);
    for i in 0..100 {
        say(&mut ann, format!("/msg bob secret {i} {}", "x".repeat(50)));
        assert!(read(&mut bob).contains(&format!("ann (private): secret {i}")));
    }
    say(&mut bob, "hello, all");
    assert_eq!(read(&mut eve), "[10:20:30] bob: hello, all\n");
    assert_eq!(room.borrow().dropped(), 0);
}
