//! The same loop over framez, with a codec for `u32` as its documentation teaches.

use core::convert::Infallible;
use core::pin::pin;
use core::task::{Context, Poll, Waker};

use embedded_io_async::{ErrorType, Read};
use framez::FramedRead;

use crate::{BUFFER, Port};

struct U32;

#[derive(Debug)]
struct TooLong;

impl framez::decode::DecodeError for U32 {
    type Error = TooLong;
}

impl<'buf> framez::decode::Decoder<'buf> for U32 {
    type Item = &'buf [u8];

    fn decode(&mut self, src: &'buf mut [u8]) -> Result<Option<(Self::Item, usize)>, TooLong> {
        let Some(header) = src.first_chunk::<4>() else { return Ok(None) };
        let len = u32::from_be_bytes(*header) as usize;
        if len > BUFFER - 4 {
            return Err(TooLong);
        }
        match src.get(4..4 + len) {
            Some(payload) => Ok(Some((payload, 4 + len))),
            None => Ok(None),
        }
    }
}

struct Source(Port);

impl ErrorType for Source {
    type Error = Infallible;
}

impl Read for Source {
    async fn read(&mut self, to: &mut [u8]) -> Result<usize, Infallible> {
        Ok(self.0.read(to))
    }
}

pub fn run(port: Port) -> ! {
    let mut buffer = [0; BUFFER];
    let mut out = Port;
    let mut framed = FramedRead::new(U32, Source(port), &mut buffer);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        let mut next = pin!(async {
            if let Some(Ok(Some(frame))) = framed.maybe_next().await {
                out.write(&(frame.len() as u32).to_be_bytes());
                out.write(frame);
            }
        });
        while let Poll::Pending = next.as_mut().poll(&mut context) {}
    }
}
