//! How much the pool, the pump and the sessions cost: an echo of framed messages against an echo of bytes, both on smoltcp with the same
//! rings; and Linux's own TCP, for scale.
//!
//! ```sh
//! cargo bench -p smoltcp-demo --bench throughput              # some minutes
//! cargo bench -p smoltcp-demo --bench throughput -- --quick   # whether it runs
//! cargo bench -p smoltcp-demo --bench throughput -- ping      # the tasks with this in their names
//! ```
//!
//! On a TAP interface, in a network namespace of its own, with clients on the kernel's stack (as root, or where users may have
//! namespaces); and in memory, with clients on a second smoltcp in the same thread. The contenders take turns; what is printed, as tables
//! in Markdown, is the median of the rounds, the median of the ratios of each round, and what that ratio is to be.

#[cfg(target_os = "linux")]
mod cable;
mod echo;
#[cfg(target_os = "linux")]
mod kernel;
mod memory;

use std::fmt;
use std::time::Duration;

/// Bytes of each ring where one client streams: the most that a window without scaling holds.
const RING: usize = 65_535;
/// Bytes of each buffer of a session there.
const BUFFER: usize = 16_384;
/// Bytes of each ring and each buffer where there are many clients.
const SMALL: usize = 4096;
/// So many of them.
const CROWD: usize = 64;
/// Where the servers listen.
const PORT: u16 = 12345;

/// Who answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Contender {
    /// smoltcp, and bytes go back as they come.
    Raw,
    /// smoltcp, and messages go back.
    Framed,
    /// Threads on Linux's TCP; bytes go back as they come.
    Linux,
}

/// What is asked.
#[derive(Clone, Copy, Debug)]
enum Task {
    /// Messages of so many bytes, as many at a time as the rings hold.
    Stream(usize),
    /// A message of so many bytes, and the next when its answer is there.
    PingPong(usize),
    /// Many clients, each with messages of so many bytes one after the other.
    Crowd(usize),
}

/// How long to measure.
#[derive(Clone, Copy, Debug)]
struct Effort {
    rounds: usize,
    /// Of one contender in one round.
    time: Duration,
}

/// What came of it.
#[derive(Clone, Copy, Debug)]
enum Outcome {
    /// Bytes of messages and their headers that came back, a second.
    Rate(f64),
    /// How long half of the exchanges took at most.
    Median(Duration),
    /// Of many clients: what all got in bytes a second, and what the one with the least got of what the one with the most did.
    Shares(f64, f64),
}

const TASKS: [Task; 5] =
    [Task::Stream(64), Task::Stream(1460), Task::Stream(16_384), Task::PingPong(64), Task::Crowd(1024)];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let quick = arguments.iter().any(|argument| argument == "--quick");
    let wanted = |task: &Task| {
        let mut words = arguments.iter().filter(|argument| !argument.starts_with("--")).peekable();
        words.peek().is_none() || words.any(|word| task.to_string().contains(word.as_str()))
    };
    let tasks: Vec<Task> = TASKS.into_iter().filter(wanted).collect();
    let effort = if quick {
        Effort { rounds: 1, time: Duration::from_millis(50) }
    } else {
        Effort { rounds: 15, time: Duration::from_millis(300) }
    };
    #[cfg(target_os = "linux")]
    match cable::in_a_namespace() {
        Ok(cable::Place::Inside) => {
            return table(
                "TAP",
                &[Contender::Raw, Contender::Framed, Contender::Linux],
                &tasks,
                effort,
                cable::measure,
            );
        }
        Ok(cable::Place::Outside) => {}
        Err(why) => eprintln!("no TAP here: {why}"),
    }
    table("in memory", &[Contender::Raw, Contender::Framed], &tasks, effort, memory::measure);
}

/// Measures all tasks, and prints a row each, with how the framed echo compares to the raw one.
fn table(
    network: &str,
    contenders: &[Contender],
    tasks: &[Task],
    effort: Effort,
    measure: fn(Contender, Task, Duration) -> Outcome,
) {
    print!("\n| {network} |");
    for contender in contenders {
        print!(" {contender} |");
    }
    println!(" framed / raw | wanted |\n|---|{}---:|---:|", "---:|".repeat(contenders.len()));
    for &task in tasks {
        let mut outcomes = vec![Vec::new(); contenders.len()];
        // By turns, and each time another first: what the machine does besides falls on all alike.
        for round in 0..effort.rounds {
            for index in 0..contenders.len() {
                let index = (index + round) % contenders.len();
                outcomes[index].push(measure(contenders[index], task, effort.time));
            }
        }
        // Round by round: where the machine was slow, it was slow for both.
        let mut ratios: Vec<f64> =
            outcomes[0].iter().zip(&outcomes[1]).map(|(raw, framed)| framed.against(*raw)).collect();
        ratios.sort_by(f64::total_cmp);
        print!("| {task} |");
        for outcomes in outcomes {
            print!(" {} |", median(outcomes));
        }
        println!(" {:.2} | {} |", ratios[ratios.len() / 2], task.wanted());
    }
}

fn median(mut outcomes: Vec<Outcome>) -> Outcome {
    outcomes.sort_by(|one, other| one.figure().total_cmp(&other.figure()));
    outcomes[outcomes.len() / 2]
}

/// A message of so many bytes in the framing `u32`.
fn message(len: usize) -> Vec<u8> {
    let header = u32::try_from(len).expect("a length").to_be_bytes();
    header.into_iter().chain((0..len).map(|n| n.to_le_bytes()[0])).collect()
}

impl Task {
    /// What the framed echo is to reach, against the raw one; or its slowest client, against its fastest.
    fn wanted(self) -> &'static str {
        match self {
            Self::Stream(..1000) => "0.80 or more",
            Self::Stream(_) => "0.95 or more",
            Self::PingPong(_) => "1.10 or less",
            Self::Crowd(_) => "slowest / fastest 0.50 or more",
        }
    }
}

impl Outcome {
    fn figure(self) -> f64 {
        match self {
            Self::Rate(rate) | Self::Shares(rate, _) => rate,
            Self::Median(time) => time.as_secs_f64(),
        }
    }

    fn against(self, other: Self) -> f64 {
        self.figure() / other.figure()
    }
}

impl fmt::Display for Contender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Raw => "smoltcp, raw echo",
            Self::Framed => "smoltcp, framed echo",
            Self::Linux => "Linux, raw echo",
        })
    }
}

impl fmt::Display for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stream(len) => write!(f, "messages of {len} B, pipelined"),
            Self::PingPong(len) => write!(f, "ping-pong of {len} B, median"),
            Self::Crowd(len) => write!(f, "{CROWD} clients, {len} B each by turns; slowest / fastest"),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rate(rate) => write!(f, "{:.0} MB/s", rate / 1e6),
            Self::Median(time) => write!(f, "{:.1} µs", time.as_secs_f64() * 1e6),
            Self::Shares(rate, shares) => write!(f, "{:.0} MB/s; {shares:.2}", rate / 1e6),
        }
    }
}
