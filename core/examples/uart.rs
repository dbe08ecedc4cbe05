//! Frames from a UART, byte by byte, as an interrupt handler gets them; and what noise on the line costs.
//!
//! COBS suits a serial line: a zero byte ends a frame and stands nowhere else, so after any disturbance the next zero is the border of a
//! good frame. Run it with `cargo run -p core --example uart`.

use framewright::framing::Cobs;
use framewright::{Decoder, Encoder, Recovery};

/// What the other end sends: three readings of a sensor.
fn sender() -> Vec<u8> {
    let mut encoder = Encoder::new(Cobs, [0; 64]);
    for reading in [20_u16, 21, 256] {
        encoder.push(&reading.to_be_bytes()).expect("three short frames fit in 64 bytes");
    }
    encoder.pending().to_vec()
}

fn main() {
    let mut line = sender();
    println!("on the wire: {line:02x?}");
    line.remove(5); // one byte is lost, in the middle of the second frame

    // On a device the interrupt handler has it, in a `Mutex<RefCell<Option<_>>>`: 16 bytes of storage, and no more, ever.
    let mut decoder = Decoder::new(Cobs, [0; 16]);
    let mut readings = Vec::new();
    for byte in line {
        match decoder.push_byte(byte) {
            Ok(None) => {}
            Ok(Some(&[high, low])) => readings.push(u16::from_be_bytes([high, low])),
            Ok(Some(other)) => println!("not a reading: {other:02x?}"),
            Err(error) if error.recovery == Recovery::Skips => println!("lost one: {error}"),
            Err(error) => panic!("the line cannot go on: {error}"),
        }
    }
    println!("readings: {readings:?}");
    assert_eq!(readings, [20, 256], "the bad frame cost itself and no other");
}
