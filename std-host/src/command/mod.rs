//! The command line: what it takes, and which part of the program does it.

mod chat;
mod generate;
mod kv;
mod send;
mod serve;
mod setting;
mod state;
mod terminal;
mod time;

use std::io;
use std::process::ExitCode;

use clap::{Args, CommandFactory, Parser, Subcommand};
use tracing_subscriber::EnvFilter;

/// Serve framed messages over TCP, and send them.
#[derive(Debug, Parser)]
#[command(
    name = "framewright",
    version,
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true,
    after_long_help = EXAMPLES
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: serve::Serve,
    #[command(flatten)]
    logging: Logging,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve until Ctrl-C (the default command)
    Serve(serve::Serve),
    /// Send messages and print the replies, one a line
    Send(send::Send),
    Kv(kv::Kv),
    Chat(chat::Chat),
    Time(time::Time),
    #[command(subcommand, hide = true)]
    Generate(generate::Generate),
}

#[derive(Debug, Args)]
struct Logging {
    /// Log errors only
    #[arg(long, short, global = true, conflicts_with = "verbose", help_heading = "Logging (on stderr)")]
    quiet: bool,
    /// Log more: -v connections, -vv everything; the environment variable `RUST_LOG` chooses more finely
    #[arg(long, short, global = true, action = clap::ArgAction::Count, help_heading = "Logging (on stderr)")]
    verbose: u8,
}

/// Why a command failed, for exit status 1.
type Failure = Box<dyn std::error::Error>;

/// Does what the command line asks. Exit status: 0 done, 1 failed, 2 wrong usage (from clap).
pub(crate) fn run() -> ExitCode {
    let cli = Cli::parse();
    cli.logging.begin();
    let done = match cli.command.unwrap_or(Command::Serve(cli.serve)) {
        Command::Serve(serve) => serve.run(),
        Command::Send(send) => send.run(),
        Command::Kv(kv) => kv.run(),
        Command::Chat(chat) => chat.run(),
        Command::Time(time) => time.run(),
        Command::Generate(generate) => generate.run(Cli::command()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("framewright: {error}");
            ExitCode::FAILURE
        }
    }
}

impl Logging {
    fn begin(&self) {
        let level = match (self.quiet, self.verbose) {
            (true, _) => "error",
            (false, 0) => "info",
            (false, 1) => "debug",
            (false, _) => "trace",
        };
        let chosen = self.quiet || self.verbose > 0;
        let filter = match EnvFilter::try_from_default_env() {
            Ok(filter) if !chosen => filter,
            _ => EnvFilter::new(level),
        };
        tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_target(false)
            .with_writer(io::stderr)
            .with_ansi(std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()) && is_terminal())
            .init();
    }
}

fn is_terminal() -> bool {
    use std::io::IsTerminal;
    io::stderr().is_terminal()
}

const EXAMPLES: &str = "\
Examples:
  framewright                              all services at their default ports on 127.0.0.1
  framewright serve echo                   one service
  framewright serve trim=0.0.0.0:4567 echo=[::1]:7000
                                           services at addresses of choice
  framewright serve echo=0 --idle-timeout 30
                                           at any free port; see the `listening` line
  framewright send 127.0.0.1:4567 'Four score and seven years ago'
                                           prints ` and seven years ago`
  framewright send 4567 < FILE             each line of a file is a message
  framewright send --udp 3456 hello        as a datagram
  framewright kv SET key value             a key-value store; see `framewright kv --help`
  framewright chat --name ann              a chat room; see `framewright chat --help`
  framewright time                         the server's time
  framewright generate completions bash    completions for a shell; `generate man DIR` writes manual pages
";
