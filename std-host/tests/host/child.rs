//! The command `framewright` in a process of its own.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::{PATIENCE, wait_until};

/// A server process; killed when it is dropped.
pub(crate) struct Server {
    child: Child,
    /// What it printed on stdout up to `ready`.
    pub(crate) lines: Vec<String>,
    log: Arc<Mutex<String>>,
    /// Reads the log.
    reading: Option<JoinHandle<()>>,
}

impl Server {
    /// `framewright ARGS`, once it is ready.
    pub(crate) fn start(args: &[&str]) -> Self {
        Self::start_as(Command::new(FRAMEWRIGHT).args(args))
    }

    /// The same with at most so many open files.
    pub(crate) fn start_with_files(files: u32, args: &[&str]) -> Self {
        Self::start_as(limited(files).args(args))
    }

    pub(crate) fn start_as(command: &mut Command) -> Self {
        let mut child = command
            .env_remove("RUST_LOG")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let kept = Arc::clone(&log);
        let reading = thread::spawn(move || {
            let mut line = String::new();
            while stderr.read_line(&mut line).is_ok_and(|n| n > 0) {
                kept.lock().unwrap().push_str(&line);
                line.clear();
            }
        });
        let mut lines = Vec::new();
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            lines.push(line.unwrap());
            if lines.last().unwrap() == "ready" {
                return Self { child, lines, log, reading: Some(reading) };
            }
        }
        panic!("no `ready`: {lines:?} {:?} {}", child.wait(), log.lock().unwrap());
    }

    /// Where the first listener for `service` is.
    pub(crate) fn address(&self, service: &str) -> SocketAddr {
        let start = format!("listening {service} ");
        let line = self.lines.iter().find(|line| line.starts_with(&start)).expect("the service is there");
        line.rsplit(' ').next().unwrap().parse().unwrap()
    }

    pub(crate) fn connect(&self, service: &str) -> TcpStream {
        let stream = TcpStream::connect(self.address(service)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Waits for its end, and for the end of its log.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let mut status = None;
        wait_until("the server ends", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        if let Some(reading) = self.reading.take() {
            reading.join().unwrap();
        }
        status.unwrap()
    }

    pub(crate) fn wait_for_log(&self, text: &str) {
        wait_until(&format!("the log says {text:?}"), || self.log().contains(text));
    }

    /// What it logged so far.
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Processor time that it used, in hundredths of a second.
    pub(crate) fn processor_time(&self) -> u64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let fields: Vec<_> = stat.rsplit(") ").next().unwrap().split(' ').collect();
        fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
    }

    /// A line of its `/proc/PID/status`, in its own unit.
    pub(crate) fn status(&self, name: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with(name)).expect("the kernel tells");
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("--- the server's log\n{}", self.log());
        }
    }
}

/// Runs `framewright ARGS` to its end.
pub(crate) fn run(args: &[&str], stdin: &[u8]) -> Output {
    run_as(Command::new(FRAMEWRIGHT).args(args), stdin)
}

pub(crate) fn run_as(command: &mut Command, stdin: &[u8]) -> Output {
    use std::io::Write;
    let mut child = command
        .env_remove("RUST_LOG")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let bytes = stdin.to_vec();
    let writing = thread::spawn(move || {
        // It may end without reading all.
        let _ = input.write_all(&bytes);
    });
    let output = end_of(child);
    writing.join().unwrap();
    output
}

/// What it printed, when it has ended, which it must.
pub(crate) fn end_of(mut child: Child) -> Output {
    let outputs = [reading(child.stdout.take()), reading(child.stderr.take())];
    let begin = Instant::now();
    let ended = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break Some(status);
        }
        if begin.elapsed() >= 4 * PATIENCE {
            child.kill().unwrap();
            child.wait().unwrap();
            break None;
        }
        thread::sleep(Duration::from_millis(5));
    };
    let [stdout, stderr] = outputs.map(|reading| reading.join().unwrap());
    let Some(status) = ended else {
        panic!(
            "it was killed after {:?}; it printed:\n{}",
            begin.elapsed(),
            String::from_utf8_lossy(&[stdout, stderr].concat())
        );
    };
    Output { status, stdout, stderr }
}

fn reading(pipe: Option<impl Read + Send + 'static>) -> JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            pipe.read_to_end(&mut bytes).unwrap();
        }
        bytes
    })
}

/// What nobody reads any more. (The end of a pipe that is dropped here may live on for a moment in a process that another test is
/// just starting.)
pub(crate) fn unread() -> Stdio {
    let (ours, theirs) = UnixStream::pair().unwrap();
    ours.shutdown(Shutdown::Both).unwrap();
    OwnedFd::from(theirs).into()
}

/// The command, allowed so many open files. (A limit for this process would be one for all tests.)
pub(crate) fn limited(files: u32) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("ulimit -n {files} && exec \"$0\" \"$@\""), FRAMEWRIGHT]);
    command
}

/// Reads exactly `n` bytes.
pub(crate) fn read(mut stream: &TcpStream, n: usize) -> Vec<u8> {
    let mut bytes = vec![0; n];
    stream.read_exact(&mut bytes).unwrap();
    bytes
}

/// Reads to the end of the stream.
pub(crate) fn read_all(mut stream: &TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    bytes
}

pub(crate) const FRAMEWRIGHT: &str = env!("CARGO_BIN_EXE_framewright");
