//! Network devices: what the server asks of one, and devices made of other devices.
//!
//! A wrapper adds one behaviour to the device inside it and passes the rest on, as smoltcp's own do. They are stacked so that
//! the one nearest to the stack comes first:
//!
//! ```text
//!   server's smoltcp ─ FinLast ─ Cut ─ Observe ─ Capture ─ Impair ─ LinkEnd
//!                                                                      ║
//!                       clients' smoltcp ─ FinLast ─ Cut ─ Observe ─ LinkEnd
//!
//!   server's smoltcp ─ FinLast ─ Cut ─ Observe ─ Capture ─ Impair ─ Observe ─ CutIncoming ─ TapDevice
//! ```

#[cfg(feature = "std")]
mod borders;
#[cfg(feature = "std")]
mod capture;
#[cfg(feature = "std")]
mod cut;
#[cfg(feature = "std")]
mod cut_incoming;
#[cfg(feature = "std")]
mod fin_last;
#[cfg(feature = "std")]
mod impair;
#[cfg(feature = "std")]
mod link;
#[cfg(feature = "std")]
mod observe;
mod packet;
#[cfg(all(feature = "std", target_os = "linux"))]
mod tap;

#[cfg(feature = "std")]
pub use borders::Speech;
#[cfg(feature = "std")]
pub use capture::{Capture, PcapFile};
#[cfg(feature = "std")]
pub use cut::{Cut, CutCounts};
#[cfg(feature = "std")]
pub use cut_incoming::CutIncoming;
#[cfg(feature = "std")]
pub use fin_last::FinLast;
#[cfg(feature = "std")]
pub use impair::{Chance, Fate, Impair, ImpairCounts, Impairments, Onlooker};
#[cfg(feature = "std")]
pub use link::{ETHERNET_MTU, LinkEnd, link};
#[cfg(feature = "std")]
pub use observe::{Counts, Observe, Observer, Piece, Purpose, Sight, View, Witness};
pub use packet::{Opening, TcpSegment, bytes_without_fin, fin_without_bytes, has_bytes_and_fin};
#[cfg(all(feature = "std", target_os = "linux"))]
pub use tap::{Health, TapDevice, TapWatch};

use smoltcp::phy::Device;
use smoltcp::time::Instant;

/// A device that can be looked into, and that may hold frames back.
///
/// A driver holds a received frame in memory anyway before smoltcp takes it, so looking at it costs nothing; it is what lets a
/// pool open the door before the knock is heard (see [`pool`](crate::pool)).
pub trait Line: Device {
    /// Shows `look` the frame that the next [`receive`](Device::receive) will hand out; `None` if there is none.
    fn peek<R>(&mut self, now: Instant, look: impl FnOnce(&[u8]) -> R) -> Option<R>;

    /// Sends what was held back and is due. When it wants to be called again: `Some(now)` for "as soon as there is room".
    ///
    /// A device that holds nothing back needs none; the default does nothing.
    fn flush(&mut self, now: Instant) -> Option<Instant> {
        let _ = now;
        None
    }
}
