//! The command `smoltcp-demo` at work on its interface.

use std::cell::RefCell;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use super::TIMEOUT;

/// A server that is ready.
pub(crate) struct Server {
    child: Child,
    pub(crate) listening: Vec<String>,
    /// What it prints after `ready`.
    rest: BufReader<ChildStdout>,
    log: Receiver<String>,
    /// The lines of the log that came while others were waited for.
    heard: RefCell<Vec<String>>,
}

/// What a server that has ended has left.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    /// What it printed after `ready`.
    pub(crate) printed: String,
    /// The lines of its log that nobody waited for.
    pub(crate) log: Vec<String>,
}

/// What a process has taken of the processor so far.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    /// Hundredths of a second.
    pub(crate) ticks: u64,
    /// How often it went to sleep.
    pub(crate) naps: u64,
}

/// The command, on a TAP interface.
pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_smoltcp-demo"));
    command.args(["--device", "tap"]).args(arguments);
    command
}

impl Server {
    /// Starts it.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::of(&mut command(arguments))
    }

    /// Waits until a command is ready.
    pub(crate) fn of(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the command starts");
        let (sender, log) = channel();
        let stderr = BufReader::new(child.stderr.take().expect("its log"));
        std::thread::spawn(move || stderr.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        let mut rest = BufReader::new(child.stdout.take().expect("its output"));
        let mut listening = Vec::new();
        loop {
            let mut line = String::new();
            if rest.read_line(&mut line).expect("a line") == 0 {
                let log: Vec<String> = log.iter().collect();
                panic!("it ended before it was ready: {listening:?} {log:?}");
            }
            if line == "ready\n" {
                break;
            }
            listening.push(line.trim_end().to_owned());
        }
        Self { child, listening, rest, log, heard: RefCell::default() }
    }

    pub(crate) fn signal(&self, signal: &str) {
        let status = Command::new("kill").args(["-s", signal, &self.child.id().to_string()]).status();
        assert!(status.expect("kill starts").success());
    }

    /// Waits until the log says this, and gives the line: the first one that was not given before.
    pub(crate) fn wait_for_log(&self, words: &str) -> String {
        let deadline = Instant::now() + TIMEOUT;
        let mut heard = self.heard.borrow_mut();
        if let Some(index) = heard.iter().position(|line| line.contains(words)) {
            return heard.remove(index);
        }
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.log.recv_timeout(left) {
                Ok(line) if line.contains(words) => return line,
                Ok(line) => heard.push(line),
                Err(error) => panic!("the log does not say '{words}', but {heard:?}: {error}"),
            }
        }
    }

    /// What it has done so far.
    pub(crate) fn effort(&self) -> Effort {
        let read = |file| fs::read_to_string(format!("/proc/{}/{file}", self.child.id())).expect("its state");
        let stat = read("stat");
        // Behind the name, which may hold anything, the fields from the third on: user time and system time are the 14th and 15th.
        let fields: Vec<&str> = stat.rsplit_once(')').expect("a name").1.split_whitespace().collect();
        let number = |text: &str| text.parse::<u64>().expect("a number");
        let status = read("status");
        let naps = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:")).expect("a count");
        Effort { ticks: number(fields[11]) + number(fields[12]), naps: number(naps.trim()) }
    }

    /// Tells it to stop by this signal; it must end well.
    pub(crate) fn stop(self, signal: &str) -> Ended {
        self.signal(signal);
        let ended = self.wait();
        assert_eq!(ended.status.code(), Some(0), "{ended:?}");
        ended
    }

    /// Waits for its end, for as long as that may take.
    pub(crate) fn wait(mut self) -> Ended {
        let begin = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("its status") {
                break status;
            }
            if begin.elapsed() > TIMEOUT {
                self.child.kill().expect("killed");
                panic!("it did not end");
            }
            std::thread::sleep(Duration::from_millis(10));
        };
        let mut printed = String::new();
        self.rest.read_to_string(&mut printed).expect("text");
        let log: Vec<String> = self.heard.into_inner().into_iter().chain(self.log.iter()).collect();
        assert!(!log.iter().any(|line| line.contains("panicked")), "{log:?}");
        Ended { status, printed, log }
    }
}
