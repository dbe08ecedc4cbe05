//! The log of a chat room: one fixed ring of finished lines, which every client reads at its own pace.

use core::fmt::{self, Write};

use crate::buffer::Storage;

/// A ring of lines in the storage `R`. The oldest give way to new ones.
///
/// A place in it is counted in bytes since its beginning and never used twice, so a reader's cursor is one number, and a cursor
/// before [`oldest`](Self::oldest) says that its reader was overtaken.
#[derive(Clone, Debug)]
pub(super) struct Log<R> {
    ring: R,
    /// Where the oldest line that is left begins: `oldest <= end <= oldest + ring.len()`.
    oldest: u64,
    /// Where the next line will begin.
    end: u64,
}

/// A line of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry<'a> {
    pub(super) from: MemberId,
    pub(super) audience: Audience,
    /// The text, in two parts where it goes around the end of the ring.
    pub(super) text: [&'a [u8]; 2],
    /// Where the next entry begins.
    pub(super) next: u64,
}

/// Who a member is, for as long as the room exists: numbers are not used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct MemberId(pub(super) u32);

/// Who may read a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Audience {
    /// All but its author; it is part of the history.
    Everyone,
    /// All but its author, at the time: a join, a leave.
    Present,
    /// One member.
    One(MemberId),
}

/// Bytes before the text of an entry: its length (2), author (4), audience (1), addressee (4).
const HEADER: usize = 11;

impl<R: Storage> Log<R> {
    pub(super) const fn new(ring: R) -> Self {
        Self { ring, oldest: 0, end: 0 }
    }

    /// Appends a line, or says that it is too long for the ring.
    pub(super) fn append(
        &mut self,
        from: MemberId,
        audience: Audience,
        text: fmt::Arguments<'_>,
    ) -> Result<(), TooLong> {
        let mut measure = Measure(0);
        // Measuring never fails.
        let _ = measure.write_fmt(text);
        let capacity = self.ring.as_ref().len() as u64;
        let len = u16::try_from(measure.0).map_err(|_| TooLong)?;
        let need = HEADER as u64 + u64::from(len);
        if need > capacity {
            return Err(TooLong);
        }
        while self.end - self.oldest + need > capacity {
            self.oldest = match self.entry(self.oldest) {
                Some(entry) => entry.next,
                None => self.end,
            };
        }
        let (kind, to) = match audience {
            Audience::Everyone => (0, 0),
            Audience::Present => (1, 0),
            Audience::One(MemberId(to)) => (2, to),
        };
        let mut writer = Writer { ring: self.ring.as_mut(), at: self.end };
        writer.put(&len.to_le_bytes());
        writer.put(&from.0.to_le_bytes());
        writer.put(&[kind]);
        writer.put(&to.to_le_bytes());
        // Writing into the ring never fails; what it writes was measured.
        let _ = writer.write_fmt(text);
        self.end += need;
        Ok(())
    }

    /// The entry that begins at `at`; `None` at the end, and where no entry is left.
    pub(super) fn entry(&self, at: u64) -> Option<Entry<'_>> {
        if at < self.oldest || at >= self.end {
            return None;
        }
        let mut header = [0; HEADER];
        let [first, rest] = self.bytes(at, HEADER);
        for (place, from) in header.iter_mut().zip(first.iter().chain(rest)) {
            *place = *from;
        }
        let [l0, l1, f0, f1, f2, f3, kind, t0, t1, t2, t3] = header;
        let len = u16::from_le_bytes([l0, l1]);
        let to = MemberId(u32::from_le_bytes([t0, t1, t2, t3]));
        let text = at + HEADER as u64;
        Some(Entry {
            from: MemberId(u32::from_le_bytes([f0, f1, f2, f3])),
            audience: match kind {
                0 => Audience::Everyone,
                1 => Audience::Present,
                _ => Audience::One(to),
            },
            text: self.bytes(text, usize::from(len)),
            next: text + u64::from(len),
        })
    }

    /// Where the oldest line that is left begins.
    pub(super) fn oldest(&self) -> u64 {
        self.oldest
    }

    /// Bytes of lines, and of what is kept beside them, that it holds.
    pub(super) fn capacity(&self) -> u64 {
        self.ring.as_ref().len() as u64
    }

    /// Where the next line will begin.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// The `n` bytes from `at`, in two parts.
    fn bytes(&self, at: u64, n: usize) -> [&[u8]; 2] {
        let ring = self.ring.as_ref();
        let start = place(at, ring.len());
        let first = n.min(ring.len() - start);
        [ring.get(start..start + first).unwrap_or_default(), ring.get(..n - first).unwrap_or_default()]
    }
}

/// A line that does not fit the ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooLong;

/// Where in a ring of this length a place of the log is.
fn place(at: u64, len: usize) -> usize {
    // Less than `len`, which is a `usize`.
    usize::try_from(at.checked_rem(len as u64).unwrap_or_default()).unwrap_or_default()
}

/// Counts bytes.
struct Measure(usize);

impl Write for Measure {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 += text.len();
        Ok(())
    }
}

/// Writes around the end of a ring.
struct Writer<'a> {
    ring: &'a mut [u8],
    at: u64,
}

impl Writer<'_> {
    fn put(&mut self, bytes: &[u8]) {
        let start = place(self.at, self.ring.len());
        let first = bytes.len().min(self.ring.len() - start);
        let (head, tail) = bytes.split_at_checked(first).unwrap_or((bytes, &[]));
        if let Some(to) = self.ring.get_mut(start..start + head.len()) {
            to.copy_from_slice(head);
        }
        if let Some(to) = self.ring.get_mut(..tail.len()) {
            to.copy_from_slice(tail);
        }
        self.at += bytes.len() as u64;
    }
}

impl Write for Writer<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.put(text.as_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::collections::VecDeque;
    use std::format;
    use std::string::String;
    use std::vec::Vec;

    #[test]
    fn the_ring_holds_the_newest_lines_whole_wherever_it_wraps() {
        for capacity in [40, 64, 101, 500] {
            let mut log = Log::new(std::vec![0; capacity]);
            let mut model: VecDeque<String> = VecDeque::new();
            for i in 0..300_u32 {
                let line = format!("{i}:{}", "x".repeat(i as usize % 23));
                log.append(MemberId(i), Audience::One(MemberId(i + 1)), format_args!("{line}")).unwrap();
                model.push_back(line);
                while model.iter().map(|line| line.len() + HEADER).sum::<usize>() > capacity {
                    model.pop_front();
                }
                let mut seen = Vec::new();
                let mut at = log.oldest();
                while let Some(entry) = log.entry(at) {
                    seen.push(String::from_utf8(entry.text.concat()).unwrap());
                    assert_eq!(entry.audience, Audience::One(MemberId(entry.from.0 + 1)));
                    at = entry.next;
                }
                assert_eq!(at, log.end());
                assert!(seen.iter().eq(&model), "{seen:?} {model:?}");
            }
        }
    }

    #[test]
    fn a_line_longer_than_the_ring_is_refused_and_nothing_is_lost() {
        let mut log = Log::new([0; 40]);
        log.append(MemberId(1), Audience::Everyone, format_args!("short")).unwrap();
        let lengthy = "x".repeat(30);
        assert_eq!(log.append(MemberId(1), Audience::Everyone, format_args!("{lengthy}")), Err(TooLong));
        assert_eq!(log.entry(log.oldest()).unwrap().text.concat(), b"short");
    }
}
