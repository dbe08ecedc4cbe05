//! The command on a TAP interface: says where it listens, serves, and sums up.

use std::cell::RefCell;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, SystemTime};

use framewright::{SessionConfig, WallClock};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::{flag, low_level};

use super::report;
use super::{Cli, DemoError};
use crate::Trace;
use crate::assembly::Assembly;
use crate::device::{
    Capture, Cut, CutIncoming, FinLast, Impair, ImpairCounts, Line, Observe, Observer, Onlooker, Speech, TapDevice,
    TapWatch, View,
};
use crate::loopback::Instruments;
use crate::pool::{KeepAlive, PoolConfig, PoolCounts};
use crate::services::Transport;
use crate::tap::{self, Ending, TapSettings};

/// Frames that are taken in one turn.
const PACKETS: usize = 32;
/// So many questions without an answer, and a client is gone.
const QUESTIONS: u32 = 3;

/// Serves on an interface that is open until a signal comes.
///
/// # Errors
/// What was asked for cannot be, or something cannot be written.
pub(super) fn serve(
    cli: &Cli,
    settings: &TapSettings,
    (device, watch): (TapDevice, TapWatch),
    instruments: &Instruments,
    out: &mut impl Write,
) -> Result<Ending, DemoError> {
    let stop = stop_on_signals().map_err(DemoError::Signals)?;
    let service = Service { cli, settings, watch: &watch, stop: &stop };
    if !is_watched(cli) {
        let (ending, _) = service.run(FinLast::new(device), out)?;
        return Ok(ending);
    }
    let mut observer = Observer::new();
    for (service, port) in cli.services() {
        if service.transport() == Transport::Tcp {
            observer.follow(port, Speech::of(service));
        }
    }
    let observer = Rc::new(RefCell::new(observer));
    // What comes is seen before anything happens to it, and what is sent, too.
    let seen = Observe::new(CutIncoming::new(device, cli.segment), Rc::clone(&observer), View::Received);
    let mut impaired = Impair::new(seen, cli.impairments());
    if let Some(trace) = &instruments.trace {
        let onlooker: Rc<RefCell<dyn Onlooker>> = Rc::<RefCell<Trace>>::clone(trace);
        impaired.tell(&onlooker);
        observer.borrow_mut().tell(Rc::<RefCell<Trace>>::clone(trace));
    }
    if let Some(capture) = &instruments.capture {
        let epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        capture.borrow_mut().set_base(epoch);
    }
    let captured = Capture::new(impaired, instruments.capture.clone());
    let sent = Observe::new(captured, Rc::clone(&observer), View::Sent);
    let (ending, device) = service.run(FinLast::new(Cut::new(sent, cli.segment)), out)?;

    let happened = device.inner().inner().inner().inner().counts();
    write_table(cli, &observer.borrow(), happened, out)?;
    Ok(ending)
}

/// What stays the same whatever the device is made of.
struct Service<'a> {
    cli: &'a Cli,
    settings: &'a TapSettings,
    watch: &'a TapWatch,
    stop: &'a UnixStream,
}

impl Service<'_> {
    /// Serves on a device, and gives it back.
    fn run<D: Line>(&self, mut device: D, out: &mut impl Write) -> Result<(Ending, D), DemoError> {
        let seed = RandomState::new().hash_one(SystemTime::now());
        let interface = tap::interface(&mut device, self.settings, seed);
        let mut server = assembly(self.cli).server(interface, WallClock::UNSET)?;
        for (service, port) in self.cli.services() {
            writeln!(out, "listening {service} {} {}:{port}", service.transport(), self.settings.device.address())?;
        }
        writeln!(out, "ready")?;
        out.flush()?;
        let mut log = |line: &dyn fmt::Display| eprintln!("{line}");
        let ending = tap::serve(&mut server, &mut device, self.watch, self.stop, &mut log);
        write_counts(server.pool().counts(), out)?;
        Ok((ending, device))
    }
}

/// A slot has 4 KiB for each of the socket's rings; the session's buffers hold the longest answer of every service.
fn assembly(cli: &Cli) -> Assembly {
    let every = Duration::from_secs(cli.keep_alive.into());
    Assembly {
        services: cli.services(),
        slots: cli.max_clients,
        ring: 4096,
        buffer: 4096,
        session: SessionConfig::default(),
        pool: PoolConfig { keep_alive: Some(KeepAlive { every, questions: QUESTIONS }), ..PoolConfig::default() },
        chat: framewright::service::ChatRules::default(),
        // Where segments are cut, sessions are to see each by itself.
        packets: if cli.segment.is_some() { 1 } else { PACKETS },
    }
}

/// Whether anything was asked for that takes more than serving.
fn is_watched(cli: &Cli) -> bool {
    cli.segment.is_some() || cli.impairments().any() || cli.trace || cli.pcap.is_some()
}

/// A pipe that is readable once Ctrl-C or SIGTERM came. The second signal ends the process at once.
fn stop_on_signals() -> io::Result<UnixStream> {
    let (reader, writer) = UnixStream::pair()?;
    let stopping = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // In this order: the first signal finds the flag still down.
        flag::register_conditional_shutdown(signal, 1, Arc::clone(&stopping))?;
        flag::register(signal, Arc::clone(&stopping))?;
        low_level::pipe::register(signal, writer.try_clone()?)?;
    }
    Ok(reader)
}

fn write_counts(counts: PoolCounts, out: &mut impl Write) -> io::Result<()> {
    let PoolCounts { opened, refused, ignored, abandoned, .. } = counts;
    writeln!(
        out,
        "{opened} clients served, {refused} refused, {ignored} SYNs left to come again, {abandoned} handshakes not completed"
    )
}

fn write_table(cli: &Cli, observer: &Observer, happened: ImpairCounts, out: &mut impl Write) -> io::Result<()> {
    writeln!(out)?;
    report::columns(out)?;
    for (service, port) in cli.services() {
        report::watched_row(cli.segment, service, observer.counts(port), out)?;
    }
    writeln!(out)?;
    report::accidents(cli.impairments(), happened, out)
}
