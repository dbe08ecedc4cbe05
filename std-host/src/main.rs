//! The command `framewright`: serves the services, and talks to servers.

mod command;

use std::process::ExitCode;

fn main() -> ExitCode {
    command::run()
}
