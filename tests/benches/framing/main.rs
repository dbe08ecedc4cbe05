//! Decode and encode, beside the crates of this field and loops written by hand for one framing, all in one run.
//!
//! ```text
//! cargo bench -p framewright-tests --bench framing                       everything: minutes
//! cargo bench -p framewright-tests --bench framing -- --quick            everything, roughly
//! cargo bench -p framewright-tests --bench framing -- u32 --payload 16 --segment 1460
//! ```
//!
//! How it is measured:
//!
//! - The same payloads go through every contender, and every contender's digest of them must be the same.
//! - Contenders take turns, in rounds; the figure is the median of the rounds. A slow second of the machine hits all.
//! - *every*: the sink adds up all bytes of a payload. *ends*: it looks at its length, its first and its last byte. A decoder that copies
//!   nothing is flattered by the second.
//! - *hot*: a stream of 256 KiB again and again. *cold*: a stream of 64 MiB, of which every sample takes a piece that was not touched
//!   for 64 MiB.
//! - A contender that owns a buffer, as a socket's reader does, has every segment copied into it, which stands for the read. *borrow*
//!   decodes the segment where it lies, as a caller can who has it already (a ring of smoltcp, a DMA buffer); the hand-written loop
//!   that does the same is there too.

// What is measured must not depend on whether the compiler feels like inlining.
#![allow(clippy::inline_always)]

mod cobs;
mod encode;
mod lines;
mod measure;
mod ours;
mod peers;
mod report;
mod stream;
mod u32;

use clap::Parser;

use measure::{Cell, Contender, SinkKind, Temperature, measure};
use report::Report;
use stream::{Law, Payload, Streams};

/// Measures framings beside their peers. Without options: everything.
#[derive(Parser)]
struct Options {
    /// Only these: u32, lines, cobs, cobs-zeros, encode-u32, encode-lines, encode-cobs
    groups: Vec<String>,
    /// Only these payload lengths in bytes, or `mixed`
    #[arg(long, value_delimiter = ',')]
    payload: Vec<String>,
    /// Only these segment lengths in bytes
    #[arg(long, value_delimiter = ',')]
    segment: Vec<usize>,
    /// Only this sink: every or ends
    #[arg(long)]
    sink: Option<String>,
    /// Only this stream: hot or cold
    #[arg(long)]
    stream: Option<String>,
    /// Fewer and shorter samples
    #[arg(long)]
    quick: bool,
    /// Samples for each figure
    #[arg(long)]
    rounds: Option<usize>,
    /// What cargo passes to benchmarks
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() {
    let options = Options::parse();
    let rounds = options.rounds.unwrap_or(if options.quick { 7 } else { 15 });
    let sample_micros = if options.quick { 500 } else { 2_000 };
    let mut report = Report::new();
    for group in &GROUPS {
        if !options.groups.is_empty() && !options.groups.iter().any(|name| name == group.name) {
            continue;
        }
        for payload in Payload::ALL {
            if !options.payload.is_empty() && !options.payload.contains(&payload.to_string()) {
                continue;
            }
            for &temperature in group.temperatures {
                if options.stream.as_ref().is_some_and(|wanted| *wanted != temperature.to_string()) {
                    continue;
                }
                let streams = Streams::new(group.law, payload, temperature.bytes());
                for &segment in group.segments {
                    if !options.segment.is_empty() && segment != 0 && !options.segment.contains(&segment) {
                        continue;
                    }
                    for sink in [SinkKind::Every, SinkKind::Ends] {
                        if options.sink.as_ref().is_some_and(|wanted| *wanted != sink.to_string()) {
                            continue;
                        }
                        let mut contenders = (group.contenders)();
                        let cell = Cell { group: group.name, payload, segment, sink, temperature };
                        let figures = measure(&cell, &streams, &mut contenders, rounds, sample_micros);
                        report.add(cell, figures);
                    }
                }
            }
        }
    }
    report.print();
}

/// Cells that have their contenders in common.
struct Group {
    name: &'static str,
    law: Law,
    /// In bytes; 0 stands for none: whole frames go in.
    segments: &'static [usize],
    temperatures: &'static [Temperature],
    contenders: fn() -> Vec<Contender>,
}

const SEGMENTS: &[usize] = &[1, 64, 1460, 65536];
const HOT_AND_COLD: &[Temperature] = &[Temperature::Hot, Temperature::Cold];

const GROUPS: [Group; 7] = [
    Group::decode("u32", Law::U32, u32::contenders),
    Group::decode("lines", Law::Lines, lines::contenders),
    Group::decode("cobs", Law::Cobs, cobs::contenders),
    Group::decode("cobs-zeros", Law::CobsZeros, cobs::contenders),
    Group::encode("encode-u32", Law::U32, encode::u32_contenders),
    Group::encode("encode-lines", Law::Lines, encode::lines_contenders),
    Group::encode("encode-cobs", Law::Cobs, encode::cobs_contenders),
];

impl Group {
    const fn decode(name: &'static str, law: Law, contenders: fn() -> Vec<Contender>) -> Self {
        Self { name, law, segments: SEGMENTS, temperatures: HOT_AND_COLD, contenders }
    }

    const fn encode(name: &'static str, law: Law, contenders: fn() -> Vec<Contender>) -> Self {
        Self { name, law, segments: &[0], temperatures: &[Temperature::Hot], contenders }
    }
}
