//! What is particular to the host: sockets, threads, processes, and what the system runs out of. The conversations that
//! every front end must get right are in the package `framewright-tests`.

mod child;
mod client;
mod command;
mod datagram;
mod duplex;
mod errors;
mod exhaustion;
mod server;

use std::time::{Duration, Instant};

/// Waits until `holds`, or fails.
fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !holds() {
        assert!(begin.elapsed() < PATIENCE, "waited {PATIENCE:?} in vain until {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A message in the `u32` framing.
fn frame(payload: &[u8]) -> Vec<u8> {
    let mut bytes = u32::try_from(payload.len()).unwrap().to_be_bytes().to_vec();
    bytes.extend_from_slice(payload);
    bytes
}

/// How long a test waits for what must happen: long, for machines that are busy.
const PATIENCE: Duration = Duration::from_secs(30);
