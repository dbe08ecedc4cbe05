//! Appends typed fields to a place for a payload.

use super::{FieldError, FieldErrorKind};

/// Appends fields to a place for a payload.
///
/// Each call gives the writer back, so that fields can stand in a row; a call that fails writes nothing. A place in an
/// [`Encoder`](crate::Encoder) spares a copy:
///
/// ```
/// use framewright::fields::FieldWriter;
/// use framewright::{Encoder, framing::U32};
///
/// let mut encoder = Encoder::new(U32::new(), [0; 64]);
/// let place = encoder.reserve(32)?; // at most 32 bytes of payload
/// let len = FieldWriter::new(place).u8(7)?.str_u8("pump")?.f32(1.5)?.written();
/// encoder.commit(len)?;
/// assert_eq!(encoder.pending(), b"\0\0\0\x0a\x07\x04pump\x3f\xc0\0\0");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct FieldWriter<'a> {
    place: &'a mut [u8],
    /// `0 <= written <= place.len()`
    written: usize,
    /// Fields that were written.
    index: usize,
}

impl<'a> FieldWriter<'a> {
    /// A writer at the start of `place`.
    pub const fn new(place: &'a mut [u8]) -> Self {
        Self { place, written: 0, index: 0 }
    }

    /// A number from 0 to 255.
    ///
    /// # Errors
    /// [`FieldErrorKind::Full`], as for every kind of field.
    #[inline]
    pub fn u8(&mut self, value: u8) -> Result<&mut Self, FieldError> {
        self.bytes(&value.to_be_bytes())
    }

    /// Two bytes, without a sign.
    ///
    /// # Errors
    /// As [`u8`](Self::u8).
    #[inline]
    pub fn u16(&mut self, value: u16) -> Result<&mut Self, FieldError> {
        self.bytes(&value.to_be_bytes())
    }

    /// Three bytes, without a sign: 0 to 16,777,215.
    ///
    /// # Errors
    /// As [`u8`](Self::u8); [`FieldErrorKind::OutOfRange`].
    #[inline]
    pub fn u24(&mut self, value: u32) -> Result<&mut Self, FieldError> {
        match value.to_be_bytes() {
            [0, low @ ..] => self.bytes(&low),
            _ => Err(self.error(FieldErrorKind::OutOfRange { value: i64::from(value) })),
        }
    }

    /// Four bytes, without a sign.
    ///
    /// # Errors
    /// As [`u8`](Self::u8).
    #[inline]
    pub fn u32(&mut self, value: u32) -> Result<&mut Self, FieldError> {
        self.bytes(&value.to_be_bytes())
    }

    /// Eight bytes, without a sign.
    ///
    /// # Errors
    /// As [`u8`](Self::u8).
    #[inline]
    pub fn u64(&mut self, value: u64) -> Result<&mut Self, FieldError> {
        self.bytes(&value.to_be_bytes())
    }

    /// A number from -128 to 127.
    ///
    /// # Errors
    /// As [`u8`](Self::u8).
    #[inline]
    pub fn i8(&mut self, value: i8) -> Result<&mut Self, FieldError> {
        self.bytes(&value.to_be_bytes())
    }

    /// Two bytes, with a sign.
    ///
    /// # Errors
    /// As [`u8`](Self::u8).
    #[inline]
    pub fn i16(&mut self, value: i16) -> Result<&mut Self, FieldError> {
        self.bytes(&value.to_be_bytes())
    }

    /// Three bytes, with a sign: -8,388,608 to 8,388,607.
    ///
    /// # Errors
    /// As [`u8`](Self::u8); [`FieldErrorKind::OutOfRange`].
    #[inline]
    pub fn i24(&mut self, value: i32) -> Result<&mut Self, FieldError> {
        let [_, low @ ..] = value.to_be_bytes();
        if value << 8 >> 8 == value {
            self.bytes(&low)
        } else {
            Err(self.error(FieldErrorKind::OutOfRange { value: i64::from(value) }))
        }
    }

    /// Four bytes, with a sign.
    ///
    /// # Errors
    /// As [`u8`](Self::u8).
    #[inline]
    pub fn i32(&mut self, value: i32) -> Result<&mut Self, FieldError> {
        self.bytes(&value.to_be_bytes())
    }

    /// Eight bytes, with a sign.
    ///
    /// # Errors
    /// As [`u8`](Self::u8).
    #[inline]
    pub fn i64(&mut self, value: i64) -> Result<&mut Self, FieldError> {
        self.bytes(&value.to_be_bytes())
    }

    /// Four bytes of IEEE 754.
    ///
    /// # Errors
    /// As [`u8`](Self::u8).
    #[inline]
    pub fn f32(&mut self, value: f32) -> Result<&mut Self, FieldError> {
        self.bytes(&value.to_be_bytes())
    }

    /// Eight bytes of IEEE 754.
    ///
    /// # Errors
    /// As [`u8`](Self::u8).
    #[inline]
    pub fn f64(&mut self, value: f64) -> Result<&mut Self, FieldError> {
        self.bytes(&value.to_be_bytes())
    }

    /// One byte, 0 or 1.
    ///
    /// # Errors
    /// As [`u8`](Self::u8).
    #[inline]
    pub fn bool(&mut self, value: bool) -> Result<&mut Self, FieldError> {
        self.u8(u8::from(value))
    }

    /// These bytes as they stand, as one field: an address, a key, or all that is left of the payload.
    ///
    /// # Errors
    /// As [`u8`](Self::u8).
    #[inline]
    pub fn bytes(&mut self, field: &[u8]) -> Result<&mut Self, FieldError> {
        self.put(&[], field, 0)
    }

