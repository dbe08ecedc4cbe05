//! The same loop over wire-codec.

use wire_codec::WriteBuf;
#[cfg(feature = "wire-codec-lines")]
use wire_codec::framing::Delimited;
use wire_codec::framing::Framer;
#[cfg(feature = "wire-codec-u32")]
use wire_codec::framing::{Endian, LengthPrefixed, LengthWidth};

use crate::{BUFFER, Port};

#[cfg(feature = "wire-codec-u32")]
fn framer() -> impl Framer {
    LengthPrefixed::new(LengthWidth::U32, Endian::Big).with_max_payload((BUFFER - 4) as u64)
}

#[cfg(feature = "wire-codec-lines")]
fn framer() -> impl Framer {
    Delimited::new(b"\n").unwrap()
}

pub fn run(mut port: Port) -> ! {
    let framer = framer();
    // It reads from a slice; keeping what is not a frame yet is up to its user.
    let (mut buffer, mut out) = ([0; BUFFER], [0; BUFFER]);
    let mut filled = 0;
    loop {
        let Some(spare) = buffer.get_mut(filled..) else { continue };
        filled += port.read(spare);
        let mut taken = 0;
        loop {
            let Some(rest) = buffer.get(taken..filled) else { break };
            match framer.next_frame(rest) {
                Ok(Some(frame)) => {
                    let mut write = WriteBuf::new(&mut out);
                    if framer.write_frame(frame.payload(), &mut write).is_ok() {
                        port.write(write.written());
                    }
                    taken += frame.consumed();
                }
                Ok(None) => break,
                Err(_) => taken = filled,
            }
        }
        if taken <= filled {
            buffer.copy_within(taken..filled, 0);
            filled -= taken;
        }
    }
}
