//! The same loop over crates that know COBS.

use crate::{BUFFER, Port};

#[cfg(feature = "cobs-cobs")]
pub fn run(mut port: Port) -> ! {
    let (mut chunk, mut storage, mut out) = ([0; BUFFER], [0; BUFFER], [0; BUFFER + 4]);
    let (mut at, mut filled) = (0, 0);
    loop {
        // A decoder is for one frame.
        let mut decoder = cobs::CobsDecoder::new(&mut storage);
        let len = loop {
            if at == filled {
                (at, filled) = (0, port.read(&mut chunk));
            }
            let Some(byte) = chunk.get(at) else { continue };
            at += 1;
            match decoder.feed(*byte) {
                Ok(None) => {}
                Ok(Some(len)) => break len,
                Err(_) => break 0,
            }
        };
        if let Some(frame) = storage.get(..len)
            && let Ok(n) = cobs::try_encode(frame, &mut out)
        {
            port.write(out.get(..n).unwrap_or_default());
            port.write(&[0]);
        }
    }
}

#[cfg(feature = "corncobs-cobs")]
pub fn run(mut port: Port) -> ! {
    // It decodes whole frames only; finding and keeping them is up to its user.
    let (mut chunk, mut frame, mut out) = ([0; BUFFER], [0; BUFFER], [0; BUFFER + 4]);
    let mut len = 0;
    loop {
        let n = port.read(&mut chunk);
        for byte in chunk.iter().take(n) {
            if let Some(place) = frame.get_mut(len) {
                *place = *byte;
                len += 1;
            }
            if *byte == 0 {
                if let Some(Ok(n)) = frame.get_mut(..len).map(corncobs::decode_in_place)
                    && let Some(payload) = frame.get(..n)
                {
                    let n = corncobs::encode_buf(payload, &mut out);
                    port.write(out.get(..n).unwrap_or_default());
                }
                len = 0;
            }
        }
    }
}

#[cfg(feature = "postcard-cobs")]
pub fn run(mut port: Port) -> ! {
    use postcard::accumulator::{CobsAccumulator, FeedResult};
    let (mut chunk, mut out) = ([0; BUFFER], [0; BUFFER + 8]);
    let mut accumulator = CobsAccumulator::<BUFFER>::new();
    loop {
        let n = port.read(&mut chunk);
        let mut window = chunk.get(..n).unwrap_or_default();
        while !window.is_empty() {
            window = match accumulator.feed_ref::<&[u8]>(window) {
                FeedResult::Consumed => break,
                FeedResult::OverFull(rest) | FeedResult::DeserError(rest) => rest,
                FeedResult::Success { data, remaining } => {
                    if let Ok(bytes) = postcard::to_slice_cobs(&data, &mut out) {
                        port.write(bytes);
                    }
                    remaining
                }
            };
        }
    }
}
