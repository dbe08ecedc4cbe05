//! The commands `framewright serve` and `smoltcp-demo` in a process of their own.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime};
use std::{env, fs};

use rustix::process::{Pid, Signal, kill_process};

/// How long to wait for what must happen: long, for machines that are busy.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// A server process. It is killed when this is dropped; where a test fails, its log is printed.
#[derive(Debug)]
pub struct ServerProcess {
    child: Child,
    listening: Vec<String>,
    log: Arc<Mutex<String>>,
    logging: Option<JoinHandle<()>>,
}

impl ServerProcess {
    /// `framewright serve ARGS`, once it says that it is ready.
    ///
    /// # Panics
    /// It cannot be built or does not become ready.
    pub fn start(args: &[&str]) -> Self {
        Self::ready(Command::new(framewright()).arg("serve").args(args))
    }

    /// `smoltcp-demo --device tap ARGS`, once it says that it is ready. For a test in a
    /// [namespace](crate::namespace) of its own.
    ///
    /// # Panics
    /// It cannot be built or does not become ready.
    pub fn on_tap(args: &[&str]) -> Self {
        Self::ready(Command::new(smoltcp_demo()).args(["--device", "tap"]).args(args))
    }

    fn ready(command: &mut Command) -> Self {
        let mut child = command
            .env_remove("RUST_LOG")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the command starts");
        let log = Arc::new(Mutex::new(String::new()));
        let kept = Arc::clone(&log);
        let stderr = BufReader::new(child.stderr.take().expect("it was piped"));
        let logging = Some(thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                let mut log = kept.lock().expect("no panic while it is held");
                log.push_str(&line);
                log.push('\n');
            }
        }));
        let mut server = Self { child, listening: Vec::new(), log, logging };
        let stdout = BufReader::new(server.child.stdout.take().expect("it was piped"));
        for line in stdout.lines().map_while(Result::ok) {
            if line == "ready" {
                return server;
            }
            server.listening.push(line);
        }
        panic!("the server did not become ready; it printed {:?}", server.listening);
    }

    /// The first address at which `service` is reached.
    ///
    /// # Panics
    /// It is not served.
    pub fn address(&self, service: &str) -> SocketAddr {
        // `listening SERVICE tcp ADDRESS`, or `udp`.
        let start = format!("listening {service} ");
        let address = self.listening.iter().find_map(|line| line.strip_prefix(&start));
        address.and_then(|rest| rest[4..].parse().ok()).expect("the service is served")
    }

    /// Its process, for a client that is to stop it.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until its log contains `text`.
    ///
    /// # Panics
    /// It does not for a minute.
    pub fn wait_for_log(&self, text: &str) {
        let begin = Instant::now();
        while !self.log().contains(text) {
            assert!(begin.elapsed() < PATIENCE, "the log does not say {text:?}");
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// What it has logged so far.
    ///
    /// # Panics
    /// Never.
    pub fn log(&self) -> String {
        self.log.lock().expect("no panic while it is held").clone()
    }

    /// Tells it to stop, as a service manager does, and waits for its end.
    ///
    /// # Panics
    /// It does not end.
    pub fn terminate(&mut self) -> ExitStatus {
        kill_process(Pid::from_child(&self.child), Signal::TERM).expect("a process of this test");
        self.wait()
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// It does not end.
    pub fn wait(&mut self) -> ExitStatus {
        let begin = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("a process of this test") {
                return status;
            }
            assert!(begin.elapsed() < PATIENCE, "the server does not end");
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(logging) = self.logging.take() {
            let _ = logging.join();
        }
        if thread::panicking() {
            eprintln!("--- the server's log\n{}", self.log());
        }
    }
}

/// The command, built from the sources as they are.
///
/// Cargo tells only the tests of its own package where a command lies. But it lies beside the directory of this test, and
/// `cargo test --workspace` has built it before it runs any test. Where only this package is tested, it may be missing, or older
/// than its sources; then it is built here.
///
/// # Panics
/// It cannot be built.
pub fn framewright() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| built("std-host", "framewright"))
}

/// The command `smoltcp-demo`, as [`framewright`](fn@framewright).
pub fn smoltcp_demo() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| built("smoltcp-demo", "smoltcp-demo"))
}

fn built(package: &str, program: &str) -> PathBuf {
    let test = env::current_exe().expect("a test knows where it lies");
    // TARGET/[TRIPLE/]PROFILE/deps/TEST
    let profile = test.parent().and_then(Path::parent).expect("the directory of a profile");
    let command = profile.join(program);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let own = [format!("{package}/Cargo.toml"), format!("{package}/src")];
    let sources = ["Cargo.lock", "core/Cargo.toml", "core/src"].into_iter().chain(own.iter().map(String::as_str));
    let changed = sources.filter_map(|path| newest(&root.join(path))).max();
    let built = fs::metadata(&command).and_then(|data| data.modified()).ok();
    if built < changed {
        build(root, profile, package, program);
    }
    command
}

fn build(root: &Path, profile: &Path, package: &str, program: &str) {
    let name = |path: &Path| path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
    let above = profile.parent().unwrap_or(root);
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root).args(["build", "--quiet", "--package", package, "--bin", program]);
    // The directory of the profile `dev` is called otherwise.
    let profile = if name(profile) == "debug" { "dev".to_owned() } else { name(profile) };
    cargo.args(["--profile", &profile, "--target-dir"]);
    if above.join("CACHEDIR.TAG").exists() {
        cargo.arg(above);
    } else {
        cargo.arg(above.parent().unwrap_or(root)).args(["--target", &name(above)]);
    }
    assert!(cargo.status().expect("cargo, which runs this test").success(), "cannot build the command {program}");
}

/// When a file, or a file in a directory, was last changed.
fn newest(path: &Path) -> Option<SystemTime> {
    let own = fs::metadata(path).and_then(|data| data.modified()).ok()?;
    let inside = fs::read_dir(path).into_iter().flatten().flatten();
    inside.filter_map(|entry| newest(&entry.path())).chain([own]).max()
}
