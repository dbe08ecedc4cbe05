//! What the command `smoltcp-demo` does.

mod cli;
mod parts;
mod report;
mod scenes;
mod script;

pub use cli::{Cli, DeviceChoice, Offer};

use std::cell::RefCell;
use std::fmt;
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use clap::Parser;
use framewright::SessionConfig;
use framewright::service::ChatRules;

use crate::Trace;
use crate::device::{ImpairCounts, PcapFile};
use crate::loopback::{Instruments, LoopbackConfig, LoopbackError};
use crate::pool::{KeepAlive, PoolConfig};

/// The sizes that segments are cut to when the command line does not say one: a byte, a few, the least that every IPv4 host
/// must take, and what fits into an Ethernet frame.
const SEGMENTS: [usize; 4] = [1, 7, 536, 1460];

/// Where the ports of the clients begin, and how many each run may use.
const FIRST_PORT: u16 = 49152;
const PORTS: u16 = 4000;

/// How long each side waits for the other: after some losses in a row TCP pauses for a minute before it sends again, and that may
/// be lost too.
const PATIENCE: Duration = Duration::from_mins(15);
/// The server asks silent clients as often as usual, for as long.
const KEEP_ALIVE: KeepAlive = KeepAlive { every: Duration::from_secs(30), questions: 30 };

/// Reads the command line of this process and does what it says. Exit status 0: done, and every answer was right; 1: something
/// was wrong or failed; 2: wrong usage.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    match cli.device {
        DeviceChoice::Loopback => match loopback(&cli, &mut io::stdout()) {
            Ok(Verdict::Right) => ExitCode::SUCCESS,
            Ok(Verdict::Wrong) => ExitCode::FAILURE,
            Err(error @ DemoError::Setup(_)) => {
                eprintln!("smoltcp-demo: {error}");
                ExitCode::from(2)
            }
            // Whoever read it has seen enough.
            Err(DemoError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::FAILURE,
            Err(error @ (DemoError::Output(_) | DemoError::Capture(..))) => {
                eprintln!("smoltcp-demo: {error}");
                ExitCode::FAILURE
            }
        },
    }
}

/// Whether every answer was right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All of them, and no slot was left behind.
    Right,
    /// What was wrong is in the report.
    Wrong,
}

/// Why a demonstration did not take place.
#[derive(Debug)]
pub enum DemoError {
    /// What was asked for cannot be.
    Setup(LoopbackError),
    /// The report cannot be written.
    Output(io::Error),
    /// The capture file cannot be written.
    Capture(PathBuf, io::Error),
}

/// Runs scripted clients against the server over the virtual network, once for each size of segments, and writes a report.
///
/// # Errors
/// It could not take place.
pub fn loopback(cli: &Cli, out: &mut impl Write) -> Result<Verdict, DemoError> {
    let sizes = match cli.segment {
        Some(size) => Vec::from([size]),
        None => SEGMENTS.into_iter().filter_map(NonZeroUsize::new).collect(),
    };
    let config = LoopbackConfig {
        services: cli.services(),
        slots: cli.max_clients,
        impairments: cli.impairments(),
        seed: cli.seed,
        session: SessionConfig { close_timeout: PATIENCE, ..SessionConfig::default() },
        pool: PoolConfig { drain: PATIENCE, keep_alive: Some(KEEP_ALIVE), ..PoolConfig::default() },
        client_patience: PATIENCE,
        ..LoopbackConfig::default()
    };
    let capture = capture(cli)?;
    report::head(&config, out)?;
    let instruments = Instruments { capture, trace: trace(cli) };
    if instruments.trace.is_none() {
        report::columns(out)?;
    }
    let mut verdict = Verdict::Right;
    let mut happened = ImpairCounts::default();
    let mut table = Vec::new();
    for (run, size) in (0_u16..).zip(sizes) {
        // In one capture, each run's clients have ports of their own.
        let config = LoopbackConfig { first_port: FIRST_PORT + run * PORTS, ..at_size(&config, size) };
        if let Some(capture) = &instruments.capture {
            capture.borrow_mut().begin_anew();
        }
        if let Some(trace) = &instruments.trace {
            trace.borrow_mut().headline(&format!("segments of at most {size} bytes"));
        }
        let (rows, accidents) = script::run(&config, &instruments)?;
        for row in &rows {
            if !row.is_right() {
                verdict = Verdict::Wrong;
            }
            if instruments.trace.is_none() {
                row.write(out)?;
                out.flush()?;
            }
        }
        table.extend(rows);
        happened += accidents;
    }
    if instruments.trace.is_some() {
        writeln!(out)?;
        report::columns(out)?;
        table.iter().try_for_each(|row| row.write(out))?;
    }
    finish(cli, &instruments)?;
    report::tail(&config, happened, verdict, out)?;
    Ok(verdict)
}

/// The capture file, if one was asked for.
fn capture(cli: &Cli) -> Result<Option<Rc<RefCell<PcapFile>>>, DemoError> {
    let Some(path) = &cli.pcap else {
        return Ok(None);
    };
    let file = PcapFile::create(path).map_err(|error| DemoError::Capture(path.clone(), error))?;
    Ok(Some(Rc::new(RefCell::new(file))))
}

/// The trace, if it was asked for: in colour on a terminal, unless `NO_COLOR` is set.
fn trace(cli: &Cli) -> Option<Rc<RefCell<Trace>>> {
    let out = || Box::new(anstream::AutoStream::auto(io::stdout()));
    cli.trace.then(|| Rc::new(RefCell::new(Trace::new(out(), cli.services()))))
}

/// Sees to it that everything was written.
fn finish(cli: &Cli, instruments: &Instruments) -> Result<(), DemoError> {
    if let Some(trace) = &instruments.trace {
        trace.borrow_mut().finish()?;
    }
    if let (Some(path), Some(capture)) = (&cli.pcap, &instruments.capture) {
        capture.borrow_mut().finish().map_err(|error| DemoError::Capture(path.clone(), error))?;
    }
    Ok(())
}

/// The network for one size of segments.
fn at_size(config: &LoopbackConfig, segment: NonZeroUsize) -> LoopbackConfig {
    /// Below it, a window of segments is so many that a bad network always loses some.
    const TINY: usize = 64;
    let config = LoopbackConfig { segment: Some(segment), ..config.clone() };
    if config.impairments.any() && segment.get() < TINY {
        // Where one in five is lost, TCP sends a window of a thousand segments dozens of times. So windows are small, and so are
        // the messages, which are measured by the buffer; it holds the longest answer of `message`.
        let chat = ChatRules { max_line: 256, ..config.chat };
        LoopbackConfig { ring: 1024, client_ring: 1024, buffer: 896, chat, ..config }
    } else {
        config
    }
}

impl From<LoopbackError> for DemoError {
    fn from(error: LoopbackError) -> Self {
        Self::Setup(error)
    }
}

impl From<io::Error> for DemoError {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

impl fmt::Display for DemoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Setup(error) => error.fmt(f),
            Self::Output(error) => write!(f, "cannot write the report: {error}"),
            Self::Capture(path, error) => write!(f, "cannot write the capture {}: {error}", path.display()),
        }
    }
}

impl std::error::Error for DemoError {}
