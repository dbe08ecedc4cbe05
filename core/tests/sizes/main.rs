//! The RAM of each public type is what `docs/memory.md` says, on 32 and on 64 bits.

mod table;

use framewright::framing::U32;
use framewright::io::{FrameReader, FrameStream, FrameWriter};
use framewright::service::{Hub, Seat};
use framewright::{Decoder, Encoder, WallClock};

use table::{FIGURES, LINES};

#[test]
fn no_type_takes_more_memory_than_the_table_says() {
    for line in LINES {
        assert!(line.size <= line.most, "{}: {} bytes, and the table says {}", line.what, line.size, line.most);
        // Nor much less, or the table has grown old. A little less it is where numbers are aligned less far than on Arm.
        assert!(4 * line.size >= 3 * line.most, "{}: {} bytes, and the table says {}", line.what, line.size, line.most);
    }
}

#[test]
fn the_documentation_has_the_same_table() {
    let documented: Vec<&str> =
        include_str!("../../docs/memory.md").lines().filter(|line| line.starts_with("| `")).collect();
    let table: Vec<String> =
        FIGURES.iter().map(|(what, on_32, on_64)| format!("| {what} | {on_32} | {on_64} |")).collect();
    assert_eq!(documented, table);
}

#[test]
fn a_line_in_the_log_of_a_room_costs_11_bytes_and_its_text() {
    let line = "[00:00:00] ann: hello";
    let mut hub = Hub::new([Seat::<()>::default()], vec![0; 3 * (11 + line.len())], WallClock::UNSET);
    for _ in 0..5 {
        hub.restore(line);
    }
    let mut kept = 0;
    hub.messages_from(0, |_| kept += 1);
    assert_eq!(kept, 3);
}

#[test]
fn an_adapter_costs_8_bytes_to_read_and_16_to_write_at_most() {
    let (decoder, encoder) = (size_of::<Decoder<U32, [u8; 0]>>(), size_of::<Encoder<U32, [u8; 0]>>());
    assert!(size_of::<FrameReader<(), U32, [u8; 0]>>() <= decoder + 8);
    assert!(size_of::<FrameWriter<(), U32, [u8; 0]>>() <= encoder + 16);
    assert!(size_of::<FrameStream<(), U32, [u8; 0], [u8; 0]>>() <= decoder + encoder + 24);
}
