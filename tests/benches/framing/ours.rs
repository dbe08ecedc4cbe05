//! Our decoders, by each way in: the same for every law.

use framewright::framing::Framing;
use framewright::{DecodeError, Decoder, Event, Oversize};

use crate::measure::{Contender, Decode, Sink};
use crate::peers::CAPACITY;

/// Whole frames, by each way in.
pub(crate) fn contenders<L: Framing + Default + 'static>() -> Vec<Contender> {
    vec![
        Contender::decode("borrow", || Borrow(decoder::<L>())),
        Contender::decode("for_each", || ForEach(decoder::<L>())),
        Contender::decode("direct", || Direct(decoder::<L>())),
        Contender::decode("pop_each", || PopEach(decoder::<L>())),
        Contender::decode("push_byte", || PushByte(decoder::<L>())),
    ]
}

/// Frames in pieces, of at most so many bytes in all.
pub(crate) fn streaming<L: Framing + Default + 'static, const MAX: u64>() -> Contender {
    Contender::decode("stream", || {
        let decoder = decoder::<L>().with_oversize(Oversize::Stream);
        Streaming(decoder.with_stream_above(0).with_max_frame(MAX))
    })
}

fn decoder<L: Framing + Default>() -> Decoder<L, Vec<u8>> {
    Decoder::new(L::default(), vec![0; CAPACITY])
}

/// Ours, from the caller's slice.
struct Borrow<L: Framing>(Decoder<L, Vec<u8>>);

impl<L: Framing> Decode for Borrow<L> {
    fn feed<S: Sink>(&mut self, segment: &[u8], sink: &mut S) {
        let mut chunk = segment;
        while let Some(payload) = self.0.next(&mut chunk).expect("a good stream") {
            sink.take(payload);
        }
    }
}

/// Ours, from its own storage.
struct Direct<L: Framing>(Decoder<L, Vec<u8>>);

impl<L: Framing> Decode for Direct<L> {
    fn feed<S: Sink>(&mut self, mut segment: &[u8], sink: &mut S) {
        while !segment.is_empty() {
            let spare = self.0.spare_mut();
            let n = spare.len().min(segment.len());
            let (now, later) = segment.split_at(n);
            spare[..n].copy_from_slice(now);
            self.0.commit(n);
            segment = later;
            while let Some(payload) = self.0.pop().expect("a good stream") {
                sink.take(payload);
            }
        }
    }
}

/// Ours, from the caller's slice, all frames in one call.
struct ForEach<L: Framing>(Decoder<L, Vec<u8>>);

impl<L: Framing> Decode for ForEach<L> {
    fn feed<S: Sink>(&mut self, segment: &[u8], sink: &mut S) {
        let mut chunk = segment;
        let end = self.0.for_each(&mut chunk, |payload| {
            sink.take(payload);
            Ok::<(), DecodeError>(())
        });
        end.expect("a good stream");
    }
}

/// Ours, from its own storage, all frames in one call.
struct PopEach<L: Framing>(Decoder<L, Vec<u8>>);

impl<L: Framing> Decode for PopEach<L> {
    fn feed<S: Sink>(&mut self, mut segment: &[u8], sink: &mut S) {
        while !segment.is_empty() {
            let spare = self.0.spare_mut();
            let n = spare.len().min(segment.len());
            let (now, later) = segment.split_at(n);
            spare[..n].copy_from_slice(now);
            self.0.commit(n);
            segment = later;
            let end = self.0.pop_each(|payload| {
                sink.take(payload);
                Ok::<(), DecodeError>(())
            });
            end.expect("a good stream");
        }
    }
}

/// Ours, byte by byte.
struct PushByte<L: Framing>(Decoder<L, Vec<u8>>);

impl<L: Framing> Decode for PushByte<L> {
    fn feed<S: Sink>(&mut self, segment: &[u8], sink: &mut S) {
        for &byte in segment {
            if let Some(payload) = self.0.push_byte(byte).expect("a good stream") {
                sink.take(payload);
            }
        }
    }
}

/// Ours, in pieces that are never gathered.
struct Streaming<L: Framing>(Decoder<L, Vec<u8>>);

impl<L: Framing> Decode for Streaming<L> {
    fn feed<S: Sink>(&mut self, segment: &[u8], sink: &mut S) {
        let mut chunk = segment;
        while let Some(event) = self.0.next_event(&mut chunk).expect("a good stream") {
            match event {
                Event::Frame(payload) => sink.take(payload),
                Event::Begin { .. } => {}
                Event::Chunk(bytes) => sink.piece(bytes),
                Event::End => sink.end(),
            }
        }
    }
}
