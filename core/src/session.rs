//! One connection, as a state machine that does no I/O.
//!
//! A [`Session`] joins a decoder, a [`Service`], an encoder and the connection's deadlines. A front end moves bytes between it and
//! a socket. Its methods sort into four kinds:
//!
//! | kind | methods |
//! |---|---|
//! | input | [`handle_input`](Session::handle_input), or [`input_mut`](Session::input_mut) with [`handle_filled`](Session::handle_filled); [`handle_end`](Session::handle_end), [`handle_reset`](Session::handle_reset), [`handle_deadline`](Session::handle_deadline), [`shutdown`](Session::shutdown) |
//! | output | [`poll_output`](Session::poll_output), [`sent`](Session::sent) |
//! | deadline | [`deadline`](Session::deadline) |
//! | getters | [`wants_input`](Session::wants_input), [`is_output_finished`](Session::is_output_finished), [`is_done`](Session::is_done), [`close_reason`](Session::close_reason), [`stats`](Session::stats) |
//!
//! After any input, drain: send what `poll_output` lends until it lends nothing, then look at the getters and the deadline.
//!
//! ```
//! use framewright::{Instant, Session, SessionConfig, service::Echo};
//!
//! let now = Instant::ZERO;
//! let mut session = Session::new(Echo::new(), [0; 64], [0; 64], SessionConfig::default(), now)?;
//! let taken = session.handle_input(b"\0\0\0\x02hi\0\0\0", now); // one message, and a piece of the next
//! assert_eq!(taken, 9);
//! assert_eq!(session.poll_output(now), b"\0\0\0\x02hi");
//! session.sent(6, now);
//! session.handle_end(now); // the peer closed its sending side, inside the second message
//! assert!(session.poll_output(now).is_empty());
//! assert!(session.is_done());
//! assert_eq!(session.close_reason().unwrap().to_string(), "truncated: the stream ended inside a message (3 bytes of it came)");
//! # Ok::<(), framewright::SessionError>(())
//! ```
//!
//! # How a connection ends
//!
//! ```text
//!                                                    output sent, and the peer has ended
//!                                                  ┌───────────────────────────────────▶ Done
//!   Open ────────────────────────────────────▶ Flushing ──────────────▶ Lingering ───────▲
//!        all answered, and then handle_end         │     output sent       │  handle_end, │
//!        or shutdown; or an error, or idle         │                       └──────────────┤
//!                                                  └──────────────────────────────────────┘
//!                                                                handle_reset, deadline
//! ```
//!
//! Lingering is for a peer that may still be sending: the front end closes its own sending side, and what still comes is
//! dropped. To close at once would make TCP answer its next bytes with a reset, and the
//! reset would destroy replies that it has not read yet (RFC 1122 section 4.2.2.13).

mod config;
mod frames;
mod outcome;
mod replies;

pub use config::{SessionConfig, SessionError};
pub use frames::Frames;
pub use outcome::{CloseReason, Stats};
pub use replies::needed_output;

use config::Patience;
use replies::{Replies, fitting, longest};

use crate::buffer::{SHORT_WAYS, Storage};
use crate::decoder::{Decoder, End, Event, Oversize};
use crate::encoder::Encoder;
use crate::error::Recovery;
use crate::service::{Flow, Intake, Refusal, Service};
use crate::time::Instant;

/// One connection that is served by `V`, with input storage `I` and output storage `O`.
#[derive(Clone, Debug)]
pub struct Session<V: Service, I, O> {
    service: V,
    decoder: Decoder<V::Framing, I>,
    encoder: Encoder<V::Framing, O>,
    patience: Patience,
    state: State,
    /// Why it is not open any more.
    reason: Option<CloseReason>,
    input: Input,
    offer: Offer,
    /// When a byte last moved, or the state changed.
    active_at: Instant,
    /// Room in the output that a reply takes beyond what the request's length explains.
    reply_extra: usize,
    replies: Replies,
    stats: Stats,
}

/// See the picture at the top.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    Flushing,
    Lingering,
    Done,
}

/// Whether more input is to be expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Input {
    Flowing,
    /// The peer closed its sending side.
    Ended,
    /// This side takes no more.
    Stopped,
}

/// What became of the bytes that the front end offered last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Offer {
    /// All were taken.
    Taken,
    /// All were taken, and nothing of them waits for room to be answered.
    Digested,
    /// Some were left with it, and will come again.
    Left,
}

