//! `framewright time`: asks a server for its time, and prints it.

use clap::Args;
use framewright::framing::Raw;
use framewright_host::{Address, BufferedClient, ClientConfig};

use super::setting::Timeouts;
use super::{Failure, terminal};

/// Ask a server for its local time, and print it.
///
/// The time is ISO 8601 with microseconds and UTC offset.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Time {
    /// The server: HOST:PORT, [IPv6]:PORT, or PORT for one on this machine
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:65431")]
    addr: Address,
    #[command(flatten)]
    timeouts: Timeouts,
}

impl Time {
    pub(super) fn run(self) -> Result<(), Failure> {
        let config = ClientConfig { options: self.timeouts.options(), ..ClientConfig::default() };
        let mut client = BufferedClient::connect_with(Raw, &self.addr, config)?;
        let mut time = Vec::new();
        client.receive_reply(&mut time)?;
        // It ends where the server closes, and may come in pieces.
        while time.len() <= LONGEST && client.receive_to(&mut time)? {}
        client.shutdown();
        if time.len() > LONGEST {
            return Err(format!("{} sends something else than a time: is it a `time` server?", self.addr).into());
        }
        Ok(terminal::print_line(time.trim_ascii_end())?)
    }
}

/// Bytes that a time has at most, in any of the forms that servers may choose: RFC 3339 needs 35.
const LONGEST: usize = 128;

const EXAMPLES: &str = "\
Examples:
  framewright time                         prints the likes of `2026-11-21T08:12:33.123456+00:00`
  framewright time --addr example.org:65431
";
