//! No framing: chunks go back as they come, copied once up and once down. Every loop with a buffer copies, so what copying costs is part of
//! the base.

use crate::{BUFFER, Port};

pub fn run(mut port: Port) -> ! {
    let (mut chunk, mut copy) = ([0; BUFFER], [0; BUFFER]);
    loop {
        let n = port.read(&mut chunk);
        if let (Some(from), Some(to)) = (chunk.get(..n), copy.get_mut(..n)) {
            to.copy_from_slice(from);
        }
        if n <= copy.len() {
            copy.copy_within(n.., 0);
        }
        port.write(copy.get(..n).unwrap_or_default());
    }
}
