//! `framewright kv`: asks the key-value store one thing, and prints the answer.

use clap::error::ErrorKind;
use clap::{Args, CommandFactory};
use framewright::framing::Delimited;
use framewright_host::{Address, BufferedClient, ClientConfig};

use super::setting::Timeouts;
use super::{Cli, Failure, terminal};

/// Ask the key-value store, and print its answer.
///
/// Exit status: 0 done, 1 failed or the server answered ERROR, 2 wrong usage.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
#[command(
    override_usage = "framewright kv [OPTIONS] GET KEY\n       framewright kv [OPTIONS] SET KEY VALUE...\n       \
                            framewright kv [OPTIONS] DELETE KEY"
)]
pub(super) struct Kv {
    /// The server: HOST:PORT, [IPv6]:PORT, or PORT for one on this machine
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:6380")]
    addr: Address,
    #[command(flatten)]
    timeouts: Timeouts,
    /// GET, SET or DELETE, in any case
    #[arg(value_name = "COMMAND")]
    command: String,
    /// A word without white space
    #[arg(value_name = "KEY")]
    key: String,
    /// What SET stores: one line of text; several arguments are joined by spaces
    #[arg(value_name = "VALUE", allow_negative_numbers = true)]
    value: Vec<String>,
}

impl Kv {
    pub(super) fn run(self) -> Result<(), Failure> {
        let request = match self.request() {
            Ok(request) => request,
            Err(why) => wrong_usage(&why),
        };
        let config = ClientConfig { options: self.timeouts.options(), ..ClientConfig::default() };
        let mut client = BufferedClient::connect_with(LINES, &self.addr, config)?;
        let mut answer = Vec::new();
        client.request(request.as_bytes(), &mut answer)?;
        client.shutdown();
        let answer = answer.strip_suffix(b"\r").unwrap_or(&answer);
        terminal::print_line(answer)?;
        if answer == b"ERROR" { Err(self.why_error().into()) } else { Ok(()) }
    }

    /// The line to send, or what is wrong with it. What the server would misunderstand is not sent: it would cut a key at its
    /// first white space.
    fn request(&self) -> Result<String, String> {
        let command = self.command.to_ascii_uppercase();
        let value = self.value.join(" ");
        match (command.as_str(), value.trim()) {
            ("GET" | "DELETE", _) if self.value.is_empty() => {}
            ("GET" | "DELETE", _) => return Err(format!("{command} takes a key and no more")),
            ("SET", "") => return Err("SET takes a key and a value that is not blank".to_owned()),
            ("SET", _) => {}
            _ => return Err(format!("there is no command `{}`: use GET, SET or DELETE", self.command)),
        }
        if self.key.is_empty() || self.key.contains(char::is_whitespace) {
            return Err("a key is one word: at least one character, and no white space".to_owned());
        }
        if value.contains(['\n', '\r']) {
            return Err("a value is one line: it cannot have a line break".to_owned());
        }
        let mut request = format!("{command} {}", self.key);
        if !self.value.is_empty() {
            request.push(' ');
            request.push_str(&value);
        }
        Ok(request)
    }

    fn why_error(&self) -> String {
        let guess = match self.command.to_ascii_uppercase().as_str() {
            "SET" => "the value may be too long, or the store full",
            _ => "most likely it has no such key",
        };
        format!("{} answered ERROR: {guess}; the server's log says why", self.addr)
    }
}

/// Ends the program as `clap` does.
fn wrong_usage(why: &str) -> ! {
    let mut cli = Cli::command();
    cli.build();
    let kv = cli.find_subcommand_mut("kv").expect("this is how it got here");
    kv.error(ErrorKind::ValueValidation, why).exit()
}

/// Answers end in LF. The end of the stream does not end one: a server that died would be taken at half its word.
const LINES: Delimited = Delimited::new(b'\n');

const EXAMPLES: &str = "\
Examples:
  framewright kv SET motto 'Four score and seven years ago'
                                           prints `OK`
  framewright kv SET motto Four score      the same with several arguments
  framewright kv GET motto                 prints the value
  framewright kv SET depth -- -v           a value that looks like an option
  framewright kv --addr [::1]:6380 DELETE motto
                                           prints `OK`, or `ERROR` with exit status 1 when there is none
";
