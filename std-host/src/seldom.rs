//! Keeps one cause from filling the log.

use std::time::{Duration, Instant};

/// Something that may happen often and is logged once in a while, with how often it happened.
#[derive(Debug, Default)]
pub(crate) struct Seldom {
    last: Option<Instant>,
    times: u64,
}

impl Seldom {
    /// It happened again. If it is to be logged: how many times since the last time.
    pub(crate) fn now(&mut self) -> Option<u64> {
        self.times += 1;
        if self.last.is_some_and(|last| last.elapsed() < LOG_INTERVAL) {
            return None;
        }
        self.last = Some(Instant::now());
        Some(std::mem::take(&mut self.times))
    }
}

/// Between two log lines with the same cause.
const LOG_INTERVAL: Duration = Duration::from_secs(1);
