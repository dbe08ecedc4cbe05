//! However reading, answering and writing take turns on a connection, the same bytes go out: those that a plain
//! function computes from the whole input. And of a message that the buffers can hold, the reply is whole or not begun.

use framewright::service::{Echo, Refusal, Service, Trim};
use framewright::{CloseReason, DecodeErrorKind, Instant, Session, SessionConfig};
use proptest::prelude::*;

const NOW: Instant = Instant::ZERO;
const MAX_FRAME: u64 = 300;

/// One turn of a front end, with a number of bytes.
#[derive(Clone, Copy, Debug)]
enum Turn {
    /// Offers so many.
    Lend(usize),
    /// Reads so many into the session's storage.
    Read(usize),
    /// Makes answers, and writes so many.
    Write(usize),
    /// Writes so many of the bytes that it was lent before.
    WriteLate(usize),
}

/// What is to come out of a connection.
#[derive(Debug, PartialEq)]
struct Outcome {
    replies: Vec<u8>,
    /// Where, among those bytes, one reply ends and the next begins.
    borders: Vec<usize>,
    ending: Ending,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Ending {
    Clean,
    Truncated { have: u64, need: Option<u64> },
    TooLong { len: u64, offset: u64 },
    NotText { offset: u64 },
}

/// Where the reply to a message begins in it.
#[derive(Clone, Copy)]
enum Begins {
    At(usize),
    /// Not in what has come of it.
    Later,
    /// It is refused.
    Never,
}

type Answer = fn(came: &[u8], complete: bool) -> Begins;

fn echo(_: &[u8], _: bool) -> Begins {
    Begins::At(0)
}

fn trim(came: &[u8], complete: bool) -> Begins {
    let (text, error) = match std::str::from_utf8(came) {
        Ok(text) => (text, None),
        Err(error) => (std::str::from_utf8(&came[..error.valid_up_to()]).unwrap(), Some(error)),
    };
    match (text.char_indices().nth(10), text.chars().count(), error) {
        (Some((at, _)), ..) => Begins::At(at),
        (None, 10, _) => Begins::At(text.len()),
        (None, _, Some(error)) if complete || error.error_len().is_some() => Begins::Never,
        (None, ..) if complete => Begins::At(came.len()),
        (None, ..) => Begins::Later,
    }
}

/// What is to come out when `stream` comes in, then the end, and the session holds messages of up to `held` bytes.
fn outcome(stream: &[u8], held: usize, answer: Answer) -> Outcome {
    let (mut replies, mut borders) = (Vec::new(), vec![0]);
    let mut at = 0;
    let ending = loop {
        let rest = &stream[at..];
        let (have, offset) = (rest.len() as u64, at as u64);
        let Some((header, body)) = rest.split_first_chunk::<4>() else {
            break if rest.is_empty() { Ending::Clean } else { Ending::Truncated { have, need: None } };
        };
        let len = u64::from(u32::from_be_bytes(*header));
        if len > MAX_FRAME {
            break Ending::TooLong { len, offset };
        }
        let len = usize::try_from(len).unwrap();
        let came = &body[..len.min(body.len())];
        let complete = came.len() == len;
        // Of a message that is streamed, what came is answered at once.
        if complete || len > held {
            match answer(came, complete) {
                Begins::Never => break Ending::NotText { offset },
                Begins::Later => {}
                Begins::At(cut) => {
                    replies.extend(u32::try_from(len - cut).unwrap().to_be_bytes());
                    replies.extend(&came[cut..]);
                }
            }
        }
        if !complete {
            break Ending::Truncated { have, need: Some(len as u64 + 4) };
        }
        borders.push(replies.len());
        at += 4 + len;
    };
    Outcome { replies, borders, ending }
}

/// A front end that takes these turns, and then goes on until the connection is done.
struct FrontEnd<V: Service> {
    session: Session<V, Vec<u8>, Vec<u8>>,
    written: Vec<u8>,
    /// Bytes that the last `poll_output` lent and that are not written.
    lent: usize,
}

impl<V: Service<Framing: Clone + Default>> FrontEnd<V> {
    fn new(service: V, input: usize, output: usize) -> Self {
        let config = SessionConfig { max_frame: MAX_FRAME, ..SessionConfig::default() };
        let session = Session::new(service, vec![0; input], vec![0; output], config, NOW).unwrap();
        Self { session, written: Vec::new(), lent: 0 }
    }

    /// Takes one turn; how many bytes moved.
    fn turn(&mut self, turn: Turn, rest: &mut &[u8]) -> usize {
        match turn {
            Turn::Lend(n) => {
                let n = self.session.handle_input(&rest[..n.min(rest.len())], NOW);
                *rest = &rest[n..];
                n
            }
            Turn::Read(n) => {
                let place = self.session.input_mut();
                let n = n.min(place.len()).min(rest.len());
                place[..n].copy_from_slice(&rest[..n]);
                self.session.handle_filled(n, NOW);
                *rest = &rest[n..];
                n
            }
            Turn::Write(n) => {
                let pending = self.session.poll_output(NOW);
                let n = n.min(pending.len());
                self.written.extend_from_slice(&pending[..n]);
                self.lent = pending.len() - n;
                self.session.sent(n, NOW);
                n
            }
            Turn::WriteLate(n) => {
                let lent = self.lent;
                let pending = self.session.poll_output(NOW);
                assert!(pending.len() >= lent, "bytes that were lent are gone");
                let n = n.min(lent);
                self.written.extend_from_slice(&pending[..n]);
                self.lent -= n;
                self.session.sent(n, NOW);
                n
            }
        }
    }

