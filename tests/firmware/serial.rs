//! The serial line, on which a program with `async` sends frames back: it loses no byte at the rate of QEMU, which has none, and
//! recovers from a stream that breaks the framing.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

use framewright_tests::conversation::message;

use crate::board::Board;
use crate::image::Program;

/// The next frame.
fn frame(line: &mut UnixStream) -> Vec<u8> {
    let mut header = [0; 4];
    line.read_exact(&mut header).expect("a header");
    let mut payload = vec![0; u32::from_be_bytes(header) as usize];
    line.read_exact(&mut payload).expect("a payload");
    payload
}

#[test]
fn frames_come_back_over_the_serial_line_by_an_async_program() {
    let Some(board) = Board::run(Program::SerialEcho, &[]) else { return };
    let mut line = board.serial();
    for len in (0..=256).chain([0, 256, 1, 255]) {
        let payload: Vec<u8> = (0..=255).cycle().take(len).collect();
        line.write_all(&message(&payload)).expect("QEMU reads");
        assert!(frame(&mut line) == payload, "a frame of {len} bytes");
    }
    for byte in message(b"one byte at a time") {
        line.write_all(&[byte]).expect("QEMU reads");
    }
    assert_eq!(frame(&mut line), b"one byte at a time");
    line.write_all(&[message(b"three"), message(b""), message(b"in one")].concat()).expect("QEMU reads");
    assert_eq!([frame(&mut line), frame(&mut line), frame(&mut line)], [&b"three"[..], b"", b"in one"]);

    line.write_all(&u32::MAX.to_be_bytes()).expect("QEMU reads");
    board.wait_for_log("TooLong");
    line.write_all(&message(b"and again")).expect("QEMU reads");
    assert_eq!(frame(&mut line), b"and again");
}
