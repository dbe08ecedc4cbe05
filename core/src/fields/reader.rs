//! Takes typed fields off the front of a payload.

use super::{FieldError, FieldErrorKind};

/// Takes fields off the front of a payload.
///
/// What it lends lies in the payload itself. A call that fails leaves the reader where it was, so another kind of field
/// can be tried; a clone looks ahead.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct FieldReader<'a> {
    left: &'a [u8],
    /// Bytes that were taken.
    offset: usize,
    /// Fields that were taken.
    index: usize,
}

impl<'a> FieldReader<'a> {
    /// A reader at the start of `payload`.
    pub const fn new(payload: &'a [u8]) -> Self {
        Self { left: payload, offset: 0, index: 0 }
    }

    /// A number from 0 to 255.
    ///
    /// # Errors
    /// [`FieldErrorKind::Missing`], as for every kind of field.
    #[inline]
    pub fn u8(&mut self) -> Result<u8, FieldError> {
        self.array().map(|bytes| u8::from_be_bytes(*bytes))
    }

    /// Two bytes, without a sign.
    ///
    /// # Errors
    /// As [`u8`](Self::u8).
    #[inline]
    pub fn u16(&mut self) -> Result<u16, FieldError> {
        self.array().map(|bytes| u16::from_be_bytes(*bytes))
    }

    /// Three bytes, without a sign.
    ///
    /// # Errors
    /// As [`u8`](Self::u8).
    #[inline]
    pub fn u24(&mut self) -> Result<u32, FieldError> {
        self.array().map(|&[high, middle, low]| u32::from_be_bytes([0, high, middle, low]))
    }

    /// Four bytes, without a sign.
    ///
    /// # Errors
    /// As [`u8`](Self::u8).
    #[inline]
    pub fn u32(&mut self) -> Result<u32, FieldError> {
        self.array().map(|bytes| u32::from_be_bytes(*bytes))
    }

    /// Eight bytes, without a sign.
    ///
    /// # Errors
    /// As [`u8`](Self::u8).
    #[inline]
    pub fn u64(&mut self) -> Result<u64, FieldError> {
        self.array().map(|bytes| u64::from_be_bytes(*bytes))
    }

    /// A number from -128 to 127.
    ///
    /// # Errors
    /// As [`u8`](Self::u8).
    #[inline]
    pub fn i8(&mut self) -> Result<i8, FieldError> {
        self.array().map(|bytes| i8::from_be_bytes(*bytes))
    }

    /// Two bytes, with a sign.
    ///
    /// # Errors
    /// As [`u8`](Self::u8).
    #[inline]
    pub fn i16(&mut self) -> Result<i16, FieldError> {
        self.array().map(|bytes| i16::from_be_bytes(*bytes))
    }

    /// Three bytes, with a sign: a sample of a 24-bit converter.
    ///
    /// # Errors
    /// As [`u8`](Self::u8).
    #[inline]
    pub fn i24(&mut self) -> Result<i32, FieldError> {
        // The shift back fills the upper byte with the sign.
        self.array().map(|&[high, middle, low]| i32::from_be_bytes([high, middle, low, 0]) >> 8)
    }

    /// Four bytes, with a sign.
    ///
    /// # Errors
    /// As [`u8`](Self::u8).
    #[inline]
    pub fn i32(&mut self) -> Result<i32, FieldError> {
        self.array().map(|bytes| i32::from_be_bytes(*bytes))
    }

    /// Eight bytes, with a sign.
    ///
    /// # Errors
    /// As [`u8`](Self::u8).
    #[inline]
    pub fn i64(&mut self) -> Result<i64, FieldError> {
        self.array().map(|bytes| i64::from_be_bytes(*bytes))
    }

    /// Four bytes of IEEE 754. The bits are kept, those of a NaN too.
    ///
    /// # Errors
    /// As [`u8`](Self::u8).
    #[inline]
    pub fn f32(&mut self) -> Result<f32, FieldError> {
        self.array().map(|bytes| f32::from_be_bytes(*bytes))
    }

    /// Eight bytes of IEEE 754. The bits are kept, those of a NaN too.
    ///
    /// # Errors
    /// As [`u8`](Self::u8).
    #[inline]
    pub fn f64(&mut self) -> Result<f64, FieldError> {
        self.array().map(|bytes| f64::from_be_bytes(*bytes))
    }

    /// One byte, 0 or 1. For a peer that writes other bytes for true, read `u8()? != 0`.
    ///
    /// # Errors
    /// [`FieldErrorKind::NotBool`] for any other byte: two readers that differ here would read two messages, and a byte
    /// that ought to be 0 or 1 and is not says that the fields are not where they should be.
    #[inline]
    pub fn bool(&mut self) -> Result<bool, FieldError> {
        match self.left.first() {
            Some(&value) if value > 1 => Err(self.error(FieldErrorKind::NotBool { value })),
            _ => self.u8().map(|value| value == 1),
        }
    }

