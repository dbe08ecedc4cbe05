//! How long a room waits for members that it would overtake.

use core::time::Duration;

use crate::time::Instant;

/// Whether a room keeps its speakers waiting, for members that are so far behind that the log would soon overtake them.
///
/// A member that reads, and whose turn has not come, is worth waiting for; one that has had its time is not. All that are behind
/// when the waiting begins have the same time, however many they are: so a room is kept waiting once for each good part of its
/// log, whoever tries to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hold {
    /// It does not.
    No,
    /// It does, until then at the latest, or until nobody who is waited for is far behind.
    Waiting { until: Instant, mark: u64 },
    /// It has, and does not any more for those who are still behind this place.
    Over { mark: u64 },
}

impl Hold {
    /// Bytes behind the end of a log of `capacity` bytes at which a member is far behind. What is left of the log is for what is said
    /// at the same time, by those who were let speak just before.
    pub(super) fn far(self, capacity: u64) -> u64 {
        match self {
            // Those who wait are not woken for every line that there is room for.
            Self::Waiting { .. } => capacity / 4,
            Self::No | Self::Over { .. } => capacity / 2,
        }
    }

    /// Whether it waits at `now`. `slowest` is the place of the slowest member that is worth it, if that is before `limit`, the
    /// place of members that are [`far`](Self::far) behind; `end` is the end of the log.
    pub(super) fn waits(
        &mut self,
        slowest: Option<u64>,
        limit: u64,
        end: u64,
        patience: Duration,
        now: Instant,
    ) -> bool {
        *self = match (*self, slowest) {
            // Somebody behind it may be left.
            (Self::Over { mark }, None) if limit < mark => Self::Over { mark },
            (_, None) => Self::No,
            (Self::Over { mark }, Some(place)) if place < mark => Self::Over { mark },
            (Self::Waiting { until, mark }, Some(place)) if place < mark => {
                if now < until {
                    Self::Waiting { until, mark }
                } else {
                    Self::Over { mark }
                }
            }
            (_, Some(_)) => Self::Waiting { until: now + patience, mark: end },
        };
        matches!(self, Self::Waiting { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(1);

    /// A log of 400 bytes that ends at `end`, and the slowest member of the room.
    fn waits(hold: &mut Hold, slowest: u64, end: u64, millis: u64) -> bool {
        let limit = end.saturating_sub(hold.far(400));
        let slowest = Some(slowest).filter(|place| *place < limit);
        hold.waits(slowest, limit, end, PATIENCE, Instant::from_millis(millis))
    }

    #[test]
    fn it_waits_for_a_member_far_behind_until_that_has_caught_up() {
        let mut hold = Hold::No;
        assert!(!waits(&mut hold, 0, 200, 0));
        assert!(waits(&mut hold, 0, 201, 0));
        assert!(waits(&mut hold, 100, 201, 999), "not near enough");
        assert!(!waits(&mut hold, 101, 201, 999));
        assert!(!waits(&mut hold, 101, 301, 999));
        assert!(waits(&mut hold, 101, 302, 5000), "it has earned another time");
    }

    #[test]
    fn it_waits_once_for_all_that_are_behind_and_no_longer_than_its_patience() {
        let mut hold = Hold::No;
        assert!(waits(&mut hold, 0, 300, 0));
        assert!(waits(&mut hold, 50, 300, 999));
        assert!(!waits(&mut hold, 50, 300, 1000));
        // The first is overtaken; the next one was behind as well, and a third that is near now.
        assert!(!waits(&mut hold, 51, 451, 1001));
        assert!(!waits(&mut hold, 252, 452, 1001));
        assert!(!waits(&mut hold, 252, 453, 1001), "it was before the mark at 300");
        assert!(waits(&mut hold, 300, 501, 1002), "this one was not");
    }

    #[test]
    fn a_member_that_reads_a_trickle_cannot_keep_it_waiting() {
        let (mut hold, mut place, mut end, mut waited) = (Hold::No, 0, 0, 0);
        for millis in 0..100_000 {
            place += u64::from(millis % 100 == 0);
            let waits = waits(&mut hold, place, end, millis);
            waited += u64::from(waits);
            end += if waits { 0 } else { 10 };
            if end > place + 400 {
                // Overtaken; another one of its kind takes its place.
                place = end;
            }
        }
        // It waits a second for every 200 bytes at most, and 100 lines of 10 bytes would be said in another second.
        assert!(end > 100 * 200 - 1000, "{end}");
        assert!(waited < 100_000 - end / 10 + 1, "{waited}");
    }
}
