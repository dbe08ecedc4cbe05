//! A message larger than memory, streamed to where it belongs (a flash chip, a file) through 256 bytes.
//!
//! Run it with `cargo run -p core --example larger_than_ram`.

use framewright::framing::U32;
use framewright::{Decoder, Encoder, Event, Oversize};

/// Stands for a flash chip: what was written, as a sum.
#[derive(Default)]
struct Flash {
    bytes: u64,
    sum: u64,
}

impl Flash {
    fn write(&mut self, chunk: &[u8]) {
        self.bytes += chunk.len() as u64;
        self.sum += chunk.iter().map(|byte| u64::from(*byte)).sum::<u64>();
    }
}

fn main() {
    const IMAGE: u64 = 10_000_000;
    let mut sender = Encoder::new(U32::new(), [0; 256]);
    sender.push(b"update").expect("it fits");
    sender.begin(Some(IMAGE)).expect("its header fits");

    let mut decoder = Decoder::new(U32::new(), [0; 256]).with_oversize(Oversize::Stream).with_max_frame(1 << 30);
    let mut flash = Flash::default();
    let mut left = IMAGE;
    while left > 0 || !sender.pending().is_empty() {
        // The sender makes its image up as it goes: it holds no more of it than the receiver.
        let page = [7; 100];
        let n = usize::try_from(left).map_or(page.len(), |left| left.min(page.len()));
        left -= sender.chunk(&page[..n]).expect("no more than was announced") as u64;

        let sent = sender.pending().len();
        let mut chunk = sender.pending();
        while let Some(event) = decoder.next_event(&mut chunk).expect("what we encoded is well formed") {
            match event {
                Event::Frame(command) => println!("command: {}", String::from_utf8_lossy(command)),
                Event::Begin { len } => println!("an image of {} bytes begins", len.expect("a u32 header says it")),
                Event::Chunk(chunk) => flash.write(chunk),
                Event::End => println!("it is complete: {} bytes, sum {}", flash.bytes, flash.sum),
            }
        }
        sender.sent(sent);
    }
    assert_eq!((flash.bytes, flash.sum), (IMAGE, 7 * IMAGE));
}
