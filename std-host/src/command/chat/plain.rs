//! Chat through pipes: what comes in on stdin is said, and what the room says is printed, line for line.

use std::io::{self, Write};
use std::os::fd::AsFd;

use framewright::framing::Lines;
use framewright::{DecodeError, Decoder, End, Event, Oversize, Recovery};
use framewright_host::{Address, Awaited, ClientConfig, DuplexClient, Incoming};

use crate::command::Failure;
use crate::command::terminal::clean;

/// Talks until stdin ends and the room has answered all that was said, or until the room closes because it was asked to.
///
/// # Errors
/// There is no connection, or it is lost before that; stdin or stdout fails.
pub(super) fn run(server: &Address, config: ClientConfig, name: &str) -> Result<(), Failure> {
    let mut client = DuplexClient::connect(Lines, server, config)?;
    // Nothing else waits to be sent, so there is room for it.
    client.queue(name.as_bytes())?;
    let mut speech = Speech::new(config.buffer_size);
    let stdin = io::stdin();
    loop {
        while let Some(incoming) = client.next()? {
            match incoming {
                Incoming::Message(line) => print(&clean(&String::from_utf8_lossy(line)))?,
                Incoming::TooLong(error) => eprintln!("framewright: a line from {server} was dropped: {error}"),
                Incoming::Gone if speech.may_be_answered_by_the_end() => return Ok(()),
                Incoming::Gone => return Err(format!("{server} closed the connection: its log may say why").into()),
            }
        }
        let wants_more = speech.deliver(&mut client)?;
        if client.wait(wants_more.then(|| stdin.as_fd()), None)? {
            speech.read(stdin.as_fd()).map_err(|error| format!("cannot read stdin: {error}"))?;
        }
    }
}

fn print(line: &str) -> Result<(), String> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).map_err(|error| format!("cannot write to stdout: {error}"))
}

/// What is to be said: the lines of stdin.
struct Speech {
    decoder: Decoder<Lines, Box<[u8]>>,
    /// A line for which there was no room in the client.
    held: Option<Vec<u8>>,
    progress: Progress,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    Open,
    /// The room was asked to close.
    Quitting,
    /// Stdin has ended.
    Ended,
    /// All of it was given to the client.
    Delivered,
}

impl Speech {
    /// Lines of up to `buffer_size` bytes.
    fn new(buffer_size: usize) -> Self {
        let decoder = Decoder::new(Lines, vec![0; buffer_size].into_boxed_slice()).with_oversize(Oversize::Skip);
        Self { decoder, held: None, progress: Progress::Open }
    }

    /// Gives lines to the client, as far as it has room. Whether it is time to read more.
    fn deliver(&mut self, client: &mut DuplexClient<Lines>) -> Result<bool, Failure> {
        loop {
            let line = match self.held.take() {
                Some(line) => line,
                None => match self.next() {
                    Ok(Some(line)) => line,
                    Ok(None) => break,
                    Err(error) => {
                        eprintln!("framewright: a line of stdin was not said: {}", error.kind);
                        continue;
                    }
                },
            };
            if !client.queue(&line)? {
                self.held = Some(line);
                return Ok(false);
            }
            if line.split(u8::is_ascii_whitespace).find(|word| !word.is_empty()) == Some(b"/quit") {
                self.progress = Progress::Quitting;
            }
        }
        if self.progress == Progress::Ended {
            self.progress = Progress::Delivered;
            client.finish_sending();
            client.expect(Awaited::End);
        }
        Ok(matches!(self.progress, Progress::Open | Progress::Quitting))
    }

    /// The next line.
    fn next(&mut self) -> Result<Option<Vec<u8>>, DecodeError> {
        let line = match self.progress {
            Progress::Open | Progress::Quitting => self.decoder.pop(),
            Progress::Ended | Progress::Delivered => self.decoder.finish().map(|end| match end {
                End::Last(Event::Frame(line)) => Some(line),
                _ => None,
            }),
        };
        match line {
            // Where a line ends can always be told.
            Err(DecodeError { recovery: Recovery::Stops, .. }) => Ok(None),
            line => Ok(line?.map(<[u8]>::to_vec)),
        }
    }

    /// Reads once. There is room: all lines were taken.
    fn read(&mut self, stdin: impl AsFd) -> io::Result<()> {
        match rustix::io::read(stdin, self.decoder.spare_mut()) {
            Ok(0) => self.progress = Progress::Ended,
            Ok(n) => self.decoder.commit(n),
            Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => {}
            Err(errno) => return Err(errno.into()),
        }
        Ok(())
    }

    /// Whether the room may close now without having cut anything short.
    fn may_be_answered_by_the_end(&self) -> bool {
        matches!(self.progress, Progress::Quitting | Progress::Delivered)
    }
}
