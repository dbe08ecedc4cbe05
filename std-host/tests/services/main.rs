//! The services of `framewright serve`, each by real sockets: what clients are answered, what they are not, and what they cost
//! each other.

mod chat;
#[path = "../host/child.rs"]
#[allow(dead_code, reason = "the tests of the server use the rest of it")]
mod child;
mod client;
mod crowd;
mod durable;
mod hello;
mod history;
mod kv;
mod message;
mod restart;
mod time;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use std::{env, fs, process, thread};

/// Waits until `holds`, or fails.
fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !holds() {
        assert!(begin.elapsed() < PATIENCE, "waited {PATIENCE:?} in vain until {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// A directory of one test's own; gone when it is dropped.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = env::temp_dir().join(format!("framewright-{}-{number}", process::id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }

    /// The database that a server makes here.
    fn database(&self) -> PathBuf {
        self.0.join(Path::new("framewright.redb"))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// How long a test waits for what must happen: long, for machines that are busy.
const PATIENCE: Duration = Duration::from_secs(30);