    /// The next `N` bytes, where the program knows how many: an address, a key.
    ///
    /// ```
    /// # use framewright::fields::FieldReader;
    /// let mac: [u8; 6] = *FieldReader::new(b"\x02\0\0\0\0\x2asomething").array()?;
    /// assert_eq!(mac, [2, 0, 0, 0, 0, 42]);
    /// # Ok::<(), framewright::fields::FieldError>(())
    /// ```
    ///
    /// # Errors
    /// As [`u8`](Self::u8).
    #[inline]
    pub fn array<const N: usize>(&mut self) -> Result<&'a [u8; N], FieldError> {
        let Some((field, left)) = self.left.split_first_chunk() else {
            return Err(self.missing(N));
        };
        self.went(left, N);
        Ok(field)
    }

    /// The next `len` bytes, zeros at their end included.
    ///
    /// # Errors
    /// As [`u8`](Self::u8).
    #[inline]
    pub fn fixed(&mut self, len: usize) -> Result<&'a [u8], FieldError> {
        let Some((field, left)) = self.left.split_at_checked(len) else {
            return Err(self.missing(len));
        };
        self.went(left, len);
        Ok(field)
    }

    /// The text in the next `len` bytes, without the zeros at its end.
    ///
    /// # Errors
    /// As [`u8`](Self::u8); [`FieldErrorKind::NotUtf8`].
    pub fn fixed_str(&mut self, len: usize) -> Result<&'a str, FieldError> {
        self.text(0, |fields| {
            let mut field = fields.fixed(len)?;
            while let [front @ .., 0] = field {
                field = front;
            }
            Ok(field)
        })
    }

    /// A length of one byte, and as many bytes.
    ///
    /// # Errors
    /// As [`u8`](Self::u8).
    #[inline]
    pub fn bytes_u8(&mut self) -> Result<&'a [u8], FieldError> {
        self.counted::<1>()
    }

    /// A length of two bytes, and as many bytes.
    ///
    /// # Errors
    /// As [`u8`](Self::u8).
    #[inline]
    pub fn bytes_u16(&mut self) -> Result<&'a [u8], FieldError> {
        self.counted::<2>()
    }

    /// A length of four bytes, and as many bytes.
    ///
    /// # Errors
    /// As [`u8`](Self::u8).
    #[inline]
    pub fn bytes_u32(&mut self) -> Result<&'a [u8], FieldError> {
        self.counted::<4>()
    }

    /// A length of one byte, and a text of as many bytes.
    ///
    /// # Errors
    /// As [`u8`](Self::u8); [`FieldErrorKind::NotUtf8`].
    #[inline]
    pub fn str_u8(&mut self) -> Result<&'a str, FieldError> {
        self.text(1, Self::bytes_u8)
    }

    /// A length of two bytes, and a text of as many bytes.
    ///
    /// # Errors
    /// As [`u8`](Self::u8); [`FieldErrorKind::NotUtf8`].
    #[inline]
    pub fn str_u16(&mut self) -> Result<&'a str, FieldError> {
        self.text(2, Self::bytes_u16)
    }

    /// A length of four bytes, and a text of as many bytes.
    ///
    /// # Errors
    /// As [`u8`](Self::u8); [`FieldErrorKind::NotUtf8`].
    #[inline]
    pub fn str_u32(&mut self) -> Result<&'a str, FieldError> {
        self.text(4, Self::bytes_u32)
    }

    /// All that is left, as one field. It may be empty.
    #[inline]
    pub fn rest(&mut self) -> &'a [u8] {
        let field = self.left;
        self.went(&[], field.len());
        field
    }

    /// All that is left, as one field of text. It may be empty.
    ///
    /// # Errors
    /// [`FieldErrorKind::NotUtf8`].
    pub fn rest_str(&mut self) -> Result<&'a str, FieldError> {
        self.text(0, |fields| Ok(fields.rest()))
    }

    /// Passes over `len` bytes, as one field.
    ///
    /// # Errors
    /// As [`u8`](Self::u8).
    #[inline]
    pub fn skip(&mut self, len: usize) -> Result<(), FieldError> {
        self.fixed(len).map(|_| ())
    }

    /// Makes sure that nothing follows the last field.
    ///
    /// # Errors
    /// [`FieldErrorKind::Trailing`].
    pub fn finish(self) -> Result<(), FieldError> {
        match self.left.len() {
            0 => Ok(()),
            len => Err(self.error(FieldErrorKind::Trailing { len })),
        }
    }

    /// Bytes that are left.
    #[inline]
    pub const fn remaining(&self) -> usize {
        self.left.len()
    }

    /// Whether no byte is left.
    #[inline]
    pub const fn is_empty(&self) -> bool {
        self.left.is_empty()
    }

    /// Bytes that were taken: where the next field begins.
    #[inline]
    pub const fn offset(&self) -> usize {
        self.offset
    }

    /// A length of `WIDTH` bytes, and as many bytes.
    #[inline]
    fn counted<const WIDTH: usize>(&mut self) -> Result<&'a [u8], FieldError> {
        let Some((length, behind)) = self.left.split_first_chunk::<WIDTH>() else {
            return Err(self.missing(WIDTH));
        };
        let length = length.iter().fold(0, |sum, &byte| sum << 8 | u32::from(byte));
        // More than this machine can address cannot be there either.
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let whole = length.saturating_add(WIDTH);
        let Some((field, left)) = behind.split_at_checked(length) else {
            return Err(self.missing(whole));
        };
        self.went(left, whole);
        Ok(field)
    }

    /// A field of bytes that must be text, which begins `head` bytes behind the start of the field.
    fn text(
        &mut self,
        head: usize,
        field: impl FnOnce(&mut Self) -> Result<&'a [u8], FieldError>,
    ) -> Result<&'a str, FieldError> {
        let mut behind = self.clone();
        match core::str::from_utf8(field(&mut behind)?) {
            Ok(text) => {
                *self = behind;
                Ok(text)
            }
            Err(error) => Err(self.error(FieldErrorKind::NotUtf8 { at: self.offset + head + error.valid_up_to() })),
        }
    }

    /// A field of `len` bytes was taken.
    #[inline]
    fn went(&mut self, left: &'a [u8], len: usize) {
        self.left = left;
        self.offset += len;
        self.index += 1;
    }

    #[cold]
    fn missing(&self, need: usize) -> FieldError {
        self.error(FieldErrorKind::Missing { need, have: self.left.len() })
    }

    fn error(&self, kind: FieldErrorKind) -> FieldError {
        FieldError { kind, index: self.index, offset: self.offset }
    }
}
