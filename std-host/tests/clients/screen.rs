//! `framewright chat` in a terminal, as it is seen.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::ExitStatusExt;
use std::sync::{Arc, Mutex};
use std::thread;

use rustix::process::Signal;

use crate::child::Server;
use crate::deaf_port;
use crate::peer::Peer;
use crate::terminal::Terminal;

fn room() -> (Server, String) {
    let server = Server::start(&["serve", "chat=0"]);
    let address = server.address("chat").to_string();
    (server, address)
}

#[test]
fn people_talk_and_see_who_is_here() {
    let (server, address) = room();
    let mut bob = Peer::join(server.address("chat"), "bob");
    bob.say("was here first");
    let terminal = Terminal::join(80, 12, &address, "ann");
    terminal.wait_for("bob: was here first");
    terminal.wait_for(&format!(" connected · ann · 2 here · {address}"));
    bob.wait_for("ann joined");
    bob.say("hello, ann");
    terminal.wait_for("bob: hello, ann");
    terminal.send("hello, bob");
    terminal.wait_for("ann> hello, bob");
    terminal.send("\r");
    bob.wait_for("ann: hello, bob");
    terminal.wait_for(" ann: hello, bob");
    terminal.send("/msg bob psst\r");
    bob.wait_for("ann (private): psst");
    terminal.wait_for("to bob (private): psst");
    let eve = Peer::join(server.address("chat"), "eve");
    terminal.wait_for("* eve joined");
    terminal.wait_for(" · 3 here · ");
    terminal.wait_for("│ eve");
    drop(eve);
    terminal.wait_for("* eve left");
    terminal.wait_until("eve is not among those who are here", |rows| !rows.iter().any(|row| row.ends_with("│ eve")));
    terminal.send("/who\r");
    terminal.wait_for("* Here now (2): ann, bob");
}

#[test]
fn wide_characters_leave_everything_in_its_column() {
    let (server, address) = room();
    let mut bob = Peer::join(server.address("chat"), "漢字 🐰");
    for text in [
        "漢字仮名交じり文をここに書いて折り返させるとどうなるかを見る",
        "e\u{301}a\u{308} 🇩🇪 👩‍🚀 👨‍👩‍👧‍👦 ❤\u{fe0f} |",
        "plain",
    ] {
        bob.say(text);
    }
    let terminal = Terminal::join(66, 12, &address, "ann");
    terminal.wait_for("plain");
    terminal.wait_for("│ 漢字 🐰");
    terminal.send("漢字👩‍🚀x");
    terminal.wait_for("ann> 漢字");
    terminal.look(|screen| {
        let rule = (0..66).find(|&column| screen.cell(0, column).unwrap().contents() == "│").unwrap();
        for row in 0..10 {
            assert_eq!(screen.cell(row, rule).unwrap().contents(), "│", "row {row}");
        }
    });
    crate::wait_until("the cursor is behind it", || {
        terminal.look(vt100::Screen::cursor_position) == (11, 5 + 4 + 2 + 1)
    });
    // One press of Backspace a character, however it is made.
    terminal.send("\x7f\x7f\x7f");
    terminal.wait_until("漢 is left", |rows| rows[11] == "ann> 漢");
}

#[test]
fn what_comes_in_does_not_disturb_what_is_written() {
    let (server, address) = room();
    let mut bob = Peer::join(server.address("chat"), "bob");
    let terminal = Terminal::join(70, 10, &address, "ann");
    terminal.send("half a thought\x01");
    terminal.wait_for("ann> half a thought");
    for i in 0..15 {
        bob.say(&format!("interruption {i}"));
    }
    terminal.wait_for("interruption 14");
    terminal.wait_until("the line is as it was", |rows| rows[9] == "ann> half a thought");
    // It may be seen while it is being drawn, with the cursor elsewhere.
    crate::wait_until("the cursor is there too", || terminal.look(vt100::Screen::cursor_position) == (9, 5));
    terminal.send("not ");
    terminal.wait_until("it goes on", |rows| rows[9] == "ann> not half a thought");
    // A paste is one line, and is not sent.
    terminal.send("\x05\x1b[200~ with\ntwo lines\x1b[201~");
    terminal.wait_until("it was pasted", |rows| rows[9] == "ann> not half a thought with two lines");
    terminal.send("\x15short\r");
    bob.wait_for("ann: short");
    terminal.send("\x1b[A");
    terminal.wait_until("the last line came back", |rows| rows[9] == "ann> short");
}

