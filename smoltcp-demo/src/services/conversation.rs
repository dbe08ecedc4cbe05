//! The session of a client with whichever service it chose.

use framewright::service::{Chat, Echo, Hello, Hub, Kv, KvError, KvLog, Message, Time, Trim};
use framewright::{
    CloseReason, Instant, Session, SessionConfig, SessionError, Shared, Stats, Storage, Store, StoreError,
};

use super::{AnyService, Client, ServiceName, StateRef};
use crate::connection::Connection;

/// A session with one of the services of `framewright`, in buffers of type `B`, whose shared state `T` reaches.
///
/// It is one type, so a slot can hold any.
pub struct Conversation<B: Storage, T: StateRef>(Session<AnyService<T>, B, B>);

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
        let service = match service {
            ServiceName::Trim => AnyService::Trim(Trim::default()),
            ServiceName::Echo | ServiceName::UdpEcho => AnyService::Echo(Echo::new()),
            ServiceName::Hello => AnyService::Hello(Hello),
            ServiceName::Time => AnyService::Time(Time::new(state.clock())),
            ServiceName::Kv => AnyService::Kv(Kv::new(reached(), KvReporter { client, report: state.kv_report() })),
            ServiceName::Chat => AnyService::Chat(Chat::new(reached(), state.rules(), client.remote.port, ())),
            ServiceName::Message => AnyService::Message(Message::new(reached())),
        };
        let law = service.law(input.as_ref().len());
        Session::with_law(service, law, input, output, config, now).map(Self)
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

impl<B: Storage, T: StateRef> Connection for Conversation<B, T> {
    type Buffer = B;

    fn handle_input(&mut self, bytes: &[u8], now: Instant) -> usize {
        self.0.handle_input(bytes, now)
    }

    fn handle_end(&mut self, now: Instant) {
        self.0.handle_end(now);
    }

    fn handle_reset(&mut self, now: Instant) {
        self.0.handle_reset(now);
    }

    fn handle_deadline(&mut self, now: Instant) {
        self.0.handle_deadline(now);
    }

    fn shutdown(&mut self, now: Instant) {
        self.0.shutdown(now);
    }

    fn poll_output(&mut self, now: Instant) -> &[u8] {
        self.0.poll_output(now)
    }

    fn sent(&mut self, n: usize, now: Instant) {
        self.0.sent(n, now);
    }

    fn deadline(&self) -> Option<Instant> {
        self.0.deadline()
    }

    fn is_output_finished(&self) -> bool {
        self.0.is_output_finished()
    }

    fn is_done(&self) -> bool {
        self.0.is_done()
    }

    fn close_reason(&self) -> Option<CloseReason> {
        self.0.close_reason()
    }

    fn stats(&self) -> Stats {
        self.0.stats()
    }

    fn into_buffers(self) -> (B, B) {
        self.0.into_buffers()
    }
}
