//! The full-screen chat in a pseudo-terminal, and what a person would see there.

use std::io::{Read, Write};
use std::process::{Child, ExitStatus};
use std::sync::{Arc, Mutex};
use std::thread;

use pty_process::Size;
use pty_process::blocking::{Command, Pty};
use rustix::process::{Pid, Signal, kill_process};
use rustix::termios::{LocalModes, tcgetattr};

use crate::child::FRAMEWRIGHT;
use crate::wait_until;

/// A terminal in which `framewright chat` runs; it is killed when this is dropped.
pub(crate) struct Terminal {
    child: Child,
    pty: Arc<Pty>,
    seen: Arc<Mutex<Seen>>,
}

struct Seen {
    parser: vt100::Parser,
    /// All that was ever written.
    bytes: Vec<u8>,
}

impl Terminal {
    /// `framewright chat --addr ADDRESS MORE` in a terminal of so many columns and rows.
    pub(crate) fn start(columns: u16, rows: u16, address: &str, more: &[&str]) -> Self {
        Self::start_with(columns, rows, address, more, &[("TERM", "xterm-256color"), ("NO_COLOR", "")])
    }

    pub(crate) fn start_with(
        columns: u16,
        rows: u16,
        address: &str,
        more: &[&str],
        environment: &[(&str, &str)],
    ) -> Self {
        let (pty, pts) = pty_process::blocking::open().unwrap();
        pty.resize(Size::new(rows, columns)).unwrap();
        let command = Command::new(FRAMEWRIGHT).args(["chat", "--addr", address]).args(more);
        let child = command.env_remove("RUST_LOG").envs(environment.iter().copied()).spawn(pts).unwrap();
        let (pty, parser) = (Arc::new(pty), vt100::Parser::new(size(rows), size(columns), 0));
        let seen = Arc::new(Mutex::new(Seen { parser, bytes: Vec::new() }));
        let (reader, kept) = (Arc::clone(&pty), Arc::clone(&seen));
        thread::spawn(move || {
            let mut piece = vec![0; 65536];
            // An error means that nobody has the terminal any more.
            while let Ok(n @ 1..) = (&*reader).read(&mut piece) {
                let mut seen = kept.lock().unwrap();
                seen.parser.process(&piece[..n]);
                seen.bytes.extend_from_slice(&piece[..n]);
            }
        });
        Self { child, pty, seen }
    }

    /// The same, and waits until it is in the room.
    pub(crate) fn join(columns: u16, rows: u16, address: &str, name: &str) -> Self {
        let terminal = Self::start(columns, rows, address, &["--name", name]);
        terminal.wait_for(&format!("you are {name} "));
        terminal.wait_for(" here ");
        terminal
    }

    /// Presses keys.
    pub(crate) fn send(&self, keys: &str) {
        (&*self.pty).write_all(keys.as_bytes()).unwrap();
    }

    pub(crate) fn resize(&self, columns: u16, rows: u16) {
        self.seen.lock().unwrap().parser.screen_mut().set_size(size(rows), size(columns));
        self.pty.resize(Size::new(rows, columns)).unwrap();
    }

    /// Waits until some row contains `text`.
    pub(crate) fn wait_for(&self, text: &str) {
        self.wait_until(&format!("the screen says {text:?}"), |rows| rows.iter().any(|row| row.contains(text)));
    }

    /// Waits until the rows are as they should be.
    pub(crate) fn wait_until(&self, what: &str, holds: impl Fn(&[String]) -> bool) {
        wait_until(&format!("{what} ({:#?} and {:?} at first)", self.rows(), self.tail()), || holds(&self.rows()));
    }

    /// The rows as they are seen, without the spaces at their ends.
    pub(crate) fn rows(&self) -> Vec<String> {
        self.look(|screen| {
            let (_, columns) = screen.size();
            screen.rows(0, columns.get()).map(|row| row.trim_end().to_owned()).collect()
        })
    }

    pub(crate) fn look<T>(&self, look: impl FnOnce(&vt100::Screen) -> T) -> T {
        look(self.seen.lock().unwrap().parser.screen())
    }

    /// All that was written so far.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.seen.lock().unwrap().bytes.clone()
    }

    fn tail(&self) -> String {
        let bytes = self.bytes();
        String::from_utf8_lossy(&bytes[bytes.len().saturating_sub(200)..]).into_owned()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for its end.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let mut status = None;
        wait_until("the chat ends", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        status.unwrap()
    }

    /// Whether the terminal is as it was before: lines are edited and echoed by the system, on the main screen, with a cursor.
    pub(crate) fn is_given_back(&self) -> bool {
        let modes = tcgetattr(&*self.pty).unwrap().local_modes;
        let edited = modes.contains(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG);
        edited && self.look(|screen| !screen.alternate_screen() && !screen.bracketed_paste() && !screen.hide_cursor())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("--- the screen\n{}", self.rows().join("\n"));
        }
    }
}

fn size(n: u16) -> std::num::NonZeroU16 {
    n.try_into().expect("a terminal has a size")
}
