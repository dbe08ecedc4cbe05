//! A conversation: what clients send, in which pieces, what must come back, and who closes; and how it is played on a front
//! end.

use std::fmt;

/// A conversation with one service, as data.
#[derive(Clone, Debug)]
pub struct Conversation {
    /// What it is about, as a sentence.
    pub name: String,
    /// The service.
    pub service: Service,
    /// The longest message that the server accepts, in bytes.
    pub max_frame: u64,
    /// What happens, in order.
    pub steps: Vec<Step>,
}

/// A service with messages in the `u32` framing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// Sends each message back.
    Echo,
    /// Sends each message back without its first ten characters.
    Trim,
}

/// One step of a conversation.
#[derive(Clone, Debug)]
pub struct Step {
    /// Which client does it: clients have numbers from 0, in the order in which they connect.
    pub client: usize,
    /// What it does.
    pub deed: Deed,
}

/// What a client does, or has happen to it.
#[derive(Clone)]
pub enum Deed {
    /// Connects; it is being served when this is done.
    Connect,
    /// Sends these bytes, each piece so that the server may see it alone.
    Send(Vec<Vec<u8>>),
    /// Receives exactly these bytes next.
    Receive(Vec<u8>),
    /// Closes its sending side.
    CloseWrite,
    /// Breaks the connection off.
    Reset,
    /// Tells the server to stop. Whatever was sent before has reached it.
    Stop,
    /// Receives these bytes, and then the server closes its side.
    End(Vec<u8>),
    /// Learns that the server is gone: by the end of the stream or by a reset. What came before is the first of these replies,
    /// or none, or all; each of them whole.
    Gone(Vec<Vec<u8>>),
    /// The server has closed this connection, for the reason that reads so in its log.
    Reason(String),
}

/// A front end with one server, on which conversations are played. Clients are addressed by their numbers.
pub trait Stage {
    /// Connects the next client. The server is serving it when this returns.
    fn connect(&mut self);
    /// Sends bytes and gives the server the chance to see them alone. When this returns, they have left the client, as far as
    /// back-pressure lets them; what comes meanwhile is kept.
    fn send(&mut self, client: usize, piece: &[u8]);
    /// The next `n` bytes for this client, or as many as come before the server closes its side.
    fn receive(&mut self, client: usize, n: usize) -> Vec<u8>;
    /// Closes a client's sending side.
    fn close_write(&mut self, client: usize);
    /// Breaks a client's connection off.
    fn reset(&mut self, client: usize);
    /// Tells the server to stop, when all that was sent has reached it.
    fn stop(&mut self);
    /// All bytes up to the end of the stream, and how it ended. Closes the client's side too.
    fn rest(&mut self, client: usize) -> (Vec<u8>, Ending);
    /// Why the server closed the connection, as in its log; waits for it.
    fn reason(&mut self, client: usize) -> String;
}

/// How the stream from the server ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The server closed its sending side.
    Closed,
    /// The connection broke.
    Broken,
}

impl Conversation {
    /// Plays it.
    ///
    /// # Panics
    /// Something else came than what must.
    pub fn play(&self, stage: &mut impl Stage) {
        let mut clients = 0;
        for (at, Step { client, deed }) in self.steps.iter().enumerate() {
            let client = *client;
            let place = format_args!("{self}, step {at}, client {client}");
            match deed {
                Deed::Connect => {
                    assert_eq!(client, clients, "clients connect in order: {place}");
                    clients += 1;
                    stage.connect();
                }
                Deed::Send(pieces) => pieces.iter().for_each(|piece| stage.send(client, piece)),
                Deed::Receive(want) => same(&stage.receive(client, want.len()), want, place),
                Deed::CloseWrite => stage.close_write(client),
                Deed::Reset => stage.reset(client),
                Deed::Stop => stage.stop(),
                Deed::End(want) => {
                    let (got, ending) = stage.rest(client);
                    same(&got, want, place);
                    assert_eq!(ending, Ending::Closed, "{place}");
                }
                Deed::Gone(replies) => {
                    let (got, _) = stage.rest(client);
                    let mut first = Vec::new();
                    let mut whole = got.is_empty();
                    for reply in replies {
                        first.extend(reply);
                        whole |= got == first;
                    }
                    assert!(whole, "{} are not the first of the replies, each whole: {place}", Bytes(&got));
                }
                Deed::Reason(want) => assert_eq!(&stage.reason(client), want, "{place}"),
            }
        }
    }
}

impl Step {
    /// A step of the client `client`.
    pub fn new(client: usize, deed: Deed) -> Self {
        Self { client, deed }
    }
}

impl Service {
    /// The reply to a message, worked out anew; `None` where it is refused.
    pub fn answer(self, payload: &[u8]) -> Option<Vec<u8>> {
        let mut rest = payload;
        if self == Self::Trim {
            for _ in 0..10 {
                if rest.is_empty() {
                    break;
                }
                let width = (1..=rest.len().min(4)).find(|&n| std::str::from_utf8(&rest[..n]).is_ok())?;
                rest = &rest[width..];
            }
        }
        Some(rest.to_vec())
    }

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Echo => "echo",
            Self::Trim => "trim",
        }
    }
}

/// A message of this payload in the `u32` framing.
///
/// # Panics
/// It has 4 GiB or more.
pub fn message(payload: &[u8]) -> Vec<u8> {
    let len = u32::try_from(payload.len()).expect("a payload of less than 4 GiB");
    [&len.to_be_bytes(), payload].concat()
}

fn same(got: &[u8], want: &[u8], place: fmt::Arguments<'_>) {
    if got != want {
        let at = got.iter().zip(want).take_while(|(got, want)| got == want).count();
        panic!("{place}: got {}, not {}; the first {at} bytes are right", Bytes(got), Bytes(want));
    }
}

/// Bytes for a person: how many, and the first of them.
struct Bytes<'a>(&'a [u8]);

impl fmt::Display for Bytes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = &self.0[..self.0.len().min(24)];
        write!(
            f,
            "{} bytes ({}{})",
            self.0.len(),
            first.escape_ascii(),
            if first.len() < self.0.len() { "…" } else { "" }
        )
    }
}

impl fmt::Display for Conversation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.service.name(), self.name)
    }
}

impl fmt::Debug for Deed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect => f.write_str("Connect"),
            Self::Send(pieces) => write!(f, "Send({} in {} pieces)", Bytes(&pieces.concat()), pieces.len()),
            Self::Receive(bytes) => write!(f, "Receive({})", Bytes(bytes)),
            Self::CloseWrite => f.write_str("CloseWrite"),
            Self::Reset => f.write_str("Reset"),
            Self::Stop => f.write_str("Stop"),
            Self::End(bytes) => write!(f, "End({})", Bytes(bytes)),
            Self::Gone(replies) => write!(f, "Gone({})", Bytes(&replies.concat())),
            Self::Reason(reason) => write!(f, "Reason({reason})"),
        }
    }
}
