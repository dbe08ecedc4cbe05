//! Two crates' instants are the same number: microseconds since an origin that the front end chose.

use framewright::Instant;

/// For smoltcp.
pub(crate) fn to_smoltcp(now: Instant) -> smoltcp::time::Instant {
    smoltcp::time::Instant::from_micros(i64::try_from(now.as_micros()).unwrap_or(i64::MAX))
}

/// From smoltcp. Its "at once" is an instant in the past.
pub(crate) fn from_smoltcp(at: smoltcp::time::Instant) -> Instant {
    Instant::from_micros(u64::try_from(at.total_micros()).unwrap_or(0))
}
