//! What the command `smoltcp-demo` does.

mod cli;
mod parts;
mod report;
mod scenes;
mod script;

pub use cli::{Cli, DeviceChoice, Offer};

use std::fmt;
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use framewright::SessionConfig;
use framewright::service::ChatRules;

use crate::device::ImpairCounts;
use crate::loopback::{LoopbackConfig, LoopbackError};
use crate::pool::{KeepAlive, PoolConfig};

/// The sizes that segments are cut to when the command line does not say one: a byte, a few, the least that every IPv4 host
/// must take, and what fits into an Ethernet frame.
const SEGMENTS: [usize; 4] = [1, 7, 536, 1460];

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
        DeviceChoice::Loopback => match loopback(&cli, &mut io::stdout().lock()) {
            Ok(Verdict::Right) => ExitCode::SUCCESS,
            Ok(Verdict::Wrong) => ExitCode::FAILURE,
            Err(error @ DemoError::Setup(_)) => {
                eprintln!("smoltcp-demo: {error}");
                ExitCode::from(2)
            }
            Err(error @ DemoError::Output(_)) => {
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
    report::head(&config, out)?;
    let mut verdict = Verdict::Right;
    let mut happened = ImpairCounts::default();
    for size in sizes {
        let (rows, accidents) = script::run(&at_size(&config, size))?;
        for row in rows {
            if !row.is_right() {
                verdict = Verdict::Wrong;
            }
            row.write(out)?;
        }
        happened += accidents;
    }
    report::tail(&config, happened, verdict, out)?;
    Ok(verdict)
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
        }
    }
}

impl std::error::Error for DemoError {}