    /// A field of `width` bytes: these, and zeros behind them where they are fewer.
    ///
    /// # Errors
    /// As [`u8`](Self::u8); [`FieldErrorKind::TooLong`] where they are more.
    pub fn fixed(&mut self, field: &[u8], width: usize) -> Result<&mut Self, FieldError> {
        match width.checked_sub(field.len()) {
            Some(zeros) => self.put(&[], field, zeros),
            None => Err(self.error(FieldErrorKind::TooLong { len: field.len(), max: width })),
        }
    }

    /// A field of `width` bytes: this text, and zeros behind it where it is shorter. Zeros at the end of the text
    /// itself are not told from them by who reads it.
    ///
    /// # Errors
    /// As [`fixed`](Self::fixed).
    pub fn fixed_str(&mut self, field: &str, width: usize) -> Result<&mut Self, FieldError> {
        self.fixed(field.as_bytes(), width)
    }

    /// A length of one byte, and these bytes: at most 255.
    ///
    /// # Errors
    /// As [`u8`](Self::u8); [`FieldErrorKind::TooLong`].
    #[inline]
    pub fn bytes_u8(&mut self, field: &[u8]) -> Result<&mut Self, FieldError> {
        match u8::try_from(field.len()) {
            Ok(len) => self.put(&len.to_be_bytes(), field, 0),
            Err(_) => Err(self.too_long(field, u8::MAX.into())),
        }
    }

    /// A length of two bytes, and these bytes: at most 65,535.
    ///
    /// # Errors
    /// As [`u8`](Self::u8); [`FieldErrorKind::TooLong`].
    #[inline]
    pub fn bytes_u16(&mut self, field: &[u8]) -> Result<&mut Self, FieldError> {
        match u16::try_from(field.len()) {
            Ok(len) => self.put(&len.to_be_bytes(), field, 0),
            Err(_) => Err(self.too_long(field, u16::MAX.into())),
        }
    }

    /// A length of four bytes, and these bytes.
    ///
    /// # Errors
    /// As [`u8`](Self::u8); [`FieldErrorKind::TooLong`].
    #[inline]
    pub fn bytes_u32(&mut self, field: &[u8]) -> Result<&mut Self, FieldError> {
        match u32::try_from(field.len()) {
            Ok(len) => self.put(&len.to_be_bytes(), field, 0),
            Err(_) => Err(self.too_long(field, u32::MAX)),
        }
    }

    /// A length of one byte, and this text: at most 255 bytes.
    ///
    /// # Errors
    /// As [`bytes_u8`](Self::bytes_u8).
    #[inline]
    pub fn str_u8(&mut self, field: &str) -> Result<&mut Self, FieldError> {
        self.bytes_u8(field.as_bytes())
    }

    /// A length of two bytes, and this text: at most 65,535 bytes.
    ///
    /// # Errors
    /// As [`bytes_u16`](Self::bytes_u16).
    #[inline]
    pub fn str_u16(&mut self, field: &str) -> Result<&mut Self, FieldError> {
        self.bytes_u16(field.as_bytes())
    }

    /// A length of four bytes, and this text.
    ///
    /// # Errors
    /// As [`bytes_u32`](Self::bytes_u32).
    #[inline]
    pub fn str_u32(&mut self, field: &str) -> Result<&mut Self, FieldError> {
        self.bytes_u32(field.as_bytes())
    }

    /// `len` zeros, as one field.
    ///
    /// # Errors
    /// As [`u8`](Self::u8).
    pub fn skip(&mut self, len: usize) -> Result<&mut Self, FieldError> {
        self.put(&[], &[], len)
    }

    /// Bytes that were written: the length of the payload so far, and where the next field begins.
    #[inline]
    pub const fn written(&self) -> usize {
        self.written
    }

    /// Bytes that are free.
    #[inline]
    pub const fn room(&self) -> usize {
        self.place.len().saturating_sub(self.written)
    }

    /// What was written so far.
    pub fn payload(&self) -> &[u8] {
        self.place.get(..self.written).unwrap_or_default()
    }

    /// Appends one field of three parts, or nothing.
    #[inline]
    fn put(&mut self, head: &[u8], body: &[u8], zeros: usize) -> Result<&mut Self, FieldError> {
        let need = body.len().saturating_add(head.len()).saturating_add(zeros);
        let place = self.place.get_mut(self.written..).and_then(|free| free.get_mut(..need));
        let Some((to_head, behind)) = place.and_then(|place| place.split_at_mut_checked(head.len())) else {
            return Err(self.full(need));
        };
        let Some((to_body, to_zeros)) = behind.split_at_mut_checked(body.len()) else {
            return Err(self.full(need));
        };
        to_head.copy_from_slice(head);
        to_body.copy_from_slice(body);
        to_zeros.fill(0);
        self.written += need;
        self.index += 1;
        Ok(self)
    }

    #[cold]
    fn full(&self, need: usize) -> FieldError {
        self.error(FieldErrorKind::Full { need, room: self.room() })
    }

    #[cold]
    fn too_long(&self, field: &[u8], max: u32) -> FieldError {
        let max = usize::try_from(max).unwrap_or(usize::MAX);
        self.error(FieldErrorKind::TooLong { len: field.len(), max })
    }

    fn error(&self, kind: FieldErrorKind) -> FieldError {
        FieldError { kind, index: self.index, offset: self.written }
    }
}
