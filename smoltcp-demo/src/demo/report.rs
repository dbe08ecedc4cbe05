//! The report of a demonstration, as text.

use std::io::{self, Write};
use std::num::NonZeroUsize;

use super::Verdict;
use crate::device::{Counts, ImpairCounts, Impairments};
use crate::loopback::{CLIENTS, LoopbackConfig, SERVER};
use crate::services::ServiceName;

/// What happened with one service at one size of segments.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) segment: Option<NonZeroUsize>,
    pub(super) service: ServiceName,
    pub(super) clients: usize,
    pub(super) answers: usize,
    pub(super) counts: Counts,
    pub(super) faults: Vec<Fault>,
}

/// Something that was not as it should be.
#[derive(Debug)]
pub(super) struct Fault {
    /// The part that the client played; empty where it was not one client's fault.
    pub(super) part: &'static str,
    pub(super) what: String,
}

/// What the run is about.
pub(super) fn head(config: &LoopbackConfig, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "loopback: two smoltcp stacks in this process, on virtual time")?;
    write!(out, "server {SERVER}:")?;
    for (service, port) in &config.services {
        write!(out, " {service} {} {port},", service.transport())?;
    }
    writeln!(out, " {} slots; clients {CLIENTS}", config.slots)?;
    writeln!(out)
}

/// The head of the table.
pub(super) fn columns(out: &mut impl Write) -> io::Result<()> {
    writeln!(
        out,
        "{:>8} {:8} {:>8} {:>8} {:>9} {:>9} {:>13} {:>13} {:>8}",
        "segment", "service", "clients", "answers", "messages", "segments", "messages cut", "segments with", "retrans-"
    )?;
    writeln!(
        out,
        "{:>8} {:8} {:>8} {:>8} {:>9} {:>9} {:>13} {:>13} {:>8}",
        "bytes", "", "", "right", "", "", "across segs.", "several msgs.", "missions"
    )
}

/// What went wrong on the way, and the verdict.
pub(super) fn tail(
    config: &LoopbackConfig,
    happened: ImpairCounts,
    verdict: Verdict,
    out: &mut impl Write,
) -> io::Result<()> {
    writeln!(out)?;
    if config.impairments.any() {
        let Impairments { drop, corrupt, duplicate, reorder, delay, rate, seed } = config.impairments;
        let ImpairCounts { frames, dropped, corrupted, duplicated, reordered, overflowed } = happened;
        writeln!(out, "of {frames} frames (seed {seed}):")?;
        for (count, what, asked) in [
            (dropped, "lost", drop),
            (corrupted, "spoiled", corrupt),
            (duplicated, "doubled", duplicate),
            (reordered, "overtaken", reorder),
        ] {
            writeln!(out, "{count:>8} {what:9} ({asked} asked for)")?;
        }
        if overflowed > 0 {
            writeln!(out, "{overflowed:>8} lost because too many were under way")?;
        }
        if let Some(rate) = rate {
            writeln!(out, "{rate} bytes a second passed in each direction")?;
        }
        if !delay.is_zero() {
            writeln!(out, "each took {delay:?}")?;
        }
        writeln!(out)?;
    }
    match verdict {
        Verdict::Right => writeln!(out, "every answer was right"),
        Verdict::Wrong => writeln!(out, "NOT every answer was right"),
    }
}

impl Row {
    pub(super) fn is_right(&self) -> bool {
        self.faults.is_empty()
    }

    pub(super) fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let segment = self.segment.map_or_else(|| String::from("any"), |size| size.to_string());
        let answers = if self.is_right() { self.answers.to_string() } else { String::from("NO") };
        let Counts { messages, segments, cut_messages, shared_segments, retransmissions, .. } = self.counts;
        writeln!(
            out,
            "{segment:>8} {:8} {:>8} {answers:>8} {messages:>9} {segments:>9} {cut_messages:>13} {shared_segments:>13} \
             {retransmissions:>8}",
            self.service.name(),
            self.clients,
        )?;
        self.faults.iter().try_for_each(|Fault { part, what }| writeln!(out, "         WRONG: {part}: {what}"))
    }
}
