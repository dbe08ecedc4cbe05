//! A key-value store, by lines of text.
//!
//! | request | answer |
//! |---|---|
//! | `SET key value` | `OK` |
//! | `GET key` | the value |
//! | `DELETE key` | `OK` |
//! | anything that goes wrong | `ERROR` |
//!
//! Commands come in any case. A key has no white space; a value is the rest of the line, without the white space around it. The
//! connection stays usable after an `ERROR`; why is told to the [`KvLog`] of the server.

use core::fmt;

use super::words::word;
use super::{Flow, Intake, Refusal, Service};
use crate::buffer::Storage;
use crate::encoder::Encoder;
use crate::error::DecodeError;
use crate::framing::Lines;
use crate::store::{Store, StoreError};
use crate::time::Instant;

/// The service over the store `K`, for one connection. `N` learns what went wrong.
#[derive(Clone, Copy, Debug)]
pub struct Kv<K, N> {
    store: K,
    log: N,
}

/// Learns why a request was answered with `ERROR`.
pub trait KvLog {
    /// A request went wrong.
    fn refused(&mut self, why: &KvError);
}

impl<F: FnMut(&KvError)> KvLog for F {
    fn refused(&mut self, why: &KvError) {
        self(why);
    }
}

/// Why a request was answered with `ERROR`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum KvError {
    /// The line is not UTF-8.
    InvalidUtf8,
    /// The first word is none of the commands.
    UnknownCommand,
    /// The command lacks its key or value.
    MissingArgument,
    /// `GET` and `DELETE` take a key and no more.
    ExtraArgument,
    /// The line is longer than the server takes.
    LineTooLong(DecodeError),
    /// There is no such key.
    UnknownKey,
    /// The store cannot do it.
    Store(StoreError),
}

/// A request, parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Request<'a> {
    Get(&'a str),
    Set(&'a str, &'a str),
    Delete(&'a str),
}

/// The longest answer beside a value.
const FIXED_ANSWER: usize = 5;

impl<K: Store, N: KvLog> Kv<K, N> {
    /// The service over `store`, which tells `log` what went wrong.
    pub const fn new(store: K, log: N) -> Self {
        Self { store, log }
    }

    /// Does what a line asks, and writes the answer.
    fn answer<S: Storage>(&mut self, line: &[u8], out: &mut Encoder<Lines, S>) -> Result<(), KvError> {
        let line = core::str::from_utf8(line).map_err(|_| KvError::InvalidUtf8)?;
        let answer: &[u8] = match Request::parse(line)? {
            Request::Get(key) => {
                let mut written = Err(KvError::UnknownKey);
                let found = self.store.get(key, |value| {
                    // A value longer than was promised to the session does not fit; it cannot have been set.
                    written = out.push(value.as_bytes()).map_err(|_| KvError::Store(StoreError::ValueTooLong));
                });
                return found.map_err(KvError::Store).and(written);
            }
            Request::Set(key, value) => self.store.set(key, value).map(|()| b"OK").map_err(KvError::Store)?,
            Request::Delete(key) if self.store.delete(key).map_err(KvError::Store)? => b"OK",
            Request::Delete(_) => return Err(KvError::UnknownKey),
        };
        // The session has promised room for a fixed answer.
        let _ = out.push(answer);
        Ok(())
    }

    fn refuse<S: Storage>(&mut self, why: &KvError, out: &mut Encoder<Lines, S>) -> Result<Flow, Refusal> {
        self.log.refused(why);
        out.push(b"ERROR")?;
        Ok(Flow::Continue)
    }
}

impl<'a> Request<'a> {
    fn parse(line: &'a str) -> Result<Self, KvError> {
        let (command, rest) = word(line);
        let (key, value) = word(rest);
        let is = |name: &str| command.eq_ignore_ascii_case(name);
        if !(is("GET") || is("SET") || is("DELETE")) {
            return Err(KvError::UnknownCommand);
        }
        match (key, value) {
            ("", _) => Err(KvError::MissingArgument),
            (_, "") if is("SET") => Err(KvError::MissingArgument),
            _ if is("SET") => Ok(Self::Set(key, value)),
            (_, "") if is("GET") => Ok(Self::Get(key)),
            (_, "") => Ok(Self::Delete(key)),
            _ => Err(KvError::ExtraArgument),
        }
    }
}

impl<K: Store, N: KvLog> Service for Kv<K, N> {
    type Framing = Lines;

    fn intake(&self) -> Intake {
        Intake::Whole { reply: self.store.max_value().max(FIXED_ANSWER) }
    }

    fn frame<S: Storage>(&mut self, line: &[u8], _: Instant, out: &mut Encoder<Lines, S>) -> Result<Flow, Refusal> {
        match self.answer(line, out) {
            Ok(()) => Ok(Flow::Continue),
            Err(why) => self.refuse(&why, out),
        }
    }

    fn skipped<S: Storage>(&mut self, error: &DecodeError, out: &mut Encoder<Lines, S>) -> Result<Flow, Refusal> {
        self.refuse(&KvError::LineTooLong(*error), out)
    }
}

impl fmt::Display for KvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidUtf8 => f.write_str("the line is not valid UTF-8"),
            Self::UnknownCommand => f.write_str("unknown command (GET key, SET key value, DELETE key)"),
            Self::MissingArgument => f.write_str("an argument is missing"),
            Self::ExtraArgument => f.write_str("an argument too many"),
            Self::LineTooLong(error) => error.fmt(f),
            Self::UnknownKey => f.write_str("unknown key"),
            Self::Store(error) => error.fmt(f),
        }
    }
}
