//! All frames in one call.

use super::Decoder;
use crate::buffer::{SHORT_WAYS, Storage};
use crate::error::DecodeError;
use crate::framing::Framing;

impl<L: Framing, S: Storage> Decoder<L, S> {
    /// Hands all whole frames to `each`, as [`next`](Self::next) would one by one. Short frames with a delimiter cost up to a third less so, because
    /// what the decoder knows need not be stored and loaded for each of them; others cost about the same.
    ///
    /// ```
    /// use framewright::{DecodeError, Decoder, framing::U32};
    ///
    /// let mut decoder = Decoder::new(U32::new(), [0; 64]);
    /// let mut chunk: &[u8] = &[0, 0, 0, 2, b'h', b'i', 0, 0, 0, 1, b'!', 0, 0];
    /// let mut text = String::new();
    /// decoder.for_each(&mut chunk, |frame| {
    ///     text.push_str(&String::from_utf8_lossy(frame));
    ///     Ok::<(), DecodeError>(())
    /// })?;
    /// assert_eq!(text, "hi!");
    /// assert!(chunk.is_empty());
    /// # Ok::<(), DecodeError>(())
    /// ```
    ///
    /// # Errors
    /// As `next`, and those of `each`. The frame at which it fails counts as taken, and `chunk` goes on behind it: nothing is lost, if
    /// this is called again with what is left. (A panic of `each` leaves the decoder where only [`reset`](Self::reset) helps.)
    #[inline(always)]
    pub fn for_each<E: From<DecodeError>>(
        &mut self,
        chunk: &mut &[u8],
        mut each: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        // By value, as in `next`.
        let mut rest = *chunk;
        let end = if SHORT_WAYS && L::COUNTED {
            self.each_counted(&mut rest, &mut each)
        } else {
            self.each_other(&mut rest, &mut each)
        };
        *chunk = rest;
        end
    }

    /// [`for_each`](Self::for_each) of what was pushed or committed before, as [`pop`](Self::pop) would one by one. Here short frames with a length
    /// before them cost up to a third less, too.
    ///
    /// # Errors
    /// As `for_each`.
    #[inline(always)]
    pub fn pop_each<E: From<DecodeError>>(&mut self, mut each: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        loop {
            if self.each_of_unread(&mut each)? {
                return Ok(());
            }
            // Where there are rows this is what begins one or ends it; else it is each frame.
            let frame = if self.may_have_rows() { self.pop_alone()? } else { self.pop()? };
            match frame {
                Some(frame) => each(frame)?,
                None => return Ok(()),
            }
        }
    }

    #[inline(always)]
    fn each_counted<E: From<DecodeError>>(
        &mut self,
        chunk: &mut &[u8],
        each: &mut impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        loop {
            if self.offsets.is_open_chunk(chunk.len()) {
                while let Some(frame) = self.row(chunk, usize::MAX) {
                    each(frame)?;
                }
                if self.keep_cut(chunk) {
                    *chunk = &[];
                    return Ok(());
                }
            } else if self.is_short(chunk) {
                if self.keep_more(chunk) {
                    *chunk = &[];
                    return Ok(());
                }
            } else if let Some(len) = self.complete::<false>(chunk, usize::MAX) {
                each(self.buffer.get_taken(self.buffer.last(len)).unwrap_or_default())?;
                continue;
            }
            let bytes = *chunk;
            let (frame, left) = self.next_settled(bytes);
            *chunk = bytes.get(bytes.len() - left..).unwrap_or_default();
            match frame? {
                Some(frame) => each(frame)?,
                None => return Ok(()),
            }
        }
    }

    #[inline(always)]
    fn each_other<E: From<DecodeError>>(
        &mut self,
        chunk: &mut &[u8],
        each: &mut impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        loop {
            if self.each_of_chunk(chunk, each)? {
                return Ok(());
            }
            match self.next(chunk)? {
                Some(frame) => each(frame)?,
                None => return Ok(()),
            }
        }
    }
}
