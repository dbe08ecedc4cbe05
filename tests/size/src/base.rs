//! No framing: chunks go back as they come. With the feature `base-copies` they are copied once up and once down on their way: what the
//! copying of Rust's library costs that a program has from somewhere anyway, or has not.

use crate::{BUFFER, Port};

pub fn run(mut port: Port) -> ! {
    let mut chunk = [0; BUFFER];
    #[cfg(feature = "base-copies")]
    let mut copy = [0; BUFFER];
    loop {
        let n = port.read(&mut chunk);
        let bytes = chunk.get(..n).unwrap_or_default();
        #[cfg(feature = "base-copies")]
        let bytes = copied(bytes, &mut copy);
        port.write(bytes);
    }
}

#[cfg(feature = "base-copies")]
#[inline(always)]
fn copied<'c>(bytes: &[u8], copy: &'c mut [u8]) -> &'c [u8] {
    let n = bytes.len();
    if let Some(to) = copy.get_mut(..n) {
        to.copy_from_slice(bytes);
    }
    if n <= copy.len() {
        copy.copy_within(n.., 0);
    }
    copy.get(..n).unwrap_or_default()
}
