//! A decoder and an encoder of Framewright.

use framewright::framing::Framing;
use framewright::{Decoder, Encoder};

use crate::{BUFFER, Port};

#[cfg(feature = "u32")]
fn law() -> impl Framing + Clone {
    framewright::framing::U32::new()
}
#[cfg(feature = "u16-le")]
fn law() -> impl Framing + Clone {
    framewright::framing::LengthPrefix::<2, framewright::framing::LittleEndian>::new()
}
#[cfg(feature = "varint")]
fn law() -> impl Framing + Clone {
    framewright::framing::Varint::new()
}
#[cfg(feature = "lines")]
fn law() -> impl Framing + Clone {
    framewright::framing::Lines
}
#[cfg(feature = "strict-lines")]
fn law() -> impl Framing + Clone {
    framewright::framing::StrictLines::new(framewright::framing::LineEnding::CrLf)
}
#[cfg(feature = "delimited")]
fn law() -> impl Framing + Clone {
    framewright::framing::Delimited::new(0)
}
#[cfg(feature = "netstring")]
fn law() -> impl Framing + Clone {
    framewright::framing::Netstring
}
#[cfg(feature = "cobs")]
fn law() -> impl Framing + Clone {
    framewright::framing::Cobs
}
#[cfg(feature = "slip")]
fn law() -> impl Framing + Clone {
    framewright::framing::Slip::new()
}
#[cfg(feature = "raw")]
fn law() -> impl Framing + Clone {
    framewright::framing::Raw
}
#[cfg(feature = "json-header")]
fn law() -> impl Framing + Clone {
    framewright::framing::JsonHeader::TEXT
}

pub fn run(mut port: Port) -> ! {
    let mut decoder = Decoder::new(law(), [0; BUFFER]);
    let mut encoder = Encoder::new(law(), [0; BUFFER]);
    loop {
        let n = port.read(decoder.spare_mut());
        decoder.commit(n);
        loop {
            match decoder.pop() {
                Ok(Some(frame)) => {
                    if encoder.push(frame).is_ok() {
                        let n = encoder.pending().len();
                        port.write(encoder.pending());
                        encoder.sent(n);
                    }
                }
                Ok(None) => break,
                Err(_) => decoder.reset(),
            }
        }
    }
}
