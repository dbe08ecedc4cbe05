//! The programs of others that Framewright is tried with, as far as they are on this machine.
//!
//! A test whose program is missing says which package has it and passes as skipped. With `FRAMEWRIGHT_REQUIRE_PEERS=1`, as in CI
//! where all of them are installed, it fails.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use crate::server::PATIENCE;

/// The program `name`, which the Debian package `package` has; `None` where it is missing and that is allowed.
///
/// # Panics
/// It is missing, and that is not allowed.
pub fn find(name: &str, package: &str) -> Option<PathBuf> {
    find_or(name, &format!("this needs the program `{name}`, of the Debian package {package}"))
}

/// As [`find`], for a program that no package has: `missing` says where it comes from.
///
/// # Panics
/// As [`find`].
pub fn find_or(name: &str, missing: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&path).map(|directory| directory.join(name)).find(|program| is_executable(program));
    if found.is_none() {
        skip(missing);
    }
    found
}

/// The interpreter `name` of the Debian package `package`, if it has the module that it loads with the arguments `load`, which
/// `module` has; `None` where one of them is missing and that is allowed.
///
/// # Panics
/// It is missing, and that is not allowed.
pub fn find_with_module(name: &str, package: &str, load: &[&str], module: &str) -> Option<PathBuf> {
    let interpreter = find(name, package)?;
    let loaded = Command::new(&interpreter).args(load).stdin(Stdio::null()).stderr(Stdio::null()).status();
    if loaded.is_ok_and(|status| status.success()) {
        return Some(interpreter);
    }
    skip(&format!("this needs {module}"));
    None
}

/// Says that a test is skipped for what it misses.
///
/// # Panics
/// That is not allowed.
pub fn skip(missing: &str) {
    assert!(env::var_os("FRAMEWRIGHT_REQUIRE_PEERS").is_none_or(|required| required != "1"), "{missing}");
    // Not by `eprintln!`: what tests print so is hidden when they pass.
    let test = thread::current().name().unwrap_or_default().to_owned();
    let _ = io::stderr().write_all(format!("\nskipped {test}: {missing}\n").as_bytes());
}

/// Runs a program to its end, with `input` on its stdin up to the moment when `reply` bytes have come on its stdout: some programs
/// leave as soon as their stdin ends. Then stdin is closed, and what it printed comes back.
///
/// # Panics
/// It does not start, or not end within a minute.
pub fn run(command: &mut Command, input: &[u8], reply: usize) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut stdin = child.stdin.take().expect("it was piped");
    let mut stdout = child.stdout.take().expect("it was piped");
    let mut stderr = child.stderr.take().expect("it was piped");
    let mut printed = vec![0; reply];
    thread::scope(|scope| {
        let errors = scope.spawn(move || {
            let mut errors = Vec::new();
            let _ = stderr.read_to_end(&mut errors);
            errors
        });
        let reading = scope.spawn(move || {
            let mut read = 0;
            while let Ok(n @ 1..) = stdout.read(&mut printed[read..]) {
                read += n;
            }
            printed.truncate(read);
            (printed, stdout)
        });
        // It may end without reading all; then what it printed tells.
        let _ = stdin.write_all(input);
        let _ = stdin.flush();
        wait_while(&mut child, || !reading.is_finished());
        drop(stdin);
        let (mut printed, mut stdout) = reading.join().expect("a thread that does not panic");
        let rest = scope.spawn(move || {
            let _ = stdout.read_to_end(&mut printed);
            printed
        });
        wait_while(&mut child, || !rest.is_finished());
        let stdout = rest.join().expect("a thread that does not panic");
        let status = child.wait().expect("a process of this test");
        Output { status, stdout, stderr: errors.join().expect("a thread that does not panic") }
    })
}

/// A file of this directory: a client in another language.
pub fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// Waits while `busy`; kills a program that takes too long, so that nothing waits for it any more.
fn wait_while(child: &mut Child, busy: impl Fn() -> bool) {
    let begin = Instant::now();
    while busy() {
        if begin.elapsed() > PATIENCE {
            let _ = child.kill();
            panic!("the program did not end");
        }
        thread::sleep(Duration::from_millis(2));
    }
}

fn is_executable(program: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(program).is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}
