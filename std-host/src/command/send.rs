//! `framewright send`: one reply a message, each on a line of its own.

use std::ffi::OsString;
use std::io::{self, BufRead, Write};
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use clap::{Args, ValueEnum};
use framewright::framing::{Framing, Lines, U32};
use framewright_host::{Address, BufferedClient, ClientConfig, SocketOptions};

use super::{Failure, setting};

/// Send messages and print the replies, one a line.
///
/// A message is sent when the reply to the one before has come.
#[derive(Args, Debug)]
pub(super) struct Send {
    /// How messages are told apart in the stream
    #[arg(long, value_enum, default_value_t = FramingName::U32)]
    framing: FramingName,
    /// How long connecting may take
    #[arg(long, value_name = "SECS", default_value = "5", value_parser = setting::seconds)]
    connect_timeout: Duration,
    /// How long the server may be silent while a reply is waited for
    #[arg(long, value_name = "SECS", default_value = "5", value_parser = setting::seconds)]
    reply_timeout: Duration,
    /// The longest reply to accept
    #[arg(long, value_name = "BYTES", default_value_t = 16 << 20)]
    max_frame: u64,
    /// Size of the receive buffer: a power of two, 64 to 65536
    #[arg(long, value_name = "BYTES", default_value = "4096", value_parser = setting::buffer_size)]
    buffer_size: usize,
    /// The server: HOST:PORT, [IPv6]:PORT, or PORT for one on this machine
    #[arg(value_name = "ADDR")]
    server: Address,
    /// The messages [default: the lines of stdin, without their line ends]
    #[arg(value_name = "MESSAGE")]
    messages: Vec<OsString>,
}

/// The framings that can be chosen.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum FramingName {
    /// A length of four bytes, big-endian, then as many bytes
    U32,
    /// Text lines, ended by LF
    Lines,
}

impl Send {
    pub(super) fn run(self) -> Result<(), Failure> {
        match self.framing {
            FramingName::U32 => self.run_in(U32::new()),
            FramingName::Lines => self.run_in(Lines),
        }
    }

    fn run_in<L: Framing + Clone>(self, law: L) -> Result<(), Failure> {
        let options = SocketOptions {
            connect_timeout: Some(self.connect_timeout),
            read_timeout: Some(self.reply_timeout),
            write_timeout: Some(self.reply_timeout),
            ..SocketOptions::default()
        };
        let config = ClientConfig { buffer_size: self.buffer_size, max_frame: self.max_frame, options };
        let mut client = BufferedClient::connect_with(law, &self.server, config)?;
        let mut out = io::stdout().lock();
        if self.messages.is_empty() {
            let mut input = io::stdin().lock();
            let mut line = Vec::new();
            while input.read_until(b'\n', &mut line).map_err(|error| format!("cannot read stdin: {error}"))? > 0 {
                let message = line.strip_suffix(b"\n").unwrap_or(&line);
                exchange(&mut client, message, &mut out)?;
                line.clear();
            }
        } else {
            for message in &self.messages {
                exchange(&mut client, message.as_bytes(), &mut out)?;
            }
        }
        client.shutdown();
        Ok(())
    }
}

/// Sends one message and prints the reply to it.
fn exchange<L: Framing + Clone>(
    client: &mut BufferedClient<L>,
    message: &[u8],
    out: &mut impl Write,
) -> Result<(), Failure> {
    client.request(message, out)?;
    out.write_all(b"\n").and_then(|()| out.flush()).map_err(|error| format!("cannot write to stdout: {error}"))?;
    Ok(())
}
