//! Where a server listens or a client connects, as people write it, and what a name resolves to.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::str::FromStr;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use crate::errors::{Doing, ErrorKind, HostError};

/// A host and a port, as in `localhost:4567`, `[::1]:4567`, or `4567` (which is `127.0.0.1:4567`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    host: String,
    port: u16,
}

/// A text that is no [`Address`]; it says what is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressError(String);

impl Address {
    /// The host where only a port is given.
    pub const DEFAULT_HOST: &str = "127.0.0.1";

    /// The address of `port` at `host`, a name or an IP address (IPv6 without brackets).
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self { host: host.into(), port }
    }

    /// The host name or IP address, IPv6 without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port; 0 is any free one, to listen.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// All socket addresses that this stands for, in the order in which the system wants them tried; at least one.
    ///
    /// # Errors
    /// [`ErrorKind::NameNotFound`]; [`ErrorKind::TimedOut`] where name servers take longer than `timeout`.
    pub fn resolve(&self, timeout: Option<Duration>) -> Result<Vec<SocketAddr>, HostError> {
        if let Ok(ip) = self.host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(ip, self.port)]);
        }
        let found = match timeout {
            None => self.look_up(),
            Some(timeout) => self.look_up_within(timeout)?,
        };
        match found {
            Ok(addresses) if addresses.is_empty() => {
                Err(HostError::plain(Doing::Resolving, &self.host, ErrorKind::NameNotFound))
            }
            Ok(addresses) => Ok(addresses),
            Err(error) => Err(HostError::system(Doing::Resolving, &self.host, error)),
        }
    }

    fn look_up(&self) -> io::Result<Vec<SocketAddr>> {
        Ok((self.host.as_str(), self.port).to_socket_addrs()?.collect())
    }

    /// The C library's look-up cannot be given a deadline, so it is left behind in a thread of its own when it takes too long.
    fn look_up_within(&self, timeout: Duration) -> Result<io::Result<Vec<SocketAddr>>, HostError> {
        let (tell, told) = mpsc::sync_channel(1);
        let address = self.clone();
        let looking = thread::Builder::new().name("look-up".into()).spawn(move || tell.send(address.look_up()));
        if let Err(error) = looking {
            return Ok(Err(error));
        }
        match told.recv_timeout(timeout) {
            Ok(found) => Ok(found),
            Err(RecvTimeoutError::Timeout) => Err(HostError::timed_out(Doing::Resolving, &self.host, timeout)),
            Err(RecvTimeoutError::Disconnected) => Ok(Err(io::Error::other("the look-up ended without an answer"))),
        }
    }
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        Self::new(address.ip().to_string(), address.port())
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let wrong = |what: &str| Err(AddressError(format!("{what}: write HOST:PORT, [IPv6]:PORT or PORT")));
        if text.parse::<Ipv6Addr>().is_ok() {
            return wrong("an IPv6 address needs brackets and a port");
        }
        let (host, port) = text.rsplit_once(':').unwrap_or((Self::DEFAULT_HOST, text));
        let host = match host.strip_prefix('[').map(|rest| rest.strip_suffix(']')) {
            Some(Some(inner)) => inner,
            Some(None) => return wrong("a bracket is not closed"),
            None if host.contains(':') => return wrong("an IPv6 address needs brackets"),
            None => host,
        };
        if host.is_empty() || host.contains(char::is_whitespace) {
            return wrong("the host is missing");
        }
        match port.parse() {
            Ok(port) if port_is_plain(text) => Ok(Self::new(host, port)),
            _ if port.bytes().all(|byte| byte.is_ascii_digit()) && !port.is_empty() => wrong("a port is at most 65535"),
            _ => wrong("the port is missing, or is no number"),
        }
    }
}

/// `u16::from_str` takes a leading `+`, which no port has.
fn port_is_plain(text: &str) -> bool {
    !text.rsplit(':').next().unwrap_or_default().starts_with('+')
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for AddressError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_may_be_a_name_an_ip_address_or_missing() {
        for (text, host, port) in [
            ("localhost:4567", "localhost", 4567),
            ("127.0.0.2:1", "127.0.0.2", 1),
            ("[::1]:65535", "::1", 65535),
            ("0", "127.0.0.1", 0),
        ] {
            assert_eq!(text.parse(), Ok(Address::new(host, port)), "{text}");
        }
        assert_eq!("[::1]:80".parse::<Address>().unwrap().to_string(), "[::1]:80");
        assert_eq!("80".parse::<Address>().unwrap().to_string(), "127.0.0.1:80");
    }

    #[test]
    fn an_address_that_is_none_is_told_why() {
        for (text, why) in [
            ("", "the port is missing, or is no number"),
            ("localhost", "the port is missing, or is no number"),
            ("localhost:", "the port is missing, or is no number"),
            ("localhost:+80", "the port is missing, or is no number"),
            ("localhost:65536", "a port is at most 65535"),
            (":80", "the host is missing"),
            ("a b:80", "the host is missing"),
            ("::1", "an IPv6 address needs brackets and a port"),
            ("::1:4567", "an IPv6 address needs brackets and a port"),
            ("fe80::x:4567", "an IPv6 address needs brackets"),
            ("[::1:80", "a bracket is not closed"),
        ] {
            let error = text.parse::<Address>().unwrap_err().to_string();
            assert_eq!(error, format!("{why}: write HOST:PORT, [IPv6]:PORT or PORT"), "{text:?}");
        }
    }
}
