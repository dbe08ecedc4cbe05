//! The time, as the front end tells it.
//!
//! No part of `framewright` reads a clock: each call that depends on time takes an [`Instant`], and what must happen
//! later comes out as an [`Instant`] too. A host derives it from its monotonic clock, a microcontroller from a timer, a
//! test from a variable that it moves by hand.

use core::fmt;
use core::ops::Add;
use core::time::Duration;

/// A point on a monotonic clock, in microseconds since an origin that the front end chooses (usually its start).
///
/// The range is 584,000 years, so arithmetic saturates instead of wrapping.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Instant {
    micros: u64,
}

impl Instant {
    /// The origin of the clock.
    pub const ZERO: Self = Self { micros: 0 };

    /// The instant `micros` microseconds after the origin.
    pub const fn from_micros(micros: u64) -> Self {
        Self { micros }
    }

    /// The instant `millis` milliseconds after the origin.
    pub const fn from_millis(millis: u64) -> Self {
        Self { micros: millis.saturating_mul(1_000) }
    }

    /// Microseconds since the origin.
    pub const fn as_micros(self) -> u64 {
        self.micros
    }

    /// How long after `earlier` this is; zero if it is not later.
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.micros.saturating_sub(earlier.micros))
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    // Not inlined: deadlines are added up in many places, none of them hot.
    #[inline(never)]
    fn add(self, duration: Duration) -> Self {
        self.after(micros(duration))
    }
}

impl Instant {
    /// The instant so many microseconds later.
    #[cfg_attr(not(target_pointer_width = "64"), inline(never))]
    pub(crate) const fn after(self, micros: u64) -> Self {
        Self { micros: self.micros.saturating_add(micros) }
    }
}

/// A duration in whole microseconds, or the most that there are.
#[inline(never)]
pub(crate) fn micros(duration: Duration) -> u64 {
    // Not `Duration::as_micros`: it counts in 128 bits, which is much code on a small machine.
    duration.as_secs().saturating_mul(1_000_000).saturating_add(duration.subsec_micros().into())
}

/// The wall clock of a place, as far as it is known: what time it is there at an [`Instant`].
///
/// A device that was never told the time has the default, [`UNSET`](Self::UNSET): 1970-01-01 at the origin of its clock, so that its
/// times say how long it has been up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct WallClock {
    /// Microseconds from 1970-01-01T00:00:00 UTC to [`Instant::ZERO`].
    origin_micros: i64,
    /// Seconds that local time is ahead of UTC.
    utc_offset: i32,
}

/// A date and time of day at a place, in the proleptic Gregorian calendar.
///
/// It is written as ISO 8601 with microseconds and UTC offset, `2026-11-21T08:12:33.123456+00:00`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct LocalTime {
    /// The year.
    pub year: i32,
    /// The month, 1 to 12.
    pub month: u8,
    /// The day, 1 to 31.
    pub day: u8,
    /// The hour, 0 to 23.
    pub hour: u8,
    /// The minute, 0 to 59.
    pub minute: u8,
    /// The second, 0 to 59: POSIX time has no leap seconds.
    pub second: u8,
    /// The microsecond, 0 to 999,999.
    pub micros: u32,
    /// Seconds that this time is ahead of UTC.
    pub utc_offset: i32,
}

impl WallClock {
    /// The clock of a device that was not told the time.
    pub const UNSET: Self = Self { origin_micros: 0, utc_offset: 0 };

    /// A clock that shows `unix_micros` (microseconds since 1970-01-01T00:00:00 UTC) at `now`, at a place that is `utc_offset` seconds
    /// ahead of UTC. Offsets beyond a day are cut to a day.
    pub fn new(unix_micros: i64, utc_offset: i32, now: Instant) -> Self {
        let now = i64::try_from(now.micros).unwrap_or(i64::MAX);
        Self { origin_micros: unix_micros.saturating_sub(now), utc_offset: utc_offset.clamp(-86_400, 86_400) }
    }

    /// The local time at `now`, for years 1 to 9999; times outside are the nearest inside.
    pub fn at(&self, now: Instant) -> LocalTime {
        /// 0001-01-02 and 9999-12-30, in microseconds from 1970: a day inside, for the offset.
        const RANGE: core::ops::RangeInclusive<i64> = -62_135_510_400_000_000..=253_402_128_000_000_000;
        let now = i64::try_from(now.micros).unwrap_or(i64::MAX);
        let utc = self.origin_micros.saturating_add(now).clamp(*RANGE.start(), *RANGE.end());
        let local = utc + i64::from(self.utc_offset) * 1_000_000;
        let seconds = local.div_euclid(1_000_000);
        let (days, of_day) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
        let (year, month, day) = civil_from_days(days);
        LocalTime {
            year,
            month,
            day,
            hour: narrow(of_day / 3_600),
            minute: narrow(of_day / 60 % 60),
            second: narrow(of_day % 60),
            micros: u32::try_from(local.rem_euclid(1_000_000)).unwrap_or_default(),
            utc_offset: self.utc_offset,
        }
    }
}

/// A number that is known to be small.
fn narrow(number: i64) -> u8 {
    u8::try_from(number).unwrap_or_default()
}

/// Year, month and day of the day that is `days` after 1970-01-01.
///
/// Source: H. Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`. Years start in March, so that a leap day is
/// the last day of one, and come in eras of 400 with 146,097 days.
fn civil_from_days(days: i64) -> (i32, u8, u8) {
    let from_march = days + 719_468;
    let era = from_march.div_euclid(146_097);
    let of_era = from_march.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (i32::try_from(year).unwrap_or_default(), narrow(month), narrow(day))
}

impl fmt::Display for LocalTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { year, month, day, hour, minute, second, micros, utc_offset } = self;
        let sign = if *utc_offset < 0 { '-' } else { '+' };
        let offset = utc_offset.unsigned_abs() / 60;
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}")?;
        write!(f, "{sign}{:02}:{:02}", offset / 60, offset % 60)
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::string::ToString;

    #[test]
    fn times_are_written_as_iso_8601() {
        let now = Instant::from_millis(1_500);
        let at = |micros, offset| WallClock::new(micros, offset, now).at(now).to_string();
        assert_eq!(at(1_795_248_753_123_456, 0), "2026-11-21T08:12:33.123456+00:00");
        assert_eq!(at(1_795_248_753_123_456, 3_600), "2026-11-21T09:12:33.123456+01:00");
        assert_eq!(at(1_795_248_753_123_456, -12_600), "2026-11-21T04:42:33.123456-03:30");
        assert_eq!(at(951_782_400_000_000, 0), "2000-02-29T00:00:00.000000+00:00");
        assert_eq!(at(4_107_542_399_000_000, 0), "2100-02-28T23:59:59.000000+00:00");
        assert_eq!(at(-1, 0), "1969-12-31T23:59:59.999999+00:00");
    }

    #[test]
    fn a_device_that_was_not_told_the_time_says_how_long_it_is_up() {
        let up = Instant::from_micros(90_061_000_007);
        assert_eq!(WallClock::UNSET.at(up).to_string(), "1970-01-02T01:01:01.000007+00:00");
    }

    #[test]
    fn no_time_is_out_of_range() {
        for micros in [i64::MIN, i64::MAX] {
            for offset in [i32::MIN, 0, i32::MAX] {
                let time = WallClock::new(micros, offset, Instant::ZERO).at(Instant::from_micros(u64::MAX));
                assert!((1..=9999).contains(&time.year), "{time}");
            }
        }
    }
}