impl<V, I, O> Session<V, I, O>
where
    V: Service<Framing: Clone + Default>,
    I: Storage,
    O: Storage,
{
    /// An open connection. The service's greeting, if it has one, is ready to be sent.
    ///
    /// # Errors
    /// The output storage is too small for the service's longest reply.
    pub fn new(service: V, input: I, output: O, config: SessionConfig, now: Instant) -> Result<Self, SessionError> {
        Self::with_law(service, V::Framing::default(), input, output, config, now)
    }
}

impl<V, I, O> Session<V, I, O>
where
    V: Service<Framing: Clone>,
    I: Storage,
    O: Storage,
{
    /// [`new`](Self::new) for a framing with settings of its own.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_law(
        service: V,
        law: V::Framing,
        input: I,
        output: O,
        config: SessionConfig,
        now: Instant,
    ) -> Result<Self, SessionError> {
        let overhead = service.overhead();
        let have = output.as_ref().len();
        let (reply_extra, replies, oversize, whole) = match service.intake() {
            Intake::Whole { reply } => (overhead + reply, Replies::Whole, Oversize::Skip, usize::MAX),
            Intake::Streamed { extra } => {
                let extra = overhead + extra;
                (extra, Replies::InPieces, Oversize::Stream, fitting(&law, have.saturating_sub(extra)))
            }
        };
        let need = needed_output(&service, &law);
        if have < need {
            return Err(SessionError { need, have });
        }
        let decoder = Decoder::new(law.clone(), input).with_rules_of_session(oversize, config.max_frame, whole);
        let encoder = Encoder::new(law, output);
        let mut session = Self {
            service,
            decoder,
            encoder,
            patience: Patience::of(&config),
            state: State::Open,
            reason: None,
            input: Input::Flowing,
            offer: Offer::Taken,
            active_at: now,
            reply_extra,
            replies,
            stats: Stats::default(),
        };
        let opened = session.service.open(now, &mut session.encoder);
        session.settle(opened, now);
        Ok(session)
    }

    /// Bytes have come: takes some of `bytes` from the front, and says how many. The rest is left when the output is full, and
    /// must come again after some output was sent; until then, read no more.
    pub fn handle_input(&mut self, bytes: &[u8], now: Instant) -> usize {
        let mut chunk = bytes;
        // Until it is known better, so that they are not given up when the server is stopping.
        self.offer = Offer::Left;
        self.work(&mut chunk, now);
        if chunk.is_empty() && self.offer == Offer::Left {
            self.offer = Offer::Taken;
        }
        // When it is closing, nobody will look at the rest.
        let taken = if self.is_open() { bytes.len() - chunk.len() } else { bytes.len() };
        self.count_input(taken, now);
        taken
    }

    /// Storage to read into, for a front end that can: [`handle_filled`](Self::handle_filled) says how much came. Empty when
    /// output must be sent first.
    #[inline]
    pub fn input_mut(&mut self) -> &mut [u8] {
        self.decoder.spare_mut()
    }

    /// The first `n` bytes of [`input_mut`](Self::input_mut) were filled.
    pub fn handle_filled(&mut self, n: usize, now: Instant) {
        if self.is_open() {
            self.offer = Offer::Taken;
            self.decoder.commit(n);
        }
        self.count_input(n, now);
    }

    /// The peer closed its sending side. It still gets the answers to what it sent.
    pub fn handle_end(&mut self, now: Instant) {
        self.input = Input::Ended;
        match self.state {
            State::Open => self.active_at = now,
            State::Lingering => self.state = State::Done,
            State::Flushing | State::Done => {}
        }
    }

    /// The connection broke: nothing can be sent or received any more.
    pub fn handle_reset(&mut self, now: Instant) {
        if self.is_open() {
            self.close(CloseReason::Reset, now);
        }
        self.give_up();
    }

    /// The time is `now`: ends what [`deadline`](Self::deadline) has run out for. Too early does nothing.
    pub fn handle_deadline(&mut self, now: Instant) {
        if self.timeout().is_none_or(|timeout| now < timeout) {
            return;
        }
        match self.state {
            State::Open => {
                // What waits was not taken for all that time: waiting longer for it is no use.
                let stuck = !self.encoder.pending().is_empty();
                let flowing = self.input == Input::Flowing;
                self.close(if flowing { CloseReason::Idle } else { CloseReason::NotReading }, now);
                if stuck || !flowing {
                    self.give_up();
                }
            }
            State::Flushing | State::Lingering => self.give_up(),
            State::Done => {}
        }
    }

    /// The server is stopping: what has come in is answered, within the close timeout, then the connection is closed. Bytes that
    /// [`handle_input`](Self::handle_input) has left with the front end have come in too.
    pub fn shutdown(&mut self, now: Instant) {
        if self.input == Input::Flowing {
            self.input = Input::Stopped;
            self.active_at = now;
        }
    }

    /// The bytes to send now; empty when there are none. Replies are made here, as far as there is room for them.
    #[inline]
    pub fn poll_output(&mut self, now: Instant) -> &[u8] {
        self.work(&mut &[][..], now);
        self.encoder.pending()
    }

    /// The first `n` bytes of [`poll_output`](Self::poll_output) were sent.
    pub fn sent(&mut self, n: usize, now: Instant) {
        if n > 0 {
            self.encoder.sent(n);
            self.stats.bytes_sent += n as u64;
            // A server that is stopping does not answer for ever, however fast the peer takes what it asked for.
            if !self.is_open() || self.input != Input::Stopped {
                self.active_at = now;
            }
        }
    }

    /// When [`handle_deadline`](Self::handle_deadline) is to be called, if nothing comes before; then poll for output.
    pub fn deadline(&self) -> Option<Instant> {
        match (self.timeout(), self.service.deadline()) {
            (Some(timeout), Some(service)) if self.is_open() => Some(timeout.min(service)),
            (None, service) if self.is_open() => service,
            (timeout, _) => timeout,
        }
    }

    /// When this connection has waited long enough.
    fn timeout(&self) -> Option<Instant> {
        let timeout = match self.state {
            State::Open if self.input == Input::Flowing => self.patience.idle?.get(),
            State::Open | State::Flushing | State::Lingering => self.patience.close,
            State::Done => return None,
        };
        Some(self.active_at.after(timeout))
    }

    /// Whether bytes from the peer are of use now.
    ///
    /// While it is open, that is whether [`input_mut`](Self::input_mut) has space: it runs out when the output is full and what came
    /// waits there. A front end that lends its bytes to [`handle_input`](Self::handle_input) keeps what is not taken itself; then the
    /// space here never runs out, and what tells it to read no more is that some of its bytes were left.
    pub fn wants_input(&mut self) -> bool {
        match self.state {
            State::Open => self.input == Input::Flowing && !self.decoder.spare_mut().is_empty(),
            State::Lingering => true,
            State::Flushing | State::Done => false,
        }
    }

    /// Whether all output was sent and no more will come: close the sending side.
    pub fn is_output_finished(&self) -> bool {
        matches!(self.state, State::Lingering | State::Done)
    }

    /// Whether the connection can be closed.
    pub fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }

    /// Why the connection is being closed; `None` while it is not.
    pub fn close_reason(&self) -> Option<CloseReason> {
        self.reason
    }

    /// What went through so far.
    pub fn stats(&self) -> Stats {
        self.stats
    }

    /// The service.
    pub fn service(&self) -> &V {
        &self.service
    }

    /// The service, the input storage and the output storage, to be used again.
    pub fn into_parts(self) -> (V, I, O) {
        (self.service, self.decoder.into_parts().storage, self.encoder.into_storage())
    }

    /// Answers what came, as far as there is room for the replies, and moves on through the states.
    fn work(&mut self, chunk: &mut &[u8], now: Instant) {
        while self.is_open() {
            let flow = self.service.poll(now, &mut self.encoder);
            match flow {
                Err(refusal) => self.close(CloseReason::Dismissed(refusal), now),
                done => self.settle(done, now),
            }
            if !self.is_open() || matches!(flow, Ok(Flow::Wait)) {
                break;
            }
            // Most calls are for output, and find nothing new.
            let nothing_new = self.offer == Offer::Digested && self.input == Input::Flowing && chunk.is_empty();
            if nothing_new || !self.answer(chunk, now) {
                break;
            }
        }
        if self.state == State::Flushing && self.encoder.pending().is_empty() {
            self.active_at = now;
            self.state = match self.input {
                Input::Ended => State::Done,
                Input::Flowing | Input::Stopped => State::Lingering,
            };
        }
    }

    /// Answers frames as far as there is room for the replies, and says whether that was all and the service may have more to say.
    fn answer(&mut self, chunk: &mut &[u8], now: Instant) -> bool {
        let mut answered = false;
        while self.is_open() {
            if SHORT_WAYS {
                let mut frames = Frames::new(&mut self.decoder, chunk, self.reply_extra, self.replies);
                let done = self.service.frames(&mut frames, now, &mut self.encoder);
                let taken = frames.taken();
                self.stats.messages += taken;
                answered |= taken > 0;
                match done {
                    Ok(Flow::Continue) => {}
                    Ok(Flow::Wait) => return true,
                    Ok(Flow::Close) | Err(_) => {
                        self.settle(done, now);
                        return false;
                    }
                }
            }
            let Some(max) = longest(&self.encoder, self.reply_extra, self.replies) else {
                return false;
            };
            // What a short way leads to was taken above.
            let event = if SHORT_WAYS {
                self.decoder.unusual_event::<true>(chunk, max)
            } else {
                self.decoder.event_and_state::<true>(chunk, max)
            };
            match event {
                Ok(Some((event, state))) => {
                    if let Event::Frame(_) | Event::Begin { .. } = event {
                        self.service.header(state);
                    }
                    let done = dispatch(&mut self.service, &mut self.encoder, &mut self.stats, event, now);
                    self.settle(done, now);
                    if matches!(done, Ok(Flow::Wait)) {
                        return true;
                    }
                    answered = true;
                }
                Ok(None) => {
                    let waiting = !chunk.is_empty() || self.decoder.is_waiting();
                    match self.input {
                        // A last frame that the end of the stream completes may need all the room there is.
                        Input::Ended
                            if !waiting && (self.replies == Replies::Whole || self.encoder.pending().is_empty()) =>
                        {
                            if self.finish(now) == Flow::Wait {
                                return true;
                            }
                        }
                        Input::Stopped if !waiting && self.offer != Offer::Left => {
                            self.close(CloseReason::Shutdown, now);
                        }
                        _ => {
                            if !waiting {
                                self.offer = Offer::Digested;
                            }
                            return answered && !waiting;
                        }
                    }
                }
                Err(error) if error.recovery == Recovery::Skips => {
                    let done = self.service.skipped(&error, &mut self.encoder);
                    self.settle(done, now);
                }
                Err(error) => self.close(CloseReason::BadFrame(error), now),
            }
        }
        false
    }

    /// All input was taken, and no more will come. Says whether the service has more to say first.
    fn finish(&mut self, now: Instant) -> Flow {
        match self.decoder.finish_by::<true>() {
            Ok(End::Last(event)) => {
                let done = dispatch(&mut self.service, &mut self.encoder, &mut self.stats, event, now);
                self.settle(done, now);
                return done.unwrap_or(Flow::Continue);
            }
            Ok(End::Clean | End::Stopped) => self.close(CloseReason::PeerClosed, now),
            Ok(End::Truncated { have, need }) => self.close(CloseReason::Truncated { have, need }, now),
            Err(error) => self.close(CloseReason::BadFrame(error), now),
        }
        Flow::Continue
    }

    #[inline]
    fn is_open(&self) -> bool {
        self.state == State::Open
    }

    /// Takes note of what a service said.
    fn settle(&mut self, done: Result<Flow, Refusal>, now: Instant) {
        match done {
            Ok(Flow::Continue | Flow::Wait) => {}
            Ok(Flow::Close) => self.close(CloseReason::ServiceDone, now),
            Err(refusal) => {
                let offset = self.decoder.frame_offset();
                self.close(CloseReason::Refused { refusal, offset }, now);
            }
        }
    }

    fn count_input(&mut self, n: usize, now: Instant) {
        if n > 0 {
            self.stats.bytes_received += n as u64;
            // What a closing connection still sends is dropped, and must not keep it from ending.
            if self.is_open() && self.input == Input::Flowing {
                self.active_at = now;
            }
        }
    }

    /// Nothing more is sent or received.
    fn give_up(&mut self) {
        if matches!(self.state, State::Flushing | State::Lingering) {
            self.encoder.reset();
            self.state = State::Done;
        }
    }

    fn close(&mut self, reason: CloseReason, now: Instant) {
        (self.state, self.reason) = (State::Flushing, Some(reason));
        self.service.closed(now);
        // Its storage takes what is read only to be dropped.
        self.decoder.reset();
        self.active_at = now;
    }
}

/// Gives an event to the service.
#[inline]
fn dispatch<V: Service, O: Storage>(
    service: &mut V,
    out: &mut Encoder<V::Framing, O>,
    stats: &mut Stats,
    event: Event<'_>,
    now: Instant,
) -> Result<Flow, Refusal> {
    match event {
        Event::Frame(payload) => {
            stats.messages += 1;
            service.frame(payload, now, out)
        }
        Event::Begin { len } => service.begin(len, out).map(|()| Flow::Continue),
        Event::Chunk(payload) => service.chunk(payload, out).map(|()| Flow::Continue),
        Event::End => {
            stats.messages += 1;
            service.end(out)
        }
    }
}
