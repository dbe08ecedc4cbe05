//! The session of a client with whichever service it chose.

use framewright::service::{Chat, Echo, Hello, Hub, Kv, KvError, KvLog, Message, Time, Trim};
use framewright::{
    CloseReason, Instant, Session, SessionConfig, SessionError, Shared, Stats, Storage, Store, StoreError,
};

use super::by_framing::{Chunked, Framed, Lined};
use super::{Client, ServiceName, StateRef};
use crate::connection::Connection;

/// A session with one of the services of `framewright`, in buffers of type `B`, whose shared state `T` reaches.
///
/// It has the size of the largest of them; a slot can hold any.
pub enum Conversation<B: Storage, T: StateRef> {
    /// With `trim` or `echo`.
    Framed(Session<Framed, B, B>),
    /// With `hello` or `time`.
    Chunked(Session<Chunked, B, B>),
    /// With `kv` or `chat`.
    Lined(Session<Lined<T>, B, B>),
    /// With `message`.
    Message(Session<Message<Reached<T>, MAX_SEARCH>, B, B>),
}

/// The longest key that `message` searches, in bytes. An answer that repeats it must fit the output buffer.
pub const MAX_SEARCH: usize = 64;

/// The chat room of the state that `T` reaches.
pub type Room<T> = Hub<<T as StateRef>::Seats, <T as StateRef>::Log>;

/// What the services need of a state, by the way `T` to it.
#[derive(Clone, Copy, Debug)]
pub struct Reached<T>(T);

/// Reports requests to the store that went wrong, with the client they came from.
#[derive(Clone, Copy, Debug)]
pub struct KvReporter {
    client: Client,
    report: fn(Client, &KvError),
}

impl<B: Storage, T: StateRef> Conversation<B, T> {
    /// The session for a client of this service; one with `echo` for `udp-echo`, which has none of its own.
    ///
    /// # Errors
    /// The output buffer is too small for the service's longest reply.
    pub(super) fn open(
        service: ServiceName,
        state: &T,
        config: SessionConfig,
        client: Client,
        (input, output): (B, B),
        now: Instant,
    ) -> Result<Self, SessionError> {
        let reached = || Reached(state.clone());
        let state = state.state();
        let framed = |service, input, output| Session::new(service, input, output, config, now).map(Self::Framed);
        let chunked = |service, input, output| Session::new(service, input, output, config, now).map(Self::Chunked);
        let lined = |service, input, output| Session::new(service, input, output, config, now).map(Self::Lined);
        match service {
            ServiceName::Trim => framed(Framed::Trim(Trim::default()), input, output),
            ServiceName::Echo | ServiceName::UdpEcho => framed(Framed::Echo(Echo::new()), input, output),
            ServiceName::Hello => chunked(Chunked::Hello(Hello), input, output),
            ServiceName::Time => chunked(Chunked::Time(Time::new(state.clock())), input, output),
            ServiceName::Kv => {
                let kv = Kv::new(reached(), KvReporter { client, report: state.kv_report() });
                lined(Lined::Kv(kv), input, output)
            }
            ServiceName::Chat => {
                let chat = Chat::new(reached(), state.rules(), client.remote.port, ());
                lined(Lined::Chat(chat), input, output)
            }
            ServiceName::Message => {
                Session::new(Message::new(reached()), input, output, config, now).map(Self::Message)
            }
        }
    }
}

impl<T: StateRef> Store for Reached<T> {
    fn max_value(&self) -> usize {
        self.0.state().store().max_value()
    }

    fn get(&self, key: &str, read: impl FnOnce(&str)) -> Result<(), StoreError> {
        self.0.state().store().get(key, read)
    }

    fn set(&self, key: &str, value: &str) -> Result<(), StoreError> {
        self.0.state().store().set(key, value)
    }

    fn delete(&self, key: &str) -> Result<bool, StoreError> {
        self.0.state().store().delete(key)
    }
}

impl<T: StateRef> Shared<Room<T>> for Reached<T> {
    fn with(&self, work: impl FnOnce(&mut Room<T>)) {
        self.0.state().room().with(work);
    }
}

impl KvLog for KvReporter {
    fn refused(&mut self, why: &KvError) {
        (self.report)(self.client, why);
    }
}

/// Does the same with whichever session it is.
macro_rules! with_session {
    ($conversation:expr, $session:ident => $call:expr) => {
        match $conversation {
            Conversation::Framed($session) => $call,
            Conversation::Chunked($session) => $call,
            Conversation::Lined($session) => $call,
            Conversation::Message($session) => $call,
        }
    };
}

impl<B: Storage, T: StateRef> Connection for Conversation<B, T> {
    type Buffer = B;

    fn handle_input(&mut self, bytes: &[u8], now: Instant) -> usize {
        with_session!(self, session => session.handle_input(bytes, now))
    }

    fn handle_end(&mut self, now: Instant) {
        with_session!(self, session => session.handle_end(now));
    }

    fn handle_reset(&mut self, now: Instant) {
        with_session!(self, session => session.handle_reset(now));
    }

    fn handle_deadline(&mut self, now: Instant) {
        with_session!(self, session => session.handle_deadline(now));
    }

    fn shutdown(&mut self, now: Instant) {
        with_session!(self, session => session.shutdown(now));
    }

    fn poll_output(&mut self, now: Instant) -> &[u8] {
        with_session!(self, session => session.poll_output(now))
    }

    fn sent(&mut self, n: usize, now: Instant) {
        with_session!(self, session => session.sent(n, now));
    }

    fn deadline(&self) -> Option<Instant> {
        with_session!(self, session => session.deadline())
    }

    fn is_output_finished(&self) -> bool {
        with_session!(self, session => session.is_output_finished())
    }

    fn is_done(&self) -> bool {
        with_session!(self, session => session.is_done())
    }

    fn close_reason(&self) -> Option<CloseReason> {
        with_session!(self, session => session.close_reason())
    }

    fn stats(&self) -> Stats {
        with_session!(self, session => session.stats())
    }

    fn into_buffers(self) -> (B, B) {
        with_session!(self, session => session.into_buffers())
    }
}
