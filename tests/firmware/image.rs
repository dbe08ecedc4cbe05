//! The programs for the board, as their own script builds them.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use framewright_tests::peers;

/// A program for the board.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Program {
    /// All services.
    Firmware,
    /// smoltcp alone, at the port of `echo`.
    RawEcho,
    /// Frames on the serial line, with `async`.
    SerialEcho,
    /// One that uses up its stack.
    Overflow,
}

/// What is needed to run a program.
#[derive(Clone, Debug)]
pub(crate) struct Tools {
    pub(crate) qemu: PathBuf,
    pub(crate) defmt_print: PathBuf,
    pub(crate) elf: PathBuf,
}

/// The tools to run this program, which is built first; `None` where something is missing and that is allowed.
///
/// # Panics
/// Something is missing, and that is not allowed; or the program cannot be built.
pub(crate) fn tools(program: Program) -> Option<Tools> {
    static PROGRAMS: OnceLock<Option<PathBuf>> = OnceLock::new();

    let qemu = peers::find("qemu-system-arm", "qemu-system-arm")?;
    let defmt_print = peers::find_or("defmt-print", "this needs the program `defmt-print`: cargo install defmt-print")?;
    if !has_target() {
        // As build.sh goes about it.
        for (name, package) in
            [("rustc", "rustc-web"), ("cargo", "cargo-web"), ("arm-none-eabi-ld", "binutils-arm-none-eabi")]
        {
            let debians = Path::new("/usr/bin").join(name);
            if !debians.exists() {
                peers::skip(&format!(
                    "this needs a Rust toolchain with the target thumbv7m-none-eabi, or {}, of the Debian package \
                     {package} (and rust-web-src)",
                    debians.display(),
                ));
                return None;
            }
        }
    }
    let programs = PROGRAMS.get_or_init(build).clone()?;
    let name = match program {
        Program::Firmware => "firmware",
        Program::RawEcho => "raw-echo",
        Program::SerialEcho => "serial-echo",
        Program::Overflow => "overflow",
    };
    Some(Tools { qemu, defmt_print, elf: programs.join(name) })
}

/// Whether the toolchain at hand can build for the board.
fn has_target() -> bool {
    let sysroot = Command::new("rustc").args(["--print", "sysroot"]).stderr(Stdio::null()).output();
    sysroot.is_ok_and(|output| {
        let sysroot = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim_end());
        sysroot.join("lib/rustlib/thumbv7m-none-eabi/lib").is_dir()
    })
}

/// The folder with the programs. Cargo sees to it that this is quick when nothing has changed, and done once when several tests
/// want it.
fn build() -> Option<PathBuf> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../smoltcp-demo/firmware/build.sh");
    let mut command = Command::new(script);
    command.arg("--locked").stdin(Stdio::null()).stderr(Stdio::piped());
    // What cargo tells the tests of this package is not meant for another build.
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("CARGO_PKG_") || name == "RUSTFLAGS") {
            command.env_remove(name);
        }
    }
    let output = command.output().expect("a script of this repository");
    assert!(output.status.success(), "cannot build the firmware:\n{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).lines().last().map(PathBuf::from)
}
