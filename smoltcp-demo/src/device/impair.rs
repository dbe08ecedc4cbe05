//! A bad network: loses frames, spoils them, doubles them, lets them overtake each other, takes its time.
//!
//! Both directions are treated alike. What happens to a frame is drawn from a seeded generator, and when it arrives is a matter of
//! the time that the caller gives: the same seed and the same frames give the same accidents, and a test needs no clock.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::AddAssign;
use std::rc::Rc;
use std::str::FromStr;
use std::time::Duration;

use smoltcp::phy::{self, Device, DeviceCapabilities};
use smoltcp::time::Instant;
use smoltcp::wire::{EthernetFrame, EthernetProtocol};

use super::Line;

/// A device behind a bad network.
pub struct Impair<D> {
    inner: D,
    outgoing: Lane,
    incoming: Lane,
}

/// What goes wrong, and how often. The default is nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Impairments {
    /// A frame is lost.
    pub drop: Chance,
    /// A bit of a frame is flipped. Checksums notice; a frame that has none of its own is lost, as Ethernet's would see to it.
    pub corrupt: Chance,
    /// A frame comes twice.
    pub duplicate: Chance,
    /// A frame is held back for up to 10 ms, so that those behind it overtake it.
    pub reorder: Chance,
    /// How long every frame takes.
    pub delay: Duration,
    /// How many bytes a second pass; `None` for any number. More wait their turn, and are lost where too many wait.
    pub rate: Option<u32>,
    /// Where the accidents come from.
    pub seed: u64,
}

/// A probability, from 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub struct Chance(f64);

/// What happened, in both directions together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ImpairCounts {
    /// Frames that were given to the network.
    pub frames: u64,
    /// Of those, lost by chance.
    pub dropped: u64,
    /// Spoiled.
    pub corrupted: u64,
    /// Doubled.
    pub duplicated: u64,
    /// Held back.
    pub reordered: u64,
    /// Lost because too many waited.
    pub overflowed: u64,
}

/// What the network does to a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is lost.
    Lost,
    /// A bit of it is flipped.
    Spoiled,
    /// It comes twice.
    Doubled,
    /// Others overtake it.
    Overtaken,
}

/// Somebody who wants to know of accidents.
pub trait Onlooker {
    /// Something happens to a frame.
    fn accident(&mut self, at: Instant, fate: Fate, frame: &[u8]);
}

/// The frames that are under way in one direction.
struct Lane {
    impairments: Impairments,
    random: fastrand::Rng,
    /// By the time when they arrive, and for the same time in the order in which they came.
    frames: BTreeMap<(Instant, u64), Vec<u8>>,
    /// Bytes in all of them.
    bytes: usize,
    counter: u64,
    /// When the last frame has passed the narrow place.
    passed_at: Instant,
    counts: ImpairCounts,
    onlooker: Option<Rc<RefCell<dyn Onlooker>>>,
}

/// The most bytes under way in one direction: what a large router keeps.
const MOST_UNDER_WAY: usize = 16 << 20;
/// The longest that a frame is held back to be overtaken, in microseconds.
const HOLD_MICROS: u64 = 10_000;

impl<D> Impair<D> {
    /// Wraps a device.
    pub fn new(inner: D, impairments: Impairments) -> Self {
        let mut random = fastrand::Rng::with_seed(impairments.seed);
        let other = random.fork();
        Self { inner, outgoing: Lane::new(impairments, random), incoming: Lane::new(impairments, other) }
    }

    /// Tells `onlooker` of every accident from now on.
    pub fn tell(&mut self, onlooker: &Rc<RefCell<dyn Onlooker>>) {
        self.outgoing.onlooker = Some(Rc::clone(onlooker));
        self.incoming.onlooker = Some(Rc::clone(onlooker));
    }

    /// The device inside.
    pub fn inner(&self) -> &D {
        &self.inner
    }

    /// What happened so far.
    pub fn counts(&self) -> ImpairCounts {
        let mut counts = self.outgoing.counts;
        counts += self.incoming.counts;
        counts
    }

    /// How many frames are under way.
    pub fn under_way(&self) -> usize {
        self.outgoing.frames.len() + self.incoming.frames.len()
    }
}

