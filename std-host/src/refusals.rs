//! Why `kv` answered `ERROR`, in the server's log: each one told, but no flood of them.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use framewright::service::KvError;
use tracing::{debug, info};

/// Logs refusals, for all clients of a server together: up to [`BURST`] at once at level info, [`RATE`] a second on the
/// average. The others are logged at level debug, and counted in the next line that is not.
#[derive(Clone, Debug)]
pub(crate) struct Refusals {
    allowance: Arc<Mutex<Allowance>>,
}

/// How many lines may be logged now.
#[derive(Debug)]
struct Allowance {
    lines: u32,
    /// When one was added last.
    at: Instant,
    /// How many were not told since the last that was.
    untold: u64,
}

impl Refusals {
    pub(crate) fn log(&self, peer: SocketAddr, why: &KvError) {
        let told = self.allowance.lock().unwrap_or_else(PoisonError::into_inner).take(Instant::now());
        match told {
            Some(0) => info!(service = "kv", %peer, "answered ERROR: {why}"),
            Some(untold) => info!(service = "kv", %peer, untold, "answered ERROR: {why}"),
            None => debug!(service = "kv", %peer, "answered ERROR: {why}"),
        }
    }
}

impl Default for Refusals {
    fn default() -> Self {
        let allowance = Allowance { lines: BURST, at: Instant::now(), untold: 0 };
        Self { allowance: Arc::new(Mutex::new(allowance)) }
    }
}

impl Allowance {
    /// Whether a line may be told at `now`; then how many were not, before it.
    fn take(&mut self, now: Instant) -> Option<u64> {
        let new = now.saturating_duration_since(self.at).as_millis() / EACH.as_millis();
        let new = u32::try_from(new).unwrap_or(u32::MAX);
        if new > 0 {
            self.lines = self.lines.saturating_add(new).min(BURST);
            self.at = now;
        }
        if let Some(left) = self.lines.checked_sub(1) {
            self.lines = left;
            return Some(std::mem::take(&mut self.untold));
        }
        self.untold += 1;
        None
    }
}

/// Lines at once.
const BURST: u32 = 20;
/// Lines a second, in the long run.
const RATE: u32 = 10;
/// The time for one line.
const EACH: Duration = Duration::from_millis(1000 / RATE as u64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_refusals_is_counted_and_not_told() {
        let start = Instant::now();
        let mut allowance = Allowance { lines: BURST, at: start, untold: 0 };
        let told = (0..1000).filter(|_| allowance.take(start).is_some()).count();
        assert_eq!(told, 20);
        assert_eq!(allowance.take(start + EACH), Some(980));
        assert_eq!(allowance.take(start + EACH), None);
        let later = start + Duration::from_hours(1);
        assert_eq!((0..1000).filter(|_| allowance.take(later).is_some()).count(), 20);
    }
}
