//! `chat`: what each member hears, and what it does not.

use std::net::TcpStream;

use socket2::{Domain, Socket, Type};

use crate::child::Server;
use crate::client::Client;
use crate::wait_until;

#[test]
fn five_members_hear_each_other_come_talk_and_go() {
    let server = Server::start(&["serve", "chat=0"]);
    let names = ["ann", "bob", "cat", "dan", "eve"];
    let mut members: Vec<Client> = Vec::new();
    for name in names {
        let newcomer = Client::join(&server, name, name);
        for member in &mut members {
            assert_eq!(member.hear(), format!("* {name} joined"));
        }
        members.push(newcomer);
    }
    for (speaker, name) in names.iter().enumerate() {
        members[speaker].say(&format!("hello from {name} 👩‍🚀"));
        for (listener, member) in members.iter_mut().enumerate() {
            if listener != speaker {
                assert_eq!(member.hear(), format!("{name}: hello from {name} 👩‍🚀"));
            }
        }
    }
    // One breaks off, one half-closes, one says goodbye.
    members.remove(4).reset();
    all_hear(&mut members, "* eve left");
    let mut dan = members.remove(3);
    dan.stream().shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(dan.read_all(), b"");
    all_hear(&mut members, "* dan left");
    let mut cat = members.remove(2);
    assert_eq!(cat.ask("/quit"), "* Bye.");
    assert_eq!(cat.read_all(), b"");
    all_hear(&mut members, "* cat left");
    // The name is free again.
    let mut eve = Client::connect(&server, "chat");
    let history = eve.enter("eve", "eve");
    assert_eq!(history.len(), 5);
    assert!(history[4].ends_with(" eve: hello from eve 👩‍🚀"), "{history:?}");
    for member in &mut members {
        assert_eq!(member.hear(), "* eve joined");
        assert_eq!(member.surprise(), None);
    }
}

#[test]
fn a_name_that_is_taken_is_numbered_and_a_blank_one_is_a_guest() {
    let server = Server::start(&["serve", "chat=0"]);
    let _first = Client::join(&server, "ann", "ann");
    let second = Client::join(&server, "  ann  ", "ann_2");
    let _third = Client::join(&server, "an\u{7}n\r", "ann_3");
    second.reset();
    wait_until("ann_2 is gone", || {
        let mut newcomer = Client::connect(&server, "chat");
        assert_eq!(newcomer.read(), "* Welcome. What is your name?");
        newcomer.ask("ann").contains(" ann_2.")
    });
    let mut guest = Client::connect(&server, "chat");
    let port = guest.address().port();
    guest.enter("   ", &format!("Guest_{port}"));
    let _long = Client::join(&server, &"é".repeat(40), &"é".repeat(32));
}

#[test]
fn what_is_for_one_reaches_one() {
    let server = Server::start(&["serve", "chat=0"]);
    let mut ann = Client::join(&server, "ann", "ann");
    let mut bob = Client::join(&server, "bob", "bob");
    let mut eve = Client::join(&server, "eve", "eve");
    ann.say("/msg bob the key is under the mat");
    assert_eq!([bob.hear(), bob.hear()], ["* eve joined", "ann (private): the key is under the mat"]);
    assert_eq!(eve.surprise(), None);
    ann.send(b"bad \xff bytes\n");
    assert_eq!([ann.hear(), ann.hear()], ["* bob joined", "* eve joined"]);
    assert_eq!(ann.read(), "[ERROR] Received invalid data.");
    assert_eq!(ann.ask(&"x".repeat(1025)), "[ERROR] The line is too long: at most 1024 bytes. It was not sent.");
    assert_eq!(ann.ask(&"x".repeat(100_000)), "[ERROR] The line is too long: at most 1024 bytes. It was not sent.");
    assert_eq!([eve.surprise(), bob.surprise()], [None, None]);
    ann.say("and on it goes \u{1b}[2J\u{7}\tdone");
    for other in [&mut bob, &mut eve] {
        assert_eq!(other.hear(), "ann: and on it goes ?[2J? done");
    }
    let mut late = Client::connect(&server, "chat");
    assert_eq!(late.enter("late", "late").len(), 1, "no private line, no join is history");
    assert_eq!(ann.surprise().as_deref().map(|line| line.contains("late joined")), Some(true), "and no copy");
}