    /// Everything made so far is what is expected, and ends at a border if all messages can be held.
    fn check(&mut self, want: &Outcome, held: bool) {
        let made = [&self.written, self.session.poll_output(NOW)].concat();
        assert!(want.replies.starts_with(&made), "{made:02x?} is not the beginning of {:02x?}", want.replies);
        assert!(!held || want.borders.contains(&made.len()), "a reply is begun and not whole, at {}", made.len());
    }
}

fn run<V: Service<Framing: Clone + Default>>(
    service: V,
    (input, output): (usize, usize),
    stream: &[u8],
    turns: &[Turn],
    end_late: bool,
    answer: Answer,
) {
    let capacity = input.min(output - 4).min(300);
    let want = outcome(stream, capacity, answer);
    let all_held = longest(stream) <= capacity;

    let mut front = FrontEnd::new(service, input, output);
    let mut rest = stream;
    let mut ended = false;
    for turn in turns.iter().chain(&[Turn::Write(usize::MAX), Turn::Lend(usize::MAX)].repeat(stream.len() + 2)) {
        front.turn(*turn, &mut rest);
        front.check(&want, all_held);
        if rest.is_empty() && !ended && (!end_late || front.session.poll_output(NOW).is_empty()) {
            front.session.handle_end(NOW);
            ended = true;
        }
    }
    front.turn(Turn::Write(usize::MAX), &mut rest);
    front.turn(Turn::Write(usize::MAX), &mut rest);
    assert!(front.session.is_done(), "not done, with {} bytes left", rest.len());
    let ending = match front.session.close_reason().unwrap() {
        CloseReason::PeerClosed => Ending::Clean,
        CloseReason::Truncated { have, need } => Ending::Truncated { have, need },
        CloseReason::Refused { refusal: Refusal::InvalidUtf8, offset } => Ending::NotText { offset },
        CloseReason::BadFrame(error) => match error.kind {
            DecodeErrorKind::TooLong { len: Some(len), limit: MAX_FRAME } => {
                Ending::TooLong { len, offset: error.offset }
            }
            kind => panic!("{kind:?}"),
        },
        reason => panic!("{reason:?}"),
    };
    assert_eq!((front.written, ending), (want.replies, want.ending));
}

/// The longest message in a stream, or claim of one.
fn longest(stream: &[u8]) -> usize {
    let (mut longest, mut at) = (0, 0);
    while let Some(header) = stream.get(at..).and_then(<[u8]>::first_chunk::<4>) {
        let len = usize::try_from(u32::from_be_bytes(*header)).unwrap();
        longest = longest.max(len);
        at = at.saturating_add(len).saturating_add(4);
    }
    longest
}

fn turns() -> impl Strategy<Value = Vec<Turn>> {
    let turn = (0..4, prop_oneof![3 => 0..12_usize, 1 => 0..400_usize]).prop_map(|(kind, n)| match kind {
        0 => Turn::Lend(n),
        1 => Turn::Read(n),
        2 => Turn::Write(n),
        _ => Turn::WriteLate(n),
    });
    prop::collection::vec(turn, 0..60)
}

/// Messages of text with characters of every width, some of bytes that are not text; then perhaps an end that is not clean.
fn streams() -> impl Strategy<Value = Vec<u8>> {
    let text = prop::collection::vec(prop::sample::select(vec!['a', ' ', 'é', '語', '🦀', '\0']), 0..40)
        .prop_map(|chars| chars.iter().collect::<String>().into_bytes());
    let bytes = prop::collection::vec(any::<u8>(), 0..40);
    let long = (text.clone(), 0..200_usize).prop_map(|(mut text, n)| {
        text.resize(text.len() + n, 0xFE);
        text.truncate(300);
        text
    });
    let message = prop_oneof![5 => text, 1 => bytes.clone(), 2 => long];
    let end = prop_oneof![
        4 => Just(Vec::new()),
        1 => bytes,
        1 => Just(vec![0xFF, 0xFF, 0xFF, 0xFF, 1, 2, 3]),
        1 => Just(vec![0, 0, 1, 45, 1, 2, 3]),
    ];
    (prop::collection::vec(message, 0..8), end, 0..12_usize).prop_map(|(messages, end, lost)| {
        let mut stream = Vec::new();
        for message in messages {
            stream.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
            stream.extend(message);
        }
        if end.is_empty() && lost < 6 {
            stream.truncate(stream.len().saturating_sub(lost));
        }
        stream.extend(end);
        stream
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_order_of_turns_gives_the_same_bytes(
        stream in streams(),
        turns in turns(),
        input in prop_oneof![4..20_usize, 4..400_usize],
        output in prop_oneof![5..20_usize, 5..400_usize],
        end_late in any::<bool>(),
    ) {
        run(Echo::new(), (input, output), &stream, &turns, end_late, echo);
        run(Trim::default(), (input, output), &stream, &turns, end_late, trim);
    }
}
