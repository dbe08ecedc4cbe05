//! The command line.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use smoltcp::wire::Ipv4Cidr;

use crate::device::{Chance, Impairments};
use crate::services::{MAX_PORTS, ServiceName};

/// Framewright's services over smoltcp, a TCP/IP stack in user space, from fixed memory.
///
/// On a TAP interface it serves until Ctrl-C. On the loopback, the server and scripted clients run in this process over two
/// stacks, through segments cut as asked; every answer is checked, and a table says how messages lay in segments. Exit status: 0
/// done, and every answer was right; 1 not; 2 wrong usage.
#[derive(Clone, Debug, Parser)]
#[command(name = "smoltcp-demo", version)]
pub struct Cli {
    /// Services to offer, all if none is named; each with its port where it is not the usual one
    #[arg(value_name = "SERVICE[=PORT]", num_args = ..=MAX_PORTS)]
    pub offers: Vec<Offer>,

    /// The network
    #[arg(long, value_enum, default_value_t = DeviceChoice::Auto)]
    pub device: DeviceChoice,

    /// The name of the TAP interface; it is made if it is not there
    #[arg(long, value_name = "NAME", default_value = "framewright0", value_parser = interface_name)]
    pub tap: String,

    /// The server's address behind the TAP interface
    #[arg(long, value_name = "CIDR", default_value = "192.168.69.1/24", value_parser = cidr)]
    pub address: Ipv4Cidr,

    /// This machine's address on the TAP interface
    #[arg(long, value_name = "CIDR", default_value = "192.168.69.100/24", value_parser = cidr)]
    pub host_address: Ipv4Cidr,

    /// Cut TCP segments to so many bytes of payload [default: 1, 7, 536 and 1460, one after the other]
    #[arg(long, value_name = "BYTES")]
    pub segment: Option<NonZeroUsize>,

    /// Lose so many frames, from 0 to 1 or from 0% to 100%
    #[arg(long, value_name = "P", default_value = "0")]
    pub drop: Chance,

    /// Flip a bit in so many frames
    #[arg(long, value_name = "P", default_value = "0")]
    pub corrupt: Chance,

    /// Deliver so many frames twice
    #[arg(long, value_name = "P", default_value = "0")]
    pub duplicate: Chance,

    /// Hold so many frames back for up to 10 ms, so that others overtake them
    #[arg(long, value_name = "P", default_value = "0")]
    pub reorder: Chance,

    /// How long each frame takes, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub delay: u32,

    /// How many kilobits a second pass in each direction [default: any number]
    #[arg(long, value_name = "KBIT", value_parser = clap::value_parser!(u32).range(1..=8_000_000))]
    pub rate: Option<u32>,

    /// Where accidents and sequence numbers come from; the same number gives the same run
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,

    /// Write all frames to a file for Wireshark, as the server sees them
    #[arg(long, value_name = "FILE")]
    pub pcap: Option<PathBuf>,

    /// Show each segment with the messages in it; the clients of the loopback then come one after the other
    #[arg(long)]
    pub trace: bool,

    /// Clients that are served at a time; each has memory of its own from the start
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = slots)]
    pub max_clients: usize,

    /// On a TAP interface: ask a silent client every so many seconds whether it is there; after three questions without an answer
    /// it is gone
    #[arg(long, value_name = "SECS", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub keep_alive: u32,
}

/// What carries the frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DeviceChoice {
    /// A TAP interface where that is allowed, else the loopback
    Auto,
    /// A TAP interface of this machine: serves until Ctrl-C
    Tap,
    /// Two stacks in this process, on virtual time
    Loopback,
}

/// A service, and the port where it is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The service.
    pub service: ServiceName,
    /// Its port.
    pub port: u16,
}

impl Cli {
    /// What is to go wrong on the network.
    pub fn impairments(&self) -> Impairments {
        Impairments {
            drop: self.drop,
            corrupt: self.corrupt,
            duplicate: self.duplicate,
            reorder: self.reorder,
            delay: Duration::from_millis(self.delay.into()),
            // A kilobit is 125 bytes; more than 34 Gbit/s is no limit here.
            rate: self.rate.map(|kilobits| kilobits.saturating_mul(125)),
            seed: self.seed,
        }
    }

    /// The services and their ports.
    pub fn services(&self) -> Vec<(ServiceName, u16)> {
        if self.offers.is_empty() {
            ServiceName::ALL.map(|service| (service, service.default_port())).to_vec()
        } else {
            self.offers.iter().map(|offer| (offer.service, offer.port)).collect()
        }
    }
}

impl FromStr for Offer {
    type Err = String;

    fn from_str(offer: &str) -> Result<Self, String> {
        let (name, port) = match offer.split_once('=') {
            Some((name, port)) => (name, Some(port)),
            None => (offer, None),
        };
        let service: ServiceName = name.parse().map_err(|error| format!("{error}"))?;
        let port = match port {
            Some(port) => port.parse().map_err(|_| format!("'{port}' is not a port (1 to 65535)"))?,
            None => service.default_port(),
        };
        Ok(Self { service, port })
    }
}

/// The most clients: a slot has 16 KiB, and each is looked at in every turn.
const MAX_SLOTS: usize = 4096;

/// The most bytes of an interface's name on Linux.
const LONGEST_NAME: usize = 15;

fn interface_name(value: &str) -> Result<String, String> {
    if value.is_empty() || value.len() > LONGEST_NAME || value.contains(|c: char| c == '/' || c.is_whitespace()) {
        return Err(format!("an interface's name has 1 to {LONGEST_NAME} bytes, without slashes and spaces"));
    }
    Ok(value.into())
}

fn cidr(value: &str) -> Result<Ipv4Cidr, String> {
    let parsed: Option<Ipv4Cidr> = value.parse().ok();
    let usable = parsed.filter(|cidr| {
        let address = cidr.address();
        let ends = [cidr.network().address(), cidr.broadcast().unwrap_or(address)];
        cidr.prefix_len() < 31 && !ends.contains(&address) && !address.is_multicast() && !address.is_unspecified()
    });
    usable.ok_or_else(|| "it must be the address of a host and the length of its network, as 192.168.69.1/24".into())
}

fn slots(value: &str) -> Result<usize, String> {
    match value.parse() {
        Ok(slots @ 1..=MAX_SLOTS) => Ok(slots),
        _ => Err(format!("it must be a number from 1 to {MAX_SLOTS}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_may_name_its_port() {
        assert_eq!("trim".parse(), Ok(Offer { service: ServiceName::Trim, port: 4567 }));
        assert_eq!("echo=7".parse(), Ok(Offer { service: ServiceName::Echo, port: 7 }));
        assert!("echo=70000".parse::<Offer>().is_err());
        assert_eq!(
            "ecco".parse::<Offer>(),
            Err("there is no such service; the services are trim echo hello time kv chat message udp-echo".into())
        );
    }

    #[test]
    fn the_command_line_is_consistent() {
        <Cli as clap::CommandFactory>::command().debug_assert();
        let _: Cli = Cli::parse_from(["smoltcp-demo"]);
    }
}
