//! How settings are written on the command line.

use std::ops::RangeInclusive;
use std::time::Duration;

use clap::Args;
use framewright_host::{SocketOptions, StateConfig, StoreLimits};

/// How long a client command waits.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Timeouts {
    /// How long connecting may take, all addresses of a name together
    #[arg(long, value_name = "SECS", default_value = "5", value_parser = seconds)]
    connect_timeout: Duration,
    /// How long the server may be silent while an answer is waited for
    #[arg(long, value_name = "SECS", default_value = "5", value_parser = seconds)]
    reply_timeout: Duration,
}

impl Timeouts {
    /// The options of a socket that waits so long.
    pub(crate) fn options(self) -> SocketOptions {
        SocketOptions {
            connect_timeout: Some(self.connect_timeout),
            read_timeout: Some(self.reply_timeout),
            write_timeout: Some(self.reply_timeout),
            ..SocketOptions::default()
        }
    }
}

/// A size of buffers in bytes.
pub(crate) fn buffer_size(text: &str) -> Result<usize, String> {
    let bytes = text.parse().map_err(|_| "not a number of bytes".to_owned())?;
    framewright_host::check_buffer_size(bytes).map_err(|_| "must be a power of two from 64 to 65536".to_owned())?;
    Ok(bytes)
}

/// A time in seconds, above 0, which may have a fraction.
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number of seconds".to_owned())?;
    match Duration::try_from_secs_f64(seconds) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        _ => Err("must be above 0 (and finite)".to_owned()),
    }
}

/// How many clients there may be: at least one.
pub(crate) fn clients(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("must be at least 1: a server for nobody would refuse everybody".to_owned()),
        Ok(clients) => Ok(clients),
        Err(_) => Err("not a number of clients".to_owned()),
    }
}

/// The longest key, in bytes.
pub(crate) fn key_size(text: &str) -> Result<usize, String> {
    bytes(text, 1..=StoreLimits::MAX_KEY)
}

/// The longest value, in bytes.
pub(crate) fn value_size(text: &str) -> Result<usize, String> {
    bytes(text, 1..=StoreLimits::MAX_VALUE)
}

/// The size of the chat log, in bytes.
pub(crate) fn chat_log(text: &str) -> Result<usize, String> {
    bytes(text, StateConfig::MIN_CHAT_LOG..=StateConfig::MAX_CHAT_LOG)
}

fn bytes(text: &str, range: RangeInclusive<usize>) -> Result<usize, String> {
    let bytes = text.parse().map_err(|_| "not a number of bytes".to_owned())?;
    let (least, most) = (range.start(), range.end());
    range.contains(&bytes).then_some(bytes).ok_or_else(|| format!("must be from {least} to {most}"))
}
