//! The services of `framewright`, by name.

use core::fmt;
use core::str::FromStr;

/// A service, by the name that a command line has for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum ServiceName {
    /// Removes the first ten characters of each message.
    Trim,
    /// Sends each message back.
    Echo,
    /// Answers each chunk with a greeting and the chunk.
    Hello,
    /// Tells the time.
    Time,
    /// Keeps values by keys.
    Kv,
    /// Is a chat room.
    Chat,
    /// Answers requests with typed content.
    Message,
    /// Sends each datagram back.
    UdpEcho,
}

/// What carries the messages of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Transport {
    /// A stream of bytes to each client.
    Tcp,
    /// Datagrams.
    Udp,
}

/// There is no service of this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct UnknownService;

impl ServiceName {
    /// All of them.
    pub const ALL: [Self; 8] =
        [Self::Trim, Self::Echo, Self::Hello, Self::Time, Self::Kv, Self::Chat, Self::Message, Self::UdpEcho];

    /// The name on a command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Trim => "trim",
            Self::Echo => "echo",
            Self::Hello => "hello",
            Self::Time => "time",
            Self::Kv => "kv",
            Self::Chat => "chat",
            Self::Message => "message",
            Self::UdpEcho => "udp-echo",
        }
    }

    /// The port where it is usually found.
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Trim => 4567,
            Self::Echo => 12345,
            Self::Hello => 65432,
            Self::Time => 65431,
            Self::Kv => 6380,
            Self::Chat => 5555,
            Self::Message => 65433,
            Self::UdpEcho => 3456,
        }
    }

    /// What carries its messages.
    pub const fn transport(self) -> Transport {
        match self {
            Self::UdpEcho => Transport::Udp,
            _ => Transport::Tcp,
        }
    }
}

impl Transport {
    /// `tcp` or `udp`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

impl FromStr for ServiceName {
    type Err = UnknownService;

    fn from_str(name: &str) -> Result<Self, UnknownService> {
        Self::ALL.into_iter().find(|service| service.name() == name).ok_or(UnknownService)
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for UnknownService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("there is no such service; the services are")?;
        ServiceName::ALL.into_iter().try_for_each(|service| write!(f, " {service}"))
    }
}

impl core::error::Error for UnknownService {}
