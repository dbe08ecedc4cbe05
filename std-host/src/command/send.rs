//! `framewright send`: one reply a message, each on a line of its own.

use std::ffi::OsString;
use std::io::{self, BufRead, StdoutLock, Write};
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use clap::{Args, ValueEnum};
use framewright::framing::{Framing, JsonHeader, Lines, Raw, U32};
use framewright_host::{Address, BufferedClient, ClientConfig, DatagramClient, SocketOptions};

use super::{Failure, setting};

/// Send messages and print the replies, one a line.
///
/// A message is sent when the reply to the one before has come.
#[derive(Args, Debug)]
pub(super) struct Send {
    /// Send each message as a datagram
    #[arg(long, conflicts_with_all = ["framing", "max_frame", "buffer_size"])]
    udp: bool,
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
    /// None: the bytes of a message as they are. A reply is what one read returns, so a long one may be cut
    Raw,
    /// `[u16 length][JSON header][content]`: a message is JSON text, the content of a `text/json` request; the content of the reply
    /// is printed
    JsonHeader,
}

impl Send {
    pub(super) fn run(self) -> Result<(), Failure> {
        match self.framing {
            _ if self.udp => {
                let mut client = DatagramClient::connect(&self.server, &self.options())?;
                self.exchange_all(|message, out| {
                    Ok(out.write_all(client.request(message)?).map_err(|error| stdout(&error))?)
                })
            }
            FramingName::U32 => self.run_in(U32::new()),
            FramingName::Lines => self.run_in(Lines),
            FramingName::Raw => self.run_in(Raw),
            FramingName::JsonHeader => self.run_in(JsonHeader::TEXT),
        }
    }

    fn run_in<L: Framing + Clone>(&self, law: L) -> Result<(), Failure> {
        let config = ClientConfig { buffer_size: self.buffer_size, max_frame: self.max_frame, options: self.options() };
        let mut client = BufferedClient::connect_with(law, &self.server, config)?;
        self.exchange_all(|message, out| match self.framing {
            FramingName::Raw if message.is_empty() => {
                Err("an empty message is no byte at all in `--framing raw`".into())
            }
            _ => Ok(client.request(message, out)?),
        })?;
        client.shutdown();
        Ok(())
    }

    fn options(&self) -> SocketOptions {
        SocketOptions {
            connect_timeout: Some(self.connect_timeout),
            read_timeout: Some(self.reply_timeout),
            write_timeout: Some(self.reply_timeout),
            ..SocketOptions::default()
        }
    }

    /// Calls `exchange` with each message; it sends that and writes the reply, and a line end is written behind it.
    fn exchange_all(
        &self,
        mut exchange: impl FnMut(&[u8], &mut StdoutLock<'static>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        let mut exchange = |message: &[u8]| -> Result<(), Failure> {
            exchange(message, &mut out)?;
            Ok(out.write_all(b"\n").and_then(|()| out.flush()).map_err(|error| stdout(&error))?)
        };
        if !self.messages.is_empty() {
            return self.messages.iter().try_for_each(|message| exchange(message.as_bytes()));
        }
        let mut input = io::stdin().lock();
        let mut line = Vec::new();
        while input.read_until(b'\n', &mut line).map_err(|error| format!("cannot read stdin: {error}"))? > 0 {
            exchange(line.strip_suffix(b"\n").unwrap_or(&line))?;
            line.clear();
        }
        Ok(())
    }
}

fn stdout(error: &io::Error) -> String {
    format!("cannot write to stdout: {error}")
}
