//! Chat history with `--data`: it outlives the server, and does not grow.

use std::fs;

use rustix::process::Signal;

use crate::Directory;
use crate::child::Server;
use crate::client::Client;
use crate::wait_until;

fn start(directory: &Directory) -> Server {
    Server::start(&["serve", "chat=0", "--chat-rate", "0", "--chat-log", "8192", "--data", directory.path()])
}

#[test]
fn public_messages_are_there_after_a_restart_and_nothing_else() {
    let directory = Directory::new();
    let mut server = start(&directory);
    let ann = Client::join(&server, "ann", "ann");
    let mut bob = Client::join(&server, "bob", "bob");
    ann.say("before 🦀");
    ann.say("/msg bob psst");
    ann.say("behind");
    let lines = [bob.read(), bob.read(), bob.read()];
    assert!(lines[1].ends_with("(private): psst"), "{lines:?}");
    drop(bob);
    server.signal(Signal::TERM);
    assert!(server.wait().success());

    let server = start(&directory);
    let mut cat = Client::connect(&server, "chat");
    assert_eq!(cat.enter("cat", "cat"), [&*lines[0], &lines[2]]);
    let dan = Client::join(&server, "dan", "dan");
    assert_eq!(cat.hear(), "* dan joined");
    dan.say("now");
    let now = cat.read();
    assert_eq!(cat.ask("/history 2"), "* The last 2 messages:");
    assert_eq!([cat.read(), cat.read()], [&*lines[2], &now]);
}

#[test]
fn a_line_is_on_disk_a_moment_after_it_was_heard() {
    let directory = Directory::new();
    let mut server = start(&directory);
    let ann = Client::join(&server, "ann", "ann");
    let mut bob = Client::join(&server, "bob", "bob");
    ann.say("remember this");
    assert_eq!(bob.hear(), "ann: remember this");
    wait_until("it is in the file", || {
        let bytes = fs::read(directory.database()).unwrap();
        bytes.windows(13).any(|part| part == b"remember this")
    });
    // The commit that wrote it may not be done; the next write waits for it and all before.
    ann.say("and this");
    assert_eq!(bob.hear(), "ann: and this");
    wait_until("the next is in the file too", || {
        let bytes = fs::read(directory.database()).unwrap();
        bytes.windows(8).any(|part| part == b"and this")
    });
    server.signal(Signal::KILL);
    server.wait();
    let server = start(&directory);
    let history = Client::connect(&server, "chat").enter("cat", "cat");
    assert!(history.first().is_some_and(|line| line.ends_with("ann: remember this")), "{history:?}");
}

#[test]
fn the_history_on_disk_is_as_long_as_the_log_and_no_longer() {
    let directory = Directory::new();
    let mut server = start(&directory);
    let ann = Client::join(&server, "ann", "ann");
    let mut bob = Client::join(&server, "bob", "bob");
    let say_and_hear = |bob: &mut Client, from: usize| {
        for i in from..from + 500 {
            ann.say(&format!("{i} {}", "h".repeat(200)));
            assert!(bob.hear().starts_with(&format!("ann: {i} ")));
        }
    };
    say_and_hear(&mut bob, 0);
    let size = || fs::metadata(directory.database()).unwrap().len();
    let before = size();
    for round in 1..10 {
        say_and_hear(&mut bob, round * 500);
    }
    assert!(size() <= 2 * before, "{before} bytes, then {}", size());
    server.signal(Signal::TERM);
    assert!(server.wait().success());
    let server = start(&directory);
    let mut cat = Client::join(&server, "cat", "cat");
    let told = cat.ask("/history 1000");
    let kept: usize = told.split(' ').nth(3).unwrap().parse().unwrap();
    assert!((30..=8192 / 200).contains(&kept), "{told}");
    let lines: Vec<_> = (0..kept).map(|_| cat.hear()).collect();
    for (line, i) in lines.iter().rev().zip((0..5000).rev()) {
        assert!(line.starts_with(&format!("ann: {i} h")), "{i}: {line}");
    }
}
