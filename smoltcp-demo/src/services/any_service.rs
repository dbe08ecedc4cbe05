//! The services of `framewright`, joined by their framing: one type of session for each framing, and not for each service. A session's
//! code is there once for each type of service, and flash is small.

use framewright::service::{Chat, Echo, Flow, Hello, Intake, Kv, Refusal, Time, Trim};
use framewright::{DecodeError, Encoder, Instant, Service, Storage, framing};

use super::{KvReporter, Reached, Room, StateRef};

/// A service of `u32` frames.
#[derive(Debug)]
pub enum Framed {
    /// Removes the first ten characters.
    Trim(Trim),
    /// Sends all of it back.
    Echo(Echo),
}

/// A service that takes chunks as they come.
#[derive(Debug)]
pub enum Chunked {
    /// Greets.
    Hello(Hello),
    /// Tells the time.
    Time(Time),
}

/// A service of lines.
pub enum Lined<T: StateRef> {
    /// A store.
    Kv(Kv<Reached<T>, KvReporter>),
    /// A room.
    Chat(Chat<Reached<T>, Room<T>, ()>),
}

/// Makes an enum of services the service that each is.
macro_rules! one_of {
    ($law:ty, $name:ident $(<$t:ident: $bound:path>)?, $one:ident, $other:ident) => {
        impl $(<$t: $bound>)? Service for $name $(<$t>)? {
            type Framing = $law;

            fn intake(&self) -> Intake {
                one_of!(self, $one, $other, service => service.intake())
            }

            fn open<S: Storage>(&mut self, now: Instant, out: &mut Encoder<$law, S>) -> Result<Flow, Refusal> {
                one_of!(self, $one, $other, service => service.open(now, out))
            }

            fn poll<S: Storage>(&mut self, now: Instant, out: &mut Encoder<$law, S>) -> Result<Flow, Refusal> {
                one_of!(self, $one, $other, service => service.poll(now, out))
            }

            fn deadline(&self) -> Option<Instant> {
                one_of!(self, $one, $other, service => service.deadline())
            }

            fn frame<S: Storage>(
                &mut self,
                payload: &[u8],
                now: Instant,
                out: &mut Encoder<$law, S>,
            ) -> Result<Flow, Refusal> {
                one_of!(self, $one, $other, service => service.frame(payload, now, out))
            }

            fn begin<S: Storage>(&mut self, len: Option<u64>, out: &mut Encoder<$law, S>) -> Result<(), Refusal> {
                one_of!(self, $one, $other, service => service.begin(len, out))
            }

            fn chunk<S: Storage>(&mut self, payload: &[u8], out: &mut Encoder<$law, S>) -> Result<(), Refusal> {
                one_of!(self, $one, $other, service => service.chunk(payload, out))
            }

            fn end<S: Storage>(&mut self, out: &mut Encoder<$law, S>) -> Result<Flow, Refusal> {
                one_of!(self, $one, $other, service => service.end(out))
            }

            fn skipped<S: Storage>(
                &mut self,
                error: &DecodeError,
                out: &mut Encoder<$law, S>,
            ) -> Result<Flow, Refusal> {
                one_of!(self, $one, $other, service => service.skipped(error, out))
            }

            fn closed(&mut self, now: Instant) {
                one_of!(self, $one, $other, service => service.closed(now));
            }
        }
    };
    ($self:ident, $one:ident, $other:ident, $service:ident => $call:expr) => {
        match $self {
            Self::$one($service) => $call,
            Self::$other($service) => $call,
        }
    };
}

one_of!(framing::U32, Framed, Trim, Echo);
one_of!(framing::Raw, Chunked, Hello, Time);
one_of!(framing::Lines, Lined<T: StateRef>, Kv, Chat);
