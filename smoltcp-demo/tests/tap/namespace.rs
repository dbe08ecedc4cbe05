//! Runs a test in a network namespace of its own, and says what the machine lacks for that.

use std::any::type_name;
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;

/// Set for the process inside the namespace.
const INSIDE: &str = "FRAMEWRIGHT_INSIDE_NAMESPACE";

/// Runs `body`, a closure in a test, in a process in a namespace of its own: that process is this program again, told to run this test.
pub(crate) fn in_a_namespace<F: Fn()>(body: F) {
    if std::env::var_os(INSIDE).is_some() {
        body();
        return;
    }
    if let Err(why) = namespaces_work() {
        skip(&format!("this needs root, or namespaces for users, and a TAP driver: {why}"));
        return;
    }
    let this = std::env::current_exe().expect("this test's file");
    let test = test_of::<F>();
    let output = unshare().arg(this).args(["--exact", &test, "--nocapture"]).env(INSIDE, "1").output();
    let output = output.expect("unshare starts");
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    // A name that fits no test would run none, and fail none.
    assert!(output.status.success() && stdout.contains("1 passed"), "{test} in its namespace:\n{stdout}{stderr}");
    stderr.lines().filter(|line| line.starts_with("skipped")).for_each(tell);
}

/// The program `name`, which the Debian package `package` has; `None` where it is missing and that is allowed.
pub(crate) fn find(name: &str, package: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|directory| directory.join(name)).find(|program| program.is_file());
    if found.is_none() {
        skip(&format!("this needs the program `{name}`, of the Debian package {package}"));
    }
    found
}

/// Runs `ip` with these arguments, which are separated by spaces.
pub(crate) fn ip(arguments: &str) -> String {
    let output = Command::new("ip").args(arguments.split(' ')).output().expect("ip starts");
    assert!(output.status.success(), "ip {arguments}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

/// Says that a test is skipped for what it misses; a failure where nothing may be missing.
fn skip(missing: &str) {
    assert!(std::env::var_os("FRAMEWRIGHT_REQUIRE_PEERS").is_none_or(|required| required != "1"), "{missing}");
    let test = std::thread::current().name().unwrap_or_default().to_owned();
    tell(&format!("skipped {test}: {missing}"));
}

/// Not by `eprintln!`: what tests print so is hidden when they pass.
fn tell(line: &str) {
    let _ = std::io::stderr().write_all(format!("\n{line}\n").as_bytes());
}

fn unshare() -> Command {
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--net", "--"]);
    command
}

/// Whether a namespace can be had, and a TAP interface in it.
fn namespaces_work() -> Result<(), String> {
    let probe =
        unshare().args(["sh", "-c", "ip link show lo && test -r /dev/net/tun && test -w /dev/net/tun"]).output();
    match probe {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        Err(error) => Err(format!("unshare: {error}")),
    }
}

/// The test in which a closure is written, as the harness calls it: its type is `CRATE::MODULE::TEST::{{closure}}`.
fn test_of<F>() -> String {
    let name = type_name::<F>();
    let path = name.split_once("::").map_or(name, |(_, path)| path);
    path.trim_end_matches("::{{closure}}").to_owned()
}
