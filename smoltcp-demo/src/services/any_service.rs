//! The services of `framewright` as one, chosen when a connection is opened: see [`AnyLaw`].

use framewright::framing::{JsonHeader, Lines, Raw, U32};
use framewright::service::{Chat, Echo, Flow, Hello, Intake, Kv, Message, Refusal, Time, Trim};
use framewright::{DecodeError, Encoder, Frames, Instant, Service, Storage};

use super::{AnyLaw, AnyState, KvReporter, MAX_SEARCH, Reached, Room, StateRef};

/// One of the services.
pub enum AnyService<T: StateRef> {
    /// Removes the first ten characters.
    Trim(Trim),
    /// Sends all of it back.
    Echo(Echo),
    /// Greets.
    Hello(Hello),
    /// Tells the time.
    Time(Time),
    /// A store.
    Kv(Kv<Reached<T>, KvReporter>),
    /// A room.
    Chat(Chat<Reached<T>, Room<T>, ()>),
    /// Requests with typed content.
    Message(Message<Reached<T>, MAX_SEARCH>),
}

impl<T: StateRef> AnyService<T> {
    /// The law of its requests, for a decoder with `storage` bytes.
    pub fn law(&self, storage: usize) -> AnyLaw {
        match self {
            Self::Trim(_) | Self::Echo(_) => AnyLaw::U32,
            Self::Hello(_) | Self::Time(_) => AnyLaw::RAW,
            Self::Kv(_) | Self::Chat(_) => AnyLaw::LINES,
            Self::Message(_) => AnyLaw::json(storage),
        }
    }
}

/// Does the same with whichever service it is; where there is an encoder, under the law of that service.
macro_rules! with_service {
    ($any:expr, $service:ident => $call:expr) => {
        match $any {
            AnyService::Trim($service) => $call,
            AnyService::Echo($service) => $call,
            AnyService::Hello($service) => $call,
            AnyService::Time($service) => $call,
            AnyService::Kv($service) => $call,
            AnyService::Chat($service) => $call,
            AnyService::Message($service) => $call,
        }
    };
    ($any:expr, $out:ident, $service:ident => $call:expr) => {
        match $any {
            AnyService::Trim($service) => $out.under(U32::new(), |$out| $call),
            AnyService::Echo($service) => $out.under(U32::new(), |$out| $call),
            AnyService::Hello($service) => $out.under(Raw, |$out| $call),
            AnyService::Time($service) => $out.under(Raw, |$out| $call),
            AnyService::Kv($service) => $out.under(Lines, |$out| $call),
            AnyService::Chat($service) => $out.under(Lines, |$out| $call),
            AnyService::Message($service) => $out.under(JsonHeader::TEXT, |$out| $call),
        }
    };
}

impl<T: StateRef> Service for AnyService<T> {
    type Framing = AnyLaw;

    fn intake(&self) -> Intake {
        with_service!(self, service => service.intake())
    }

    fn overhead(&self) -> usize {
        with_service!(self, service => service.overhead())
    }

    fn open<S: Storage>(&mut self, now: Instant, out: &mut Encoder<AnyLaw, S>) -> Result<Flow, Refusal> {
        with_service!(self, out, service => service.open(now, out))
    }

    fn poll<S: Storage>(&mut self, now: Instant, out: &mut Encoder<AnyLaw, S>) -> Result<Flow, Refusal> {
        with_service!(self, out, service => service.poll(now, out))
    }

    fn deadline(&self) -> Option<Instant> {
        with_service!(self, service => service.deadline())
    }

    fn header(&mut self, state: &AnyState) {
        if let Self::Message(message) = self {
            message.expect(state.content());
        }
    }

    fn frame<S: Storage>(
        &mut self,
        payload: &[u8],
        now: Instant,
        out: &mut Encoder<AnyLaw, S>,
    ) -> Result<Flow, Refusal> {
        with_service!(self, out, service => service.frame(payload, now, out))
    }

    /// Which service it is, and under which law it writes, is found out once for all of them.
    #[inline]
    fn frames<I: Storage, S: Storage>(
        &mut self,
        frames: &mut Frames<'_, '_, AnyLaw, I>,
        now: Instant,
        out: &mut Encoder<AnyLaw, S>,
    ) -> Result<Flow, Refusal> {
        match self {
            // It must see the headers, which other services do not have.
            Self::Message(_) => Ok(Flow::Continue),
            any => with_service!(any, out, service => {
                while let Some((payload, _)) = frames.next(out) {
                    match service.frame(payload, now, out)? {
                        Flow::Continue => {}
                        flow => return Ok(flow),
                    }
                }
                Ok(Flow::Continue)
            }),
        }
    }

    fn begin<S: Storage>(&mut self, len: Option<u64>, out: &mut Encoder<AnyLaw, S>) -> Result<(), Refusal> {
        with_service!(self, out, service => service.begin(len, out))
    }

    fn chunk<S: Storage>(&mut self, payload: &[u8], out: &mut Encoder<AnyLaw, S>) -> Result<(), Refusal> {
        with_service!(self, out, service => service.chunk(payload, out))
    }

    fn end<S: Storage>(&mut self, out: &mut Encoder<AnyLaw, S>) -> Result<Flow, Refusal> {
        with_service!(self, out, service => service.end(out))
    }

    fn skipped<S: Storage>(&mut self, error: &DecodeError, out: &mut Encoder<AnyLaw, S>) -> Result<Flow, Refusal> {
        with_service!(self, out, service => service.skipped(error, out))
    }

    fn closed(&mut self, now: Instant) {
        with_service!(self, service => service.closed(now));
    }
}