#[test]
fn one_can_scroll_and_resize() {
    let server = Server::start(&["serve", "chat=0", "--chat-rate", "0"]);
    let mut bob = Peer::join(server.address("chat"), "bob");
    for i in 0..60 {
        bob.say(&format!("line {i}"));
    }
    bob.say("/who");
    bob.wait_for("*   bob");
    let terminal = Terminal::join(50, 12, &server.address("chat").to_string(), "ann");
    terminal.wait_for("line 59");
    terminal.send("\x1b[5~\x1b[5~");
    terminal.wait_for(" lines below, Esc: newest");
    terminal.wait_until("older lines are seen", |rows| rows[9].ends_with("bob: line 42"));
    bob.say("line 60");
    bob.say("line 61");
    terminal.wait_for("20 lines below, Esc: newest");
    assert!(terminal.rows()[9].ends_with("bob: line 42"), "{:#?}", terminal.rows());
    terminal.resize(90, 20);
    terminal.wait_until("it fills the new size", |rows| {
        rows.len() == 20 && rows[19] == "ann>" && rows[17].contains("bob: line 42")
    });
    terminal.wait_for("│ bob");
    terminal.resize(30, 6);
    terminal.wait_until("and a small one", |rows| rows[3].ends_with("bob: line 42") && rows[4] == " connected");
    terminal.send("\x1b[6~");
    terminal.wait_until("it goes down", |rows| rows[3].ends_with("bob: line 45"));
    terminal.send("x\r");
    terminal.wait_until("the newest line is seen", |rows| rows[3].ends_with("ann: x"));
}

#[test]
fn a_server_that_comes_back_finds_us_again_and_has_the_history() {
    let data = Directory::new("chat");
    let mut server = Server::start(&["serve", "chat=0", "--data", data.path()]);
    let address = server.address("chat");
    let mut bob = Peer::join(address, "bob");
    bob.say("before");
    let terminal = Terminal::join(80, 16, &address.to_string(), "ann");
    terminal.wait_for("bob: before");
    terminal.send("mine\r");
    bob.wait_for("ann: mine");
    terminal.send("kept meanwhile");
    server.signal(Signal::TERM);
    drop(bob);
    server.wait();
    terminal.wait_for("reconnecting");
    terminal.wait_for("── ");
    terminal.send("\r");
    terminal.wait_for("not said: there is no connection");
    drop(server);

    let service = format!("chat={address}");
    let server = Server::start(&["serve", &service, "--data", data.path()]);
    let mut bob = Peer::join(server.address("chat"), "bob");
    bob.say("while you were away");
    terminal.wait_for("connected again; you are ann");
    terminal.wait_for("bob: while you were away");
    terminal.wait_for(" connected · ann · 2 here");
    let rows = terminal.rows();
    for text in ["bob: before", "ann: mine", "bob: while you were away"] {
        assert_eq!(rows.iter().filter(|row| row.contains(text)).count(), 1, "{text}: {rows:#?}");
    }
    assert_eq!(rows[15], "ann> kept meanwhile");
    terminal.send("\r");
    bob.wait_for("ann: kept meanwhile");
}

#[test]
fn what_was_said_during_an_interruption_of_the_network_is_fetched_once() {
    let server = Server::start(&["serve", "chat=0", "--chat-rate", "0"]);
    let mut bob = Peer::join(server.address("chat"), "bob");
    let network = Network::to(server.address("chat"));
    let terminal = Terminal::join(80, 30, &network.address.to_string(), "ann");
    bob.wait_for("ann joined");
    bob.say("before");
    terminal.wait_for("bob: before");
    terminal.send("mine\r");
    bob.wait_for("ann: mine");
    network.interrupt();
    bob.wait_for("ann left");
    for i in 0..15 {
        bob.say(&format!("missed {i}."));
    }
    network.repair();
    bob.wait_for("ann joined");
    bob.say("after");
    terminal.wait_for("bob: after");
    // This is asked for after the history.
    terminal.wait_for(" connected · ann · 2 here");
    let rows = terminal.rows();
    let said: Vec<_> = rows.iter().filter_map(|row| Some(row.split_once(": ")?.1.split(" │").next()?.trim())).collect();
    let mut expected = vec!["before".to_owned(), "mine".to_owned()];
    expected.extend((0..15).map(|i| format!("missed {i}.")));
    expected.push("after".into());
    // The mark of the loss may name an error.
    let said: Vec<_> = said.into_iter().filter(|text| expected.iter().any(|expected| expected == text)).collect();
    assert_eq!(said, expected, "{rows:#?}");
}

#[test]
fn colours_are_left_out_where_they_are_not_wanted() {
    let (server, address) = room();
    let mut bob = Peer::join(server.address("chat"), "bob");
    bob.say("hi");
    let coloured = |no_color: &str| {
        let environment = [("TERM", "xterm-256color"), ("NO_COLOR", no_color)];
        let terminal = Terminal::start_with(70, 10, &address, &["--name", "ann"], &environment);
        terminal.wait_for("bob: hi");
        terminal.wait_for("│ bob");
        terminal.look(|screen| {
            let cells = (0..10).flat_map(|row| (0..70).filter_map(move |column| screen.cell(row, column)));
            let default = vt100::Color::Default;
            cells.filter(|cell| (cell.fgcolor(), cell.bgcolor()) != (default, default)).count()
        })
    };
    assert!(coloured("") > 0, "an empty variable is none");
    assert_eq!(coloured("1"), 0);
}