#[test]
fn a_name_can_be_changed_and_the_others_are_told() {
    let server = Server::start(&["serve", "chat=0"]);
    let mut ann = Client::join(&server, "ann", "ann");
    let mut bob = Client::join(&server, "bob", "bob");
    assert_eq!(ann.hear(), "* bob joined");
    assert_eq!(ann.ask("/nick bob"), "* You are bob_2.");
    assert_eq!(bob.hear(), "* ann is now bob_2");
    assert_eq!([bob.ask("/who"), bob.read(), bob.read()], ["* Here now (2):", "*   bob_2", "*   bob"]);
    assert_eq!(ann.ask("/nick"), "[ERROR] Say which: /nick NAME");
    ann.say("//nick is what I typed");
    assert_eq!(bob.hear(), "bob_2: /nick is what I typed");
}

#[test]
fn who_sends_too_fast_is_told_so_and_the_others_are_spared() {
    let server = Server::start(&["serve", "chat=0", "--chat-rate", "2"]);
    let mut ann = Client::join(&server, "ann", "ann");
    let mut bob = Client::join(&server, "bob", "bob");
    assert_eq!(ann.hear(), "* bob joined");
    for i in 0..100 {
        ann.say(&format!("line {i}"));
    }
    assert_eq!(ann.read(), "[ERROR] Too fast: at most 2 lines a second. This one was not sent.");
    let mut heard = 0;
    while bob.surprise().is_some() {
        heard += 1;
    }
    assert!((4..20).contains(&heard), "{heard} of 100 lines");
}

#[test]
fn a_member_that_stops_reading_delays_nobody_and_is_dropped_and_counted() {
    let server = Server::start(&["serve", "chat=0", "--chat-rate", "0", "--chat-log", "65536"]);
    // A small buffer, so that the kernel does not read much in its place.
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.connect(&server.address("chat").into()).unwrap();
    let mut stopped = Client::new(TcpStream::from(socket));
    stopped.enter("stopped", "stopped");
    let mut listener = Client::join(&server, "listener", "listener");
    let speaker = Client::join(&server, "speaker", "speaker");
    assert_eq!(listener.hear(), "* speaker joined");
    let text = "z".repeat(900);
    let mut said = 0;
    wait_until("the one that does not read is dropped", || {
        for _ in 0..20 {
            speaker.say(&format!("{said} {text}"));
            said += 1;
        }
        let mut left = false;
        for number in said - 20..said {
            let mut line = listener.hear();
            if line == "* stopped left" {
                left = true;
                line = listener.hear();
            }
            assert_eq!(line, format!("speaker: {number} {text}"), "in order, and soon");
        }
        left
    });
    server.wait_for_log("chat: a member read too slowly, and is disconnected so_far=1");
    server.wait_for_log("closed: the peer reads too slowly: what it was to be told is gone");
    assert!(said * 900 < 64 << 20, "{said} lines were kept for it");
}

#[test]
fn a_crowded_room_hears_everything_in_order() {
    let server = Server::start(&["serve", "chat=0", "--chat-rate", "0"]);
    // So many that members are told several lines in one go.
    let mut members: Vec<_> = (0..100).map(|i| Client::join(&server, "m", &name(i))).collect();
    let speakers = [Client::join(&server, "one", "one"), Client::join(&server, "two", "two")];
    for i in 0..200 {
        for speaker in &speakers {
            speaker.say(&format!("line {i}"));
        }
    }
    for member in &mut members {
        let mut next = [0, 0];
        while next != [200, 200] {
            let line = member.hear();
            let Some((name, said)) = line.split_once(": line ") else {
                assert!(line.ends_with(" joined"), "{line}");
                continue;
            };
            let speaker = usize::from(name == "two");
            assert_eq!(said, next[speaker].to_string());
            next[speaker] += 1;
        }
        assert_eq!(member.surprise(), None);
    }
}

fn all_hear(members: &mut [Client], line: &str) {
    for member in members {
        assert_eq!(member.hear(), line);
    }
}

fn name(i: usize) -> String {
    if i == 0 { "m".to_owned() } else { format!("m_{}", i + 1) }
}
