//! `framewright serve`: the services of the table, on one [`BufferedServer`].

use std::io::{self, Write};
use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use clap::Args;
use framewright_host::services::{self, Entry};
use framewright_host::{Address, BufferedServer, ServerConfig, Stopper};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::{flag, low_level};
use tracing::warn;

use super::{Failure, setting, state};

/// Serve until Ctrl-C.
#[derive(Args, Debug)]
pub(super) struct Serve {
    /// What to serve, each at its default port on 127.0.0.1 or at an address: HOST:PORT, [IPv6]:PORT, or PORT; port 0 is any
    /// free one. None named: all there are
    #[arg(value_name = "SERVICE[=ADDR]")]
    services: Vec<Chosen>,
    /// Size of each connection's two buffers: a power of two, 64 to 65536; connections of kv, chat and message have larger ones
    /// where a line or an answer needs them
    #[arg(long, value_name = "BYTES", default_value = "4096", value_parser = setting::buffer_size)]
    buffer_size: usize,
    /// The longest message to accept
    #[arg(long, value_name = "BYTES", default_value_t = 16 << 20)]
    max_frame: u64,
    /// How many clients are served at once; the next one is refused
    #[arg(long, value_name = "N", default_value = "4096", value_parser = setting::clients)]
    max_clients: usize,
    /// Close connections on which nothing moved for so long [default: never]
    #[arg(long, value_name = "SECS", value_parser = setting::seconds)]
    idle_timeout: Option<Duration>,
    /// How many connections may wait to be accepted
    #[arg(long, value_name = "N", default_value_t = 1024)]
    backlog: u32,
    #[command(flatten)]
    state: state::State,
}

/// A service, and where.
#[derive(Clone, Debug)]
struct Chosen {
    entry: &'static Entry,
    address: Address,
}

impl Serve {
    pub(super) fn run(self) -> Result<(), Failure> {
        let chat = self.services.is_empty() || self.services.iter().any(|chosen| chosen.entry.name == "chat");
        raise_file_limit(self.max_clients, chat);
        let mut server = BufferedServer::new(ServerConfig {
            buffer_size: self.buffer_size,
            max_frame: self.max_frame,
            max_clients: self.max_clients,
            idle_timeout: self.idle_timeout,
            backlog: self.backlog,
            ..ServerConfig::default()
        })?;
        stop_on_signals(&server.stopper())?;
        let state = self.state.open(self.max_clients)?;
        let chosen =
            if self.services.is_empty() { services::ALL.iter().map(Chosen::from).collect() } else { self.services };
        let mut listening = Vec::new();
        for Chosen { entry, address } in chosen {
            for address in entry.listen(&mut server, &address, &state)? {
                listening.push((entry, address));
            }
        }
        if listening.iter().any(|(entry, _)| entry.has_state()) {
            self.state.tell_place();
        }
        announce(&listening).map_err(|error| format!("cannot write to stdout: {error}"))?;
        server.start()?;
        server.shutdown();
        Ok(())
    }
}

impl From<&'static Entry> for Chosen {
    fn from(entry: &'static Entry) -> Self {
        Self { entry, address: Address::new(Address::DEFAULT_HOST, entry.port) }
    }
}

impl FromStr for Chosen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, address) = text.split_once('=').map_or((text, None), |(name, address)| (name, Some(address)));
        let Some(entry) = services::find(name) else {
            let names: Vec<_> = services::ALL.iter().map(|entry| entry.name).collect();
            return Err(format!("there is no service `{name}`; the services are {}", names.join(", ")));
        };
        let mut chosen = Self::from(entry);
        if let Some(address) = address {
            chosen.address = address.parse().map_err(|error| format!("{error}"))?;
        }
        Ok(chosen)
    }
}

/// The lines on stdout that programs wait for.
fn announce(listening: &[(&Entry, SocketAddr)]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for (entry, address) in listening {
        writeln!(out, "listening {} {} {address}", entry.name, entry.transport())?;
    }
    writeln!(out, "ready")?;
    out.flush()
}

/// The first Ctrl-C or SIGTERM stops the server in an orderly way, the second one at once.
fn stop_on_signals(stopper: &Stopper) -> Result<(), Failure> {
    let stopping = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // In this order: the first signal finds the flag still down.
        flag::register_conditional_shutdown(signal, 1, Arc::clone(&stopping))?;
        flag::register(signal, Arc::clone(&stopping))?;
        low_level::pipe::register(signal, stopper.trigger()?)?;
    }
    Ok(())
}

/// Each client takes a file descriptor, one of the chat takes two, and the usual soft limit of 1024 is meant for programs that use
/// `select`.
fn raise_file_limit(clients: usize, chat: bool) {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let allowed = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(_) => limit.current,
    };
    let each = if chat { 2 } else { 1 };
    let wanted = (clients as u64).saturating_mul(each) + DESCRIPTORS_BESIDE_CLIENTS;
    if allowed.is_some_and(|allowed| allowed < wanted) {
        warn!(
            "--max-clients {clients} is more than the limit of {} open files allows (`ulimit -n`)",
            allowed.unwrap_or_default()
        );
    }
}

/// Standard streams, the stop pipe, a listener for each service, and clients that are turned away, generously.
const DESCRIPTORS_BESIDE_CLIENTS: u64 = 128;