#[test]
fn the_terminal_is_given_back_however_it_ends() {
    // A room for each: in the same one, the name may still be taken.
    for keys in ["/quit\r", "\x03", "\x04", "half a line\x03"] {
        let (_server, address) = room();
        let mut terminal = Terminal::join(60, 10, &address, "ann");
        assert!(!terminal.is_given_back());
        terminal.send(keys);
        assert_eq!(terminal.wait().code(), Some(0), "{keys:?}");
        crate::wait_until("the terminal is given back", || terminal.is_given_back());
    }
    for signal in [Signal::TERM, Signal::HUP, Signal::INT, Signal::QUIT] {
        let (_server, address) = room();
        let mut terminal = Terminal::join(60, 10, &address, "ann");
        terminal.signal(signal);
        assert_eq!(terminal.wait().signal(), Some(signal.as_raw()));
        crate::wait_until("the terminal is given back", || terminal.is_given_back());
    }
}

#[test]
fn others_learn_at_once_that_one_left() {
    let (server, address) = room();
    let mut bob = Peer::join(server.address("chat"), "bob");
    for keys in ["/quit\r", "\x03"] {
        let mut terminal = Terminal::join(60, 10, &address, "ann");
        bob.wait_for("ann joined");
        terminal.send(keys);
        bob.wait_for("ann left");
        terminal.wait();
    }
    assert!(!server.log().contains("reset"), "{}", server.log());
}

#[test]
fn a_server_that_is_not_there_at_first_is_told_on_a_line() {
    let (_socket, port) = deaf_port();
    let mut terminal = Terminal::start(100, 10, &port.to_string(), &[]);
    assert_eq!(terminal.wait().code(), Some(1));
    terminal.wait_for(&format!("framewright: cannot connect to 127.0.0.1:{port}: connection refused: is the server"));
    assert!(!terminal.bytes().contains(&0x1b), "{:?}", String::from_utf8_lossy(&terminal.bytes()));
}

#[test]
fn a_terminal_that_cannot_move_its_cursor_gets_plain_lines() {
    for (more, terminal) in [(&["--name", "ann"][..], "dumb"), (&["--name", "ann", "--plain"], "xterm")] {
        let (_server, address) = room();
        let mut terminal = Terminal::start_with(80, 10, &address, more, &[("TERM", terminal)]);
        terminal.wait_for("* You are ann. /help lists the commands.");
        terminal.send("/who\n");
        terminal.wait_for("*   ann");
        terminal.send("\x04");
        assert_eq!(terminal.wait().code(), Some(0));
        assert!(!terminal.bytes().contains(&0x1b), "{:?}", String::from_utf8_lossy(&terminal.bytes()));
    }
}

/// A directory of a test's own; removed at its end.
struct Directory(std::path::PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("framewright-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A way to a server that can be interrupted.
struct Network {
    address: SocketAddr,
    /// The ends of all connections that go through it; `None` while it is interrupted.
    ends: Arc<Mutex<Option<Vec<TcpStream>>>>,
}

impl Network {
    fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let ends = Arc::new(Mutex::new(Some(Vec::new())));
        let kept = Arc::clone(&ends);
        thread::spawn(move || {
            for client in listener.incoming() {
                let client = client.unwrap();
                let Some(ends) = &mut *kept.lock().unwrap() else { continue };
                let Ok(server) = TcpStream::connect(server) else { continue };
                for (from, to) in [(&client, &server), (&server, &client)] {
                    let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    thread::spawn(move || {
                        let _ = carry(&mut from, &mut to);
                        let _ = to.shutdown(Shutdown::Write);
                    });
                }
                ends.extend([client, server]);
            }
        });
        Self { address, ends }
    }

    /// Breaks all connections, and lets no new one through.
    fn interrupt(&self) {
        for end in self.ends.lock().unwrap().take().unwrap() {
            let _ = end.shutdown(Shutdown::Both);
        }
    }

    fn repair(&self) {
        *self.ends.lock().unwrap() = Some(Vec::new());
    }
}

fn carry(from: &mut TcpStream, to: &mut TcpStream) -> io::Result<()> {
    let mut piece = vec![0; 65536];
    loop {
        let n = from.read(&mut piece)?;
        if n == 0 {
            return Ok(());
        }
        to.write_all(&piece[..n])?;
    }
}
