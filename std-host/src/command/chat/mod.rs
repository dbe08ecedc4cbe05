//! `framewright chat`: a member of a chat room.
//!
//! | module | what it does |
//! |---|---|
//! | [`plain`] | lines in, lines out, for pipes |
//! | [`screen`] | the terminal: keys in, frames out, everything put back at the end |
//! | [`view`] | what is on the screen, and what keys do: a model without I/O |
//! | [`conversation`], [`heard`], [`transcript`], [`roster`] | what the room says, and what is known from it |
//! | [`editor`], [`wrap`], [`palette`] | the line being written; columns; colours |
//! | [`link`] | the connection, kept up |

mod conversation;
mod editor;
mod heard;
mod link;
mod palette;
mod plain;
mod roster;
mod screen;
mod transcript;
mod view;
mod wrap;

use std::ffi::OsStr;
use std::io::{self, IsTerminal};
use std::time::Duration;

use clap::Args;
use framewright_host::{Address, ClientConfig, SocketOptions};

use super::Failure;
use super::setting::Timeouts;

/// Talk in a chat room.
///
/// In a terminal this is a full screen. Where stdin or stdout is no terminal, each line of stdin is said and each line of the
/// room printed; when stdin ends, the answers are waited for.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Chat {
    /// The server: HOST:PORT, [IPv6]:PORT, or PORT for one on this machine
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:5555")]
    addr: Address,
    /// Your name, up to 32 characters [default: the room makes one up]
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true, value_parser = one_line)]
    name: String,
    /// Plain lines, also in a terminal
    #[arg(long)]
    plain: bool,
    #[command(flatten)]
    timeouts: Timeouts,
}

impl Chat {
    pub(super) fn run(self) -> Result<(), Failure> {
        let options = SocketOptions { keep_alive: Some(KEEP_ALIVE), ..self.timeouts.options() };
        let config = ClientConfig { buffer_size: BUFFER_SIZE, options, ..ClientConfig::default() };
        let name = self.name.trim();
        if self.plain || !can_draw() {
            plain::run(&self.addr, config, name)
        } else {
            screen::run(&self.addr, config, name)
        }
    }
}

/// Whether there is a terminal on which a cursor can be moved.
fn can_draw() -> bool {
    let terminal = std::env::var_os("TERM");
    let dumb = terminal.is_none_or(|name| name.is_empty() || name == OsStr::new("dumb"));
    io::stdin().is_terminal() && io::stdout().is_terminal() && !dumb
}

fn one_line(text: &str) -> Result<String, String> {
    if text.contains(['\n', '\r']) { Err("a name is one line".to_owned()) } else { Ok(text.to_owned()) }
}

/// Bytes of each of the two buffers, and so of the longest line.
const BUFFER_SIZE: usize = 65536;

/// How long nobody may have said anything until the system asks whether the server is still there.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

const EXAMPLES: &str = "\
In the terminal:
  Enter says the line; /help lists what the room understands; /quit, Ctrl-C or Ctrl-D leaves
  PageUp and PageDown scroll, Esc goes to the newest line; Up and Down bring earlier lines back
  Tab completes a name; Ctrl-A, Ctrl-E, Ctrl-U, Ctrl-K, Ctrl-W edit as in a shell; Ctrl-Z suspends
  NO_COLOR=1 in the environment turns colours off

Examples:
  framewright chat --name ann
  framewright chat --addr example.org:5555 --name ann
  echo 'The build is green.' | framewright chat --name robot
  { echo /who; } | framewright chat --name robot | grep '^\\*  '
";
