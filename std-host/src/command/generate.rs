//! `framewright generate`: shell completions and manual pages, for those who package the program. Hidden from the help.
//!
//! ```text
//! framewright generate completions bash > /etc/bash_completion.d/framewright
//! framewright generate man /usr/local/share/man/man1
//! ```

use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Command, Subcommand};
use clap_complete::Shell;
use clap_mangen::Man;

use super::Failure;

/// Generate shell completions and manual pages
#[derive(Debug, Subcommand)]
pub(super) enum Generate {
    /// Print completions for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print the manual page, or write it and one for each command to a directory
    Man {
        /// The directory, which must exist
        directory: Option<PathBuf>,
    },
}

impl Generate {
    pub(super) fn run(self, mut command: Command) -> Result<(), Failure> {
        let mut text = Vec::new();
        match self {
            Self::Completions { shell } => {
                let name = command.get_name().to_owned();
                clap_complete::generate(shell, &mut command, name, &mut text);
            }
            Self::Man { directory: None } => Man::new(command).render(&mut text)?,
            Self::Man { directory: Some(directory) } => {
                return clap_mangen::generate_to(command, &directory)
                    .map_err(|error| format!("cannot write to {}: {error}", directory.display()).into());
            }
        }
        io::stdout().write_all(&text).map_err(|error| format!("cannot write to stdout: {error}").into())
    }
}
