//! A connection that begins with lines of text and goes on with binary frames, as after an `Upgrade` or `STARTTLS`.
//!
//! The bytes behind the switch may have come in the same read: `into_parts` hands them over, and none is lost. Run it with
//! `cargo run -p core --example switch_protocols`.

use framewright::Decoder;
use framewright::framing::{Lines, U32};

fn main() {
    // One read returned all of this.
    let read = b"HELLO\r\nUPGRADE u32\r\n\0\0\0\x05first\0\0\0\x06sec";

    let mut text = Decoder::new(Lines, [0; 128]);
    let n = read.len();
    text.spare_mut()[..n].copy_from_slice(read);
    text.commit(n);
    while let Some(line) = text.pop().expect("no line is longer than 128 bytes") {
        println!("line: {}", String::from_utf8_lossy(line));
        if line.starts_with(b"UPGRADE") {
            break;
        }
    }

    let parts = text.into_parts();
    println!("{} bytes are left for the new protocol, from offset {}", parts.unread().len(), parts.offset);
    let mut binary = Decoder::new(U32::new(), [0; 128]);
    assert_eq!(binary.push(parts.unread()), parts.unread().len());
    assert_eq!(binary.pop().expect("well formed"), Some(&b"first"[..]));
    // What comes by the next read goes on where the hand-over ended.
    let mut chunk = &b"ond"[..];
    let second = binary.next(&mut chunk).expect("well formed").expect("it is whole now");
    println!("frame: {}", String::from_utf8_lossy(second));
    assert_eq!(second, b"second");
}
