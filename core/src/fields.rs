//! Typed fields inside a payload: network byte order, no padding.
//!
//! A [`FieldReader`] takes fields off the front of a payload, a [`FieldWriter`] appends them to a place for one. What
//! Python's `struct` calls `!hH?f10s` is five calls:
//!
//! ```
//! use framewright::fields::{FieldReader, FieldWriter};
//!
//! let mut place = [0; 64];
//! let mut fields = FieldWriter::new(&mut place);
//! fields.i16(13)?.u16(987)?.bool(true)?.f32(0.3871)?.fixed_str("1234567890", 10)?;
//! let len = fields.written();
//! assert_eq!(place[..len], *b"\x00\x0d\x03\xdb\x01\x3e\xc6\x31\xf91234567890");
//!
//! let mut fields = FieldReader::new(&place[..len]);
//! assert_eq!(fields.i16()?, 13);
//! assert_eq!(fields.u16()?, 987);
//! assert!(fields.bool()?);
//! assert_eq!(fields.f32()?, 0.3871);
//! assert_eq!(fields.fixed_str(10)?, "1234567890");
//! fields.finish()?; // nothing may follow
//! # Ok::<(), framewright::fields::FieldError>(())
//! ```
//!
//! A field that cannot be read or written is a [`FieldError`], which says which field, where, and why; nothing was
//! taken or written then. No bytes that a peer sends can make these calls panic.
//!
//! | Rust | bytes | Python `struct`, after `!` |
//! |---|---|---|
//! | `u8` `u16` `u32` `u64` | 1, 2, 4, 8 | `B` `H` `I` `Q` |
//! | `i8` `i16` `i32` `i64` | 1, 2, 4, 8 | `b` `h` `i` `q` |
//! | `u24` `i24` | 3 | has none |
//! | `f32` `f64` | 4, 8 (IEEE 754) | `f` `d` |
//! | `bool` | 1, which is 0 or 1 | `?`; takes any byte but 0 as true |
//! | `fixed` | so many, zeros behind a shorter string | `10s`; cuts a longer string off, where `fixed` is an error |
//! | `bytes_u8` `bytes_u16` `bytes_u32` | a length, then so many | has none (`p` has a fixed size) |
//! | `skip` | so many, zeros | `x` |
//!
//! Each kind of bytes has a sibling for text, as `fixed_str`, that makes sure of UTF-8.

mod reader;
mod writer;

pub use reader::FieldReader;
pub use writer::FieldWriter;

use core::fmt;

/// A field that cannot be read or written, and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct FieldError {
    /// What is wrong.
    pub kind: FieldErrorKind,
    /// Which field of the payload: 0 is the first.
    pub index: usize,
    /// Where the field begins: bytes since the start of the payload.
    pub offset: usize,
}

/// What is wrong with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum FieldErrorKind {
    /// The payload ends before the field does.
    Missing {
        /// Bytes of the whole field, its length included where it carries one (and can be read).
        need: usize,
        /// Bytes that are left.
        have: usize,
    },
    /// The place for the payload ends before the field does.
    Full {
        /// Bytes of the whole field.
        need: usize,
        /// Bytes that are free.
        room: usize,
    },
    /// A bool that is neither 0 nor 1.
    NotBool {
        /// What it is.
        value: u8,
    },
    /// A text that is not valid UTF-8.
    NotUtf8 {
        /// Where the first bad byte is: bytes since the start of the payload.
        at: usize,
    },
    /// A string longer than its field is wide, or than its length can say.
    TooLong {
        /// Bytes of the string.
        len: usize,
        /// The most that fit.
        max: usize,
    },
    /// A number that 24 bits cannot hold.
    OutOfRange {
        /// The number.
        value: i64,
    },
    /// There are bytes behind the last field.
    Trailing {
        /// How many.
        len: usize,
    },
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "field {} at byte {}: {}", self.index, self.offset, self.kind)
    }
}

impl fmt::Display for FieldErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { need, have } => write!(f, "needs {need} bytes and {have} are there"),
            Self::Full { need, room } => write!(f, "needs {need} bytes and {room} are free"),
            Self::NotBool { value } => write!(f, "a bool is 0 or 1, not {value}"),
            Self::NotUtf8 { at } => write!(f, "the text is not valid UTF-8, from byte {at} on"),
            Self::TooLong { len, max } => write!(f, "a string of {len} bytes, and at most {max} fit"),
            Self::OutOfRange { value } => write!(f, "{value} does not fit into 24 bits"),
            Self::Trailing { len } => write!(f, "{len} bytes follow the last field"),
        }
    }
}

impl core::error::Error for FieldError {}
