//! A length, then as many bytes.
//!
//! The framing of Erlang's `{packet, 4}`, Thrift's framed transport, Twisted's `Int32StringReceiver` and of most
//! protocols made at home. [`U32`] is the one that the services of Framewright speak.

use core::fmt::Debug;
use core::marker::PhantomData;

use super::{Framing, Step, Tail};
use crate::error::{EncodeError, Malformed};

/// `[length: u32 big-endian][payload]`; the length counts payload bytes.
pub type U32 = LengthPrefix<4>;

/// `[OFFSET bytes of the user's][length: WIDTH bytes][payload]`.
///
/// - `WIDTH` is 1 (u8), 2, 3 (u24), 4 or 8 bytes, in the byte order `E`.
/// - `OFFSET` is how many bytes stand before the length, 0 to 8. They are written from [`with_lead`](Self::with_lead) and
///   are kept in [`PrefixState::lead`] when a frame begins.
/// - `ADJUST` is added to the length on the wire to give the number of payload bytes: 0 where it counts the payload,
///   `-WIDTH` where it counts itself too, `-(OFFSET + WIDTH)` where it counts the whole header.
///
/// All of it is checked when the program is compiled. Sums are made in 128 bits, and limits are checked after the adjustment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct LengthPrefix<const WIDTH: usize, E = BigEndian, const OFFSET: usize = 0, const ADJUST: i64 = 0> {
    lead: [u8; OFFSET],
    endian: PhantomData<E>,
}

/// The order of the bytes of a length.
pub trait Endian: Copy + Debug {
    /// Whether the most significant byte comes first.
    const BIG: bool;
}

/// Most significant byte first: network byte order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct BigEndian;

/// Least significant byte first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct LittleEndian;

/// What a [`LengthPrefix`] remembers of the frame at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct PrefixState<const OFFSET: usize> {
    /// The bytes before the length of the frame that began last.
    pub lead: [u8; OFFSET],
}

impl Endian for BigEndian {
    const BIG: bool = true;
}

impl Endian for LittleEndian {
    const BIG: bool = false;
}

impl<const WIDTH: usize, E: Endian, const OFFSET: usize, const ADJUST: i64> LengthPrefix<WIDTH, E, OFFSET, ADJUST> {
    const HEADER: usize = {
        assert!(matches!(WIDTH, 1 | 2 | 3 | 4 | 8), "a length has 1, 2, 3, 4 or 8 bytes");
        assert!(OFFSET <= 8, "at most 8 bytes stand before the length");
        OFFSET + WIDTH
    };

    /// The largest number that the length's bytes can say.
    const MAX: u64 = if WIDTH >= 8 { u64::MAX } else { (1 << (8 * WIDTH)) - 1 };

    /// The law, with zeros before the length where `OFFSET` is not 0.
    pub const fn new() -> Self {
        Self { lead: [0; OFFSET], endian: PhantomData }
    }

    /// The law, with `lead` written before each length.
    pub const fn with_lead(lead: [u8; OFFSET]) -> Self {
        Self { lead, endian: PhantomData }
    }

    /// The payload length that a length on the wire means.
    #[inline(always)]
    fn payload_len(bytes: [u8; WIDTH]) -> Result<u64, Malformed> {
        // The usual widths in words of theirs: a compiler that saves space makes a loop of the sum.
        let wire = match (E::BIG, bytes.as_slice()) {
            (true, &[a, b]) => u64::from(u16::from_be_bytes([a, b])),
            (false, &[a, b]) => u64::from(u16::from_le_bytes([a, b])),
            (true, &[a, b, c, d]) => u64::from(u32::from_be_bytes([a, b, c, d])),
            (false, &[a, b, c, d]) => u64::from(u32::from_le_bytes([a, b, c, d])),
            (true, _) => bytes.iter().fold(0, |sum, &byte| sum << 8 | u64::from(byte)),
            (false, _) => bytes.iter().rev().fold(0, |sum, &byte| sum << 8 | u64::from(byte)),
        };
        if ADJUST == 0 {
            return Ok(wire);
        }
        wire.checked_add_signed(ADJUST).ok_or(Malformed::LengthOutOfRange)
    }
}

impl<const WIDTH: usize, E: Endian, const OFFSET: usize, const ADJUST: i64> Default
    for LengthPrefix<WIDTH, E, OFFSET, ADJUST>
{
    fn default() -> Self {
        Self::new()
    }
}

impl<const OFFSET: usize> Default for PrefixState<OFFSET> {
    fn default() -> Self {
        Self { lead: [0; OFFSET] }
    }
}

impl<const WIDTH: usize, E: Endian, const OFFSET: usize, const ADJUST: i64> Framing
    for LengthPrefix<WIDTH, E, OFFSET, ADJUST>
{
    type State = PrefixState<OFFSET>;
    const PREFIX: usize = Self::HEADER;

    const COUNTED: bool = true;
    const LEAST_HEADER: usize = Self::HEADER;

    #[inline(always)]
    fn step(&self, state: &mut Self::State, input: &[u8]) -> Result<Step, Malformed> {
        let Some((lead, bytes)) =
            input.split_first_chunk::<OFFSET>().and_then(|(lead, rest)| Some((lead, *rest.first_chunk::<WIDTH>()?)))
        else {
            return Ok(Step::Need(Self::HEADER));
        };
        if OFFSET > 0 {
            state.lead = *lead;
        }
        Ok(Step::Begin { take: Self::HEADER, len: Self::payload_len(bytes)? })
    }

    #[inline(always)]
    fn header(&self, input: &[u8]) -> Option<u32> {
        if OFFSET > 0 || WIDTH > 4 {
            return None;
        }
        let bytes = input.first_chunk::<WIDTH>()?;
        Some(bytes.iter().rev().fold(0, |sum, &byte| sum << 8 | u32::from(byte)))
    }

    #[inline]
    fn prefix(&self, len: Option<u64>, out: &mut Tail<'_>) -> Result<(), EncodeError> {
        let len = len.ok_or(EncodeError::LengthRequired)?;
        // A law whose lengths mean more than they say cannot say that there is less.
        let least = if ADJUST > 0 { ADJUST.unsigned_abs() } else { 0 };
        if len < least {
            return Err(EncodeError::TooShort { len, min: least });
        }
        let max = Self::MAX.saturating_add_signed(ADJUST);
        let wire = i128::from(len) - i128::from(ADJUST);
        let Some(wire) = u64::try_from(wire).ok().filter(|wire| *wire <= Self::MAX) else {
            return Err(EncodeError::TooLong { len, max });
        };
        if OFFSET > 0 {
            out.put(&self.lead)?;
        }
        let mut bytes = [0; WIDTH];
        let whole = wire.to_be_bytes();
        for (to, from) in bytes.iter_mut().rev().zip(whole.iter().rev()) {
            *to = *from;
        }
        if !E::BIG {
            bytes.reverse();
        }
        out.put(&bytes)
    }
}
