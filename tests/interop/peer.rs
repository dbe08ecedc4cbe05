//! Somebody who speaks a framing with code that is not ours: a process of another language, or a thread with a library.

use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread::{self, JoinHandle};

use crate::server::PATIENCE;

/// A peer on one connection, or, as a server, on all of its connections. Its process is killed when this is dropped.
pub struct Peer {
    name: &'static str,
    /// `None` when it was told that nothing more comes.
    say: Option<Say>,
    heard: Receiver<Heard>,
    process: Option<Process>,
}

/// A program, and what it prints on stderr.
struct Process {
    child: Child,
    errors: Option<JoinHandle<String>>,
}

/// Hands the messages of one turn over to be sent.
type Say = Box<dyn FnMut(&[&[u8]]) -> io::Result<()> + Send>;

/// What a peer tells.
#[derive(Clone, PartialEq, Eq)]
pub enum Heard {
    /// It received a message.
    Message(Vec<u8>),
    /// It received a part of a message and has no means to tell that more will come.
    Piece(Vec<u8>),
    /// It listens at this port.
    Listening(u16),
    /// The other side closed the connection.
    End,
    /// It gave up, for this reason.
    Failed(String),
}

/// How one talks to a program by its standard streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Talk {
    /// By lines with messages in hexadecimal digits; the programs of this directory do.
    Hex,
    /// The same, but for the messages: each is a line of text that the program understands.
    Words,
    /// What it reads it sends, and what it receives it prints; the messages are lines.
    Lines,
    /// The same, and what it prints before it is connected ends with a line that starts so.
    LinesAfter(&'static str),
}

impl Peer {
    /// A program, started.
    ///
    /// # Panics
    /// It cannot be started.
    pub fn program(name: &'static str, command: &mut Command, talk: Talk) -> Self {
        let started = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = started.unwrap_or_else(|error| panic!("{name} cannot be started: {error}"));
        let mut stdin = child.stdin.take().expect("it was piped");
        let stdout = BufReader::new(child.stdout.take().expect("it was piped"));
        let mut stderr = child.stderr.take().expect("it was piped");
        let errors = thread::spawn(move || {
            let mut errors = Vec::new();
            let _ = stderr.read_to_end(&mut errors);
            String::from_utf8_lossy(&errors).into_owned()
        });
        let (tell, heard) = mpsc::channel();
        thread::spawn(move || {
            // The receiver is gone when the test is over.
            listen(stdout, talk, |heard| _ = tell.send(heard));
        });
        let say = move |messages: &[&[u8]]| {
            let turn = match talk {
                Talk::Hex => {
                    (messages.iter().map(|message| to_hex(message)).collect::<Vec<_>>().join(" ") + "\n").into()
                }
                Talk::Words | Talk::Lines | Talk::LinesAfter(_) => {
                    messages.iter().flat_map(|line| [line, &b"\n"[..]].concat()).collect()
                }
            };
            let turn: Vec<u8> = turn;
            stdin.write_all(&turn)?;
            stdin.flush()
        };
        Self { name, say: Some(Box::new(say)), heard, process: Some(Process { child, errors: Some(errors) }) }
    }

    /// One that is not a process.
    pub(super) fn inside(name: &'static str, say: Say, heard: Receiver<Heard>) -> Self {
        Self { name, say: Some(say), heard, process: None }
    }

    /// Has it send these messages, without waiting for anything in between.
    ///
    /// # Panics
    /// It is gone, or was told that nothing more comes.
    pub fn say(&mut self, messages: &[&[u8]]) {
        let say = self.say.as_mut().expect("nobody said that nothing more comes");
        let said = say(messages);
        said.unwrap_or_else(|error| panic!("{} takes no more: {error}", self.name));
    }

    /// Tells it that nothing more comes: it closes its sending side, or the connection if it cannot do otherwise.
    pub fn hang_up(&mut self) {
        self.say = None;
    }

    /// What it tells next.
    ///
    /// # Panics
    /// It tells nothing for a minute.
    pub fn hear(&mut self) -> Heard {
        match self.heard.recv_timeout(PATIENCE) {
            Ok(heard) => heard,
            Err(RecvTimeoutError::Timeout) => panic!("{} told nothing for {PATIENCE:?}", self.name),
            Err(RecvTimeoutError::Disconnected) => panic!("{} told all that it had to tell", self.name),
        }
    }

    /// Its process, if it is one of its own.
    pub fn process(&self) -> Option<u32> {
        self.process.as_ref().map(|process| process.child.id())
    }

    /// Who it is.
    pub fn name(&self) -> &'static str {
        self.name
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            let _ = process.child.kill();
            let _ = process.child.wait();
            if let (true, Some(errors)) = (thread::panicking(), process.errors.take()) {
                eprintln!("--- {} on stderr\n{}", self.name, errors.join().unwrap_or_default());
            }
        }
    }
}

/// Tells what a program prints.
fn listen(mut stdout: impl BufRead, talk: Talk, mut tell: impl FnMut(Heard)) {
    let mut line = Vec::new();
    let mut next = |line: &mut Vec<u8>| {
        line.clear();
        stdout.read_until(b'\n', line).is_ok_and(|n| n > 0)
    };
    if let Talk::LinesAfter(last) = talk {
        while next(&mut line) && !line.starts_with(last.as_bytes()) {}
    }
    while next(&mut line) {
        let heard = match talk {
            Talk::Hex => parse(&line, from_hex),
            Talk::Words => parse(&line, |words| Some(words.into())),
            _ => match line.strip_suffix(b"\n") {
                Some(line) => Heard::Message(line.strip_suffix(b"\r").unwrap_or(line).to_vec()),
                None => Heard::Piece(line.clone()),
            },
        };
        tell(heard);
    }
    if !matches!(talk, Talk::Hex | Talk::Words) {
        tell(Heard::End);
    }
}

/// What a program of this directory says in a line.
fn parse(line: &[u8], message: impl Fn(&str) -> Option<Vec<u8>>) -> Heard {
    let text = String::from_utf8_lossy(line);
    let (verb, rest) = text.trim_end().split_once(' ').unwrap_or((text.trim_end(), ""));
    let known = match verb {
        "got" => message(rest).map(Heard::Message),
        "piece" => message(rest).map(Heard::Piece),
        "listening" => rest.parse().ok().map(Heard::Listening),
        "end" => Some(Heard::End),
        "failed" => Some(Heard::Failed(rest.to_owned())),
        _ => None,
    };
    known.unwrap_or_else(|| Heard::Failed(format!("said {text:?}")))
}

/// Bytes in hexadecimal digits; none are a `-`.
pub fn to_hex(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return "-".to_owned();
    }
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut digits, byte| {
        let _ = write!(digits, "{byte:02x}");
        digits
    })
}

/// What [`to_hex`] wrote, in digits of any case.
pub fn from_hex(digits: &str) -> Option<Vec<u8>> {
    if digits == "-" {
        return Some(Vec::new());
    }
    let pairs = digits.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

impl std::fmt::Debug for Heard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (what, bytes) = match self {
            Self::Message(bytes) => ("a message", bytes),
            Self::Piece(bytes) => ("a piece", bytes),
            Self::Listening(port) => return write!(f, "listening at port {port}"),
            Self::End => return f.write_str("the end"),
            Self::Failed(why) => return write!(f, "a failure ({why})"),
        };
        let first = &bytes[..bytes.len().min(40)];
        let more = if first.len() < bytes.len() { "…" } else { "" };
        write!(f, "{what} of {} bytes ({}{more})", bytes.len(), first.escape_ascii())
    }
}
