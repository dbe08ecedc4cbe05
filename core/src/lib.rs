#![doc = "placeholder"]
#![no_std]
#![forbid(unsafe_code)]

#[cfg(any(feature = "embedded-io", feature = "embedded-io-async"))]
mod adapter;
mod buffer;
mod decoder;
mod encoder;
mod error;
pub mod fields;
pub mod framing;
#[cfg(feature = "embedded-io")]
pub mod io;
#[cfg(feature = "embedded-io-async")]
pub mod io_async;
pub mod service;
pub mod session;
mod shared;
mod store;
mod time;

pub use buffer::Storage;
pub use decoder::{Decoder, End, Event, Need, Oversize, Parts};
pub use encoder::{Encoder, Outgoing};
pub use error::{DecodeError, DecodeErrorKind, EncodeError, Malformed, Recovery};
pub use service::Service;
pub use session::{CloseReason, Session, SessionConfig, SessionError, Stats};
pub use shared::Shared;
pub use store::{Store, StoreError, Table};
pub use time::{Instant, LocalTime, WallClock};
