//! Writes the frames that go by into a file, as tcpdump does, for Wireshark to read.
//!
//! The format is libpcap's, with microseconds (draft-ietf-opsawg-pcap). smoltcp has a writer of its own; that one panics when the disk
//! is full.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use smoltcp::phy::{self, Device, DeviceCapabilities};
use smoltcp::time::Instant;

use super::Line;

/// A device whose frames are written to a [`PcapFile`], in both directions, when they pass.
#[derive(Debug)]
pub struct Capture<D> {
    inner: D,
    file: Option<Rc<RefCell<PcapFile>>>,
}

/// A capture file.
pub struct PcapFile {
    out: Box<dyn Write>,
    /// What is added to the times of frames.
    base: Duration,
    /// The latest time that was written.
    latest: Duration,
    frames: u64,
    /// Why nothing more is written.
    error: Option<io::Error>,
}

/// Ethernet, in libpcap's list of link types.
const LINKTYPE_ETHERNET: u32 = 1;
/// Microseconds; in this byte order.
const MAGIC: u32 = 0xa1b2_c3d4;
/// No frame here is longer.
const SNAP_LEN: u32 = 65_535;

impl PcapFile {
    /// Creates a file, or empties the one that is there.
    ///
    /// # Errors
    /// It cannot be created or written.
    pub fn create(path: &Path) -> io::Result<Self> {
        Self::new(Box::new(BufWriter::new(File::create(path)?)))
    }

    /// Writes a capture to something else.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn new(mut out: Box<dyn Write>) -> io::Result<Self> {
        let mut header = Vec::with_capacity(24);
        header.extend(MAGIC.to_le_bytes());
        header.extend(2_u16.to_le_bytes()); // version 2.4
        header.extend(4_u16.to_le_bytes());
        header.extend([0; 8]);
        header.extend(SNAP_LEN.to_le_bytes());
        header.extend(LINKTYPE_ETHERNET.to_le_bytes());
        out.write_all(&header)?;
        out.flush()?;
        Ok(Self { out, base: Duration::ZERO, latest: Duration::ZERO, frames: 0, error: None })
    }

    /// Sets what is added to the times of frames from now on: since 1970, where they are to be dates.
    pub fn set_base(&mut self, base: Duration) {
        self.base = base;
    }

    /// The next frames come from a clock that begins anew: they are set behind those that were written, by a second.
    pub fn begin_anew(&mut self) {
        if self.frames > 0 {
            self.base = self.latest + Duration::from_secs(1);
        }
    }

    /// Adds a frame. After an error nothing is written any more; [`finish`](Self::finish) tells.
    pub fn write(&mut self, at: Instant, frame: &[u8]) {
        if self.error.is_some() {
            return;
        }
        let time = self.base + Duration::from_micros(u64::try_from(at.total_micros()).unwrap_or(0));
        self.latest = self.latest.max(time);
        self.frames += 1;
        self.error = self.record(time, frame).err();
    }

    /// How many frames were given to it.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// Sees to it that everything is in the file.
    ///
    /// # Errors
    /// The first thing that went wrong.
    pub fn finish(&mut self) -> io::Result<()> {
        match self.error.take() {
            Some(error) => Err(error),
            None => self.out.flush(),
        }
    }

    fn record(&mut self, time: Duration, frame: &[u8]) -> io::Result<()> {
        let kept = frame.len().min(SNAP_LEN as usize);
        // Seconds wrap in 2106.
        #[allow(clippy::cast_possible_truncation)]
        let header = [time.as_secs() as u32, time.subsec_micros(), kept as u32, frame.len() as u32];
        for field in header {
            self.out.write_all(&field.to_le_bytes())?;
        }
        self.out.write_all(&frame[..kept])
    }
}

impl std::fmt::Debug for PcapFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PcapFile").field("frames", &self.frames).field("error", &self.error).finish_non_exhaustive()
    }
}

impl<D> Capture<D> {
    /// Wraps a device; without a file it does nothing.
    pub fn new(inner: D, file: Option<Rc<RefCell<PcapFile>>>) -> Self {
        Self { inner, file }
    }

    /// The device inside.
    pub fn inner(&self) -> &D {
        &self.inner
    }
}

/// A frame that came, written when it is read.
#[derive(Debug)]
pub struct RxToken<'a, T> {
    inner: T,
    file: Option<&'a RefCell<PcapFile>>,
    now: Instant,
}

/// Place for a frame, written when it is complete.
#[derive(Debug)]
pub struct TxToken<'a, T> {
    inner: T,
    file: Option<&'a RefCell<PcapFile>>,
    now: Instant,
}

impl<D: Device> Device for Capture<D> {
    type RxToken<'a>
        = RxToken<'a, D::RxToken<'a>>
    where
        Self: 'a;
    type TxToken<'a>
        = TxToken<'a, D::TxToken<'a>>
    where
        Self: 'a;

    fn receive(&mut self, now: Instant) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        let file = self.file.as_deref();
        let (rx, tx) = self.inner.receive(now)?;
        Some((RxToken { inner: rx, file, now }, TxToken { inner: tx, file, now }))
    }

    fn transmit(&mut self, now: Instant) -> Option<Self::TxToken<'_>> {
        let file = self.file.as_deref();
        Some(TxToken { inner: self.inner.transmit(now)?, file, now })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        self.inner.capabilities()
    }
}

impl<D: Line> Line for Capture<D> {
    fn peek<R>(&mut self, now: Instant, look: impl FnOnce(&[u8]) -> R) -> Option<R> {
        self.inner.peek(now, look)
    }

    fn flush(&mut self, now: Instant) -> Option<Instant> {
        self.inner.flush(now)
    }
}

impl<T: phy::RxToken> phy::RxToken for RxToken<'_, T> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        self.inner.consume(|frame| {
            if let Some(file) = self.file {
                file.borrow_mut().write(self.now, frame);
            }
            f(frame)
        })
    }
}

impl<T: phy::TxToken> phy::TxToken for TxToken<'_, T> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        self.inner.consume(len, |frame| {
            let result = f(frame);
            if let Some(file) = self.file {
                file.borrow_mut().write(self.now, frame);
            }
            result
        })
    }

    fn set_meta(&mut self, meta: phy::PacketMeta) {
        self.inner.set_meta(meta);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes so many bytes, and then is full.
    struct SmallDisk(usize);

    impl Write for SmallDisk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.0 == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            let taken = bytes.len().min(self.0);
            self.0 -= taken;
            Ok(taken)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_full_disk_stops_the_capture_and_nothing_else() {
        let mut file = PcapFile::new(Box::new(SmallDisk(50))).expect("room for the header");
        file.write(Instant::ZERO, &[0; 60]);
        file.write(Instant::ZERO, &[0; 60]);
        assert_eq!(file.finish().expect_err("a full disk").kind(), io::ErrorKind::StorageFull);
    }
}