impl<D: Device> Impair<D> {
    /// Hands what has passed the network on to the device, and takes what the device has into the network.
    fn carry(&mut self, now: Instant) {
        while let Some((rx, _)) = self.inner.receive(now) {
            phy::RxToken::consume(rx, |frame| self.incoming.take(frame.to_vec(), now));
        }
        while let Some(frame) = self.outgoing.due(now) {
            let Some(token) = self.inner.transmit(now) else {
                return;
            };
            phy::TxToken::consume(token, frame.len(), |buffer| buffer.copy_from_slice(frame));
            self.outgoing.leave();
        }
    }
}

impl Lane {
    fn new(impairments: Impairments, random: fastrand::Rng) -> Self {
        Self {
            impairments,
            random,
            frames: BTreeMap::new(),
            bytes: 0,
            counter: 0,
            passed_at: Instant::ZERO,
            counts: ImpairCounts::default(),
            onlooker: None,
        }
    }

    /// A frame enters the network.
    fn take(&mut self, frame: Vec<u8>, now: Instant) {
        self.counts.frames += 1;
        if self.happens(self.impairments.drop) {
            self.counts.dropped += 1;
            self.report(now, Fate::Lost, &frame);
            return;
        }
        if self.happens(self.impairments.duplicate) {
            self.counts.duplicated += 1;
            self.report(now, Fate::Doubled, &frame);
            self.pass(frame.clone(), now);
        }
        self.pass(frame, now);
    }

    fn pass(&mut self, mut frame: Vec<u8>, now: Instant) {
        if self.happens(self.impairments.corrupt) {
            self.counts.corrupted += 1;
            self.report(now, Fate::Spoiled, &frame);
            if !self.flip_a_bit(&mut frame) {
                return;
            }
        }
        if self.bytes + frame.len() > MOST_UNDER_WAY {
            self.counts.overflowed += 1;
            self.report(now, Fate::Lost, &frame);
            return;
        }
        let mut at = now;
        if let Some(rate) = self.impairments.rate {
            let takes = frame.len() as u64 * 1_000_000 / u64::from(rate.max(1));
            at = at.max(self.passed_at) + smoltcp::time::Duration::from_micros(takes);
            self.passed_at = at;
        }
        at += self.impairments.delay.into();
        if self.happens(self.impairments.reorder) {
            self.counts.reordered += 1;
            self.report(now, Fate::Overtaken, &frame);
            at += smoltcp::time::Duration::from_micros(self.random.u64(1..=HOLD_MICROS));
        }
        self.bytes += frame.len();
        self.frames.insert((at, self.counter), frame);
        self.counter += 1;
    }

    fn report(&self, now: Instant, fate: Fate, frame: &[u8]) {
        if let Some(onlooker) = &self.onlooker {
            onlooker.borrow_mut().accident(now, fate, frame);
        }
    }

    fn happens(&mut self, chance: Chance) -> bool {
        chance.0 > 0.0 && self.random.f64() < chance.0
    }

    /// Flips one bit of what the frame carries, if that has a checksum.
    fn flip_a_bit(&mut self, frame: &mut [u8]) -> bool {
        let Ok(mut frame) = EthernetFrame::new_checked(frame) else {
            return false;
        };
        if frame.ethertype() != EthernetProtocol::Ipv4 || frame.payload_mut().is_empty() {
            return false;
        }
        let at = self.random.usize(..frame.payload_mut().len());
        frame.payload_mut()[at] ^= 1 << self.random.u8(..8);
        true
    }

    /// The next frame that has arrived.
    fn due(&self, now: Instant) -> Option<&Vec<u8>> {
        let ((at, _), frame) = self.frames.first_key_value()?;
        (*at <= now).then_some(frame)
    }

    /// Takes that frame out.
    fn leave(&mut self) -> Option<Vec<u8>> {
        let (_, frame) = self.frames.pop_first()?;
        self.bytes -= frame.len();
        Some(frame)
    }

    /// When the next frame arrives.
    fn next(&self) -> Option<Instant> {
        self.frames.first_key_value().map(|((at, _), _)| *at)
    }
}

/// A frame that has passed the network.
#[derive(Debug)]
pub struct RxToken(Vec<u8>);

