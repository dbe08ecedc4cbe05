//! Tests in a network namespace of their own, so that nothing of them touches the network of the machine.
//!
//! That takes Linux, and root or a system where users may have namespaces. Where neither is the case a test says so and passes as
//! skipped; with `FRAMEWRIGHT_REQUIRE_PEERS=1` it fails.

use std::env;
use std::process::{Command, Stdio};

use crate::peers;

/// Runs `body` in a namespace of its own that has a loopback and where TAP interfaces can be made: this program starts itself again in
/// there, for the test that is called `test`.
///
/// # Panics
/// `body` does, or there can be no namespace and that is not allowed.
pub fn inside(test: &str, body: impl FnOnce()) {
    if env::var_os(INSIDE).is_some() {
        body();
        return;
    }
    // All in one, since a test that is skipped must leave nothing behind.
    let ready = "ip link set dev lo up && test -r /dev/net/tun && test -w /dev/net/tun";
    match unshare().args(["sh", "-c", ready]).output() {
        Ok(probe) if probe.status.success() => {}
        Ok(probe) => {
            let why = String::from_utf8_lossy(&probe.stderr).trim().to_owned();
            return peers::skip(&format!("this needs a network namespace (as root, with /dev/net/tun): {why}"));
        }
        Err(error) => {
            return peers::skip(&format!(
                "this needs `unshare` and `ip`, of the packages util-linux and iproute2: {error}"
            ));
        }
    }
    let this = env::current_exe().expect("this test's file");
    let again = "ip link set dev lo up && exec \"$0\" --exact \"$1\" --nocapture";
    // What the harness in there counts is counted out here; what a test that fails says is on stderr.
    let status =
        unshare().args(["sh", "-c", again]).arg(this).arg(test).env(INSIDE, "1").stdout(Stdio::null()).status();
    assert!(status.expect("unshare, as a moment ago").success(), "{test} failed in its namespace");
}

fn unshare() -> Command {
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--net", "--"]);
    command
}

/// Set for the process inside the namespace.
const INSIDE: &str = "FRAMEWRIGHT_INSIDE_NAMESPACE";