/// Place for a frame that is about to enter the network.
pub struct TxToken<'a> {
    lane: &'a mut Lane,
    now: Instant,
}

impl<D: Device> Device for Impair<D> {
    type RxToken<'a>
        = RxToken
    where
        Self: 'a;
    type TxToken<'a>
        = TxToken<'a>
    where
        Self: 'a;

    fn receive(&mut self, now: Instant) -> Option<(RxToken, TxToken<'_>)> {
        self.carry(now);
        self.incoming.due(now)?;
        let frame = self.incoming.leave()?;
        Some((RxToken(frame), TxToken { lane: &mut self.outgoing, now }))
    }

    fn transmit(&mut self, now: Instant) -> Option<TxToken<'_>> {
        self.carry(now);
        Some(TxToken { lane: &mut self.outgoing, now })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        self.inner.capabilities()
    }
}

impl<D: Line> Line for Impair<D> {
    fn peek<R>(&mut self, now: Instant, look: impl FnOnce(&[u8]) -> R) -> Option<R> {
        self.carry(now);
        self.incoming.due(now).map(|frame| look(frame))
    }

    fn flush(&mut self, now: Instant) -> Option<Instant> {
        self.carry(now);
        [self.inner.flush(now), self.outgoing.next(), self.incoming.next()].into_iter().flatten().min()
    }
}

impl phy::RxToken for RxToken {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}

impl phy::TxToken for TxToken<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let mut frame = vec![0; len];
        let result = f(&mut frame);
        self.lane.take(frame, self.now);
        result
    }
}

impl Impairments {
    /// Whether anything can go wrong at all.
    pub fn any(&self) -> bool {
        let by_chance = [self.drop, self.corrupt, self.duplicate, self.reorder].iter().any(|chance| chance.0 > 0.0);
        by_chance || !self.delay.is_zero() || self.rate.is_some()
    }
}

impl Chance {
    /// A probability; `None` if it is not from 0 to 1.
    pub fn new(probability: f64) -> Option<Self> {
        (0.0..=1.0).contains(&probability).then_some(Self(probability))
    }
}

impl FromStr for Chance {
    type Err = String;

    /// From `0.05` or `5%`.
    fn from_str(text: &str) -> Result<Self, String> {
        let number = match text.strip_suffix('%') {
            Some(percent) => percent.trim().parse::<f64>().map(|percent| percent / 100.0),
            None => text.parse::<f64>(),
        };
        let chance = number.ok().and_then(Self::new);
        chance.ok_or_else(|| format!("'{text}' is not a probability: it goes from 0 to 1, or from 0% to 100%"))
    }
}

impl fmt::Display for Chance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", self.0 * 100.0)
    }
}

impl AddAssign for ImpairCounts {
    fn add_assign(&mut self, other: Self) {
        self.frames += other.frames;
        self.dropped += other.dropped;
        self.corrupted += other.corrupted;
        self.duplicated += other.duplicated;
        self.reordered += other.reordered;
        self.overflowed += other.overflowed;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::{ETHERNET_MTU, LinkEnd, link};
    use smoltcp::phy::{RxToken as _, TxToken as _};

    fn chance(probability: f64) -> Chance {
        Chance::new(probability).expect("a probability")
    }

    fn send(device: &mut impl Device, payload: u8, now: Instant) {
        let token = device.transmit(now).expect("room");
        token.consume(20, |frame| {
            frame[12] = 8; // IPv4
            frame[19] = payload;
        });
    }

    fn received(device: &mut impl Device, now: Instant) -> Vec<Vec<u8>> {
        std::iter::from_fn(|| device.receive(now).map(|(rx, _)| rx.consume(<[u8]>::to_vec))).collect()
    }

    /// What of a thousand numbered frames arrives at the other end within a minute, by their numbers.
    fn arrivals(impairments: Impairments) -> (Vec<u8>, ImpairCounts) {
        let (near, mut far) = link(ETHERNET_MTU);
        let mut device: Impair<LinkEnd> = Impair::new(near, impairments);
        let mut arrived = Vec::new();
        for n in 0..60_000_u32 {
            let now = Instant::from_millis(n);
            if n < 1000 {
                send(&mut device, u8::try_from(n % 256).expect("a byte"), now);
            }
            device.flush(now);
            arrived.extend(received(&mut far, now).iter().map(|frame| frame[19]));
        }
        assert_eq!(device.under_way(), 0);
        (arrived, device.counts())
    }

    fn in_order() -> Vec<u8> {
        (0..1000_u32).map(|n| u8::try_from(n % 256).expect("a byte")).collect()
    }

    #[test]
    fn nothing_happens_unless_asked_for() {
        let (arrived, counts) = arrivals(Impairments::default());
        assert_eq!(arrived, in_order());
        assert_eq!(counts, ImpairCounts { frames: 1000, ..ImpairCounts::default() });
    }

    #[test]
    fn as_many_frames_are_lost_or_doubled_as_asked_for_and_counted() {
        let (arrived, counts) =
            arrivals(Impairments { drop: chance(0.2), duplicate: chance(0.1), seed: 7, ..Impairments::default() });
        assert!((150..250).contains(&counts.dropped), "{counts:?}");
        assert!((50..110).contains(&counts.duplicated), "{counts:?}");
        assert_eq!(arrived.len() as u64, 1000 - counts.dropped + counts.duplicated);
    }

    #[test]
    fn frames_that_are_held_back_are_overtaken() {
        let (arrived, counts) = arrivals(Impairments { reorder: chance(0.1), seed: 3, ..Impairments::default() });
        assert!((50..150).contains(&counts.reordered), "{counts:?}");
        assert_ne!(arrived, in_order());
        let mut sorted = arrived.clone();
        sorted.sort_unstable();
        let mut all = in_order();
        all.sort_unstable();
        assert_eq!(sorted, all, "and none is lost");
    }

    #[test]
    fn a_spoiled_frame_differs_in_one_bit_of_what_it_carries() {
        let (near, mut far) = link(ETHERNET_MTU);
        let mut device = Impair::new(near, Impairments { corrupt: chance(1.0), ..Impairments::default() });
        send(&mut device, 0, Instant::ZERO);
        device.flush(Instant::ZERO);
        let frame = received(&mut far, Instant::ZERO).pop().expect("the frame");
        let ones = |bytes: &[u8]| bytes.iter().map(|byte| byte.count_ones()).sum::<u32>();
        assert_eq!((ones(&frame[..14]), ones(&frame[14..])), (1, 1));
    }

    #[test]
    fn delay_and_rate_hold_frames_in_both_directions() {
        let (near, mut far) = link(ETHERNET_MTU);
        let delay = Duration::from_millis(50);
        // 20 bytes a frame: 10 ms each.
        let mut device = Impair::new(near, Impairments { delay, rate: Some(2000), ..Impairments::default() });
        send(&mut far, 1, Instant::ZERO);
        for n in 0..3 {
            send(&mut device, n, Instant::ZERO);
        }
        assert_eq!(device.flush(Instant::ZERO), Some(Instant::from_millis(60)));
        assert!(received(&mut device, Instant::from_millis(59)).is_empty());
        for n in 0..3 {
            let at = Instant::from_millis(60 + 10 * n);
            assert!(received(&mut far, at).is_empty());
            device.flush(at);
            assert_eq!(received(&mut far, at).len(), 1);
        }
        assert_eq!(received(&mut device, Instant::from_millis(60)).len(), 1);
    }

    #[test]
    fn the_same_seed_gives_the_same_accidents() {
        let impairments =
            Impairments { drop: chance(0.3), reorder: chance(0.3), duplicate: chance(0.3), ..Impairments::default() };
        assert_eq!(arrivals(impairments), arrivals(impairments));
        assert_ne!(arrivals(impairments).0, arrivals(Impairments { seed: 1, ..impairments }).0);
    }

    #[test]
    fn a_chance_is_a_number_or_a_percentage() {
        assert_eq!("0.25".parse(), Ok(chance(0.25)));
        assert_eq!("25%".parse(), Ok(chance(0.25)));
        for wrong in ["1.5", "-1", "x", "101%", "NaN", ""] {
            assert!(wrong.parse::<Chance>().is_err(), "{wrong}");
        }
    }
}
