//! A crowded chat room: does everybody hear everything, in order and soon, while one member has stopped reading?
//!
//! ```text
//! cargo bench -p std-host --bench chat -- [--clients 2000] [--rate 100] [--seconds 10] [-- OPTIONS FOR serve]
//! ```
//!
//! It starts the server in a process of its own, lets the clients join, has one send so many messages a second, and prints
//! how late they came and what the server took for it. Exit status 1: somebody missed a message, or got one out of order.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, ExitCode, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::epoll;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

// Numbers that are printed need not be exact.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
fn main() -> ExitCode {
    let settings = Settings::parse();
    let limit = getrlimit(Resource::Nofile);
    // Where it is not allowed, connecting will fail and say so.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    let server = Server::start(&settings.serve);
    let empty = server.usage();

    let begin = Instant::now();
    let mut room = Room::fill(server.address, settings.clients);
    room.read_until(begin + PATIENCE, |room| room.told(|told| !told.is_empty()) == room.listeners.len());
    let mut stopped = TcpStream::connect(server.address).expect("the server takes one more");
    stopped.write_all(b"stopped\n").expect("it has just connected");
    room.read_until(begin + PATIENCE, |room| room.told(|told| told == "stopped joined") == room.listeners.len());
    let speaker = TcpStream::connect(server.address).expect("the server takes one more");
    (&speaker).write_all(b"speaker\n").expect("it has just connected");
    room.read_until(Instant::now() + PATIENCE, |room| {
        room.told(|told| told == "speaker joined") == room.listeners.len()
    });
    let full = server.usage();
    println!("{} clients joined in {:.1} s", settings.clients + 2, begin.elapsed().as_secs_f64());
    println!("memory: {} KiB empty, {} KiB with them", empty.memory, full.memory);

    let messages = settings.rate * settings.seconds;
    let (rate, origin) = (settings.rate, room.origin);
    let speaking = thread::spawn(move || speak(speaker, origin, rate, messages));
    let begin = Instant::now();
    let sending = Duration::from_secs(settings.seconds);
    room.read_until(begin + sending + PATIENCE, |room| room.delivered == messages * room.listeners.len() as u64);
    let took = begin.elapsed();
    let after = server.usage();
    speaking.join().expect("the speaker does not panic");

    let expected = messages * room.listeners.len() as u64;
    println!("{messages} messages in {:.1} s: {} of {expected} deliveries", took.as_secs_f64(), room.delivered);
    println!("out of order or missing: {}", room.faults);
    room.latencies.sort_unstable();
    let late = |part: f64| {
        let at = ((room.latencies.len() as f64 - 1.0) * part) as usize;
        f64::from(room.latencies.get(at).copied().unwrap_or_default()) / 1000.0
    };
    println!("latency in ms: median {:.1}, 99 % {:.1}, longest {:.1}", late(0.5), late(0.99), late(1.0));
    println!("reads for them: {}, so {:.1} messages each", room.reads, room.delivered as f64 / room.reads as f64);
    let processor = (after.processor - full.processor) as f64 / 100.0 / took.as_secs_f64();
    println!("the server: {processor:.2} processors, {} KiB, {} threads", after.memory, after.threads);
    // Before the clients: it would log the end of each of them.
    drop(server);
    drop(stopped);
    if room.faults == 0 && room.delivered == expected { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What is asked for.
struct Settings {
    clients: usize,
    rate: u64,
    seconds: u64,
    serve: Vec<String>,
}

impl Settings {
    fn parse() -> Self {
        let mut settings = Self { clients: 2000, rate: 100, seconds: 10, serve: Vec::new() };
        let mut args = env::args().skip(1).filter(|arg| arg != "--bench");
        while let Some(arg) = args.next() {
            let mut number =
                || args.next().and_then(|n| n.parse().ok()).unwrap_or_else(|| panic!("{arg} takes a number"));
            match arg.as_str() {
                "--clients" => settings.clients = usize::try_from(number()).expect("it fits"),
                "--rate" => settings.rate = number(),
                "--seconds" => settings.seconds = number(),
                "--" => settings.serve.extend(args.by_ref()),
                other => panic!("unknown option {other}"),
            }
        }
        settings
    }
}

/// Sends the messages, each with its number and the time.
fn speak(mut socket: TcpStream, origin: Instant, rate: u64, messages: u64) {
    let begin = Instant::now();
    socket.set_nodelay(true).expect("it is a socket");
    for number in 0..messages {
        let due = begin + Duration::from_micros(number * 1_000_000 / rate);
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let sent = origin.elapsed().as_micros();
        socket
            .write_all(format!("n={number} t={sent} some words to make it a line\n").as_bytes())
            .expect("it is served");
    }
    // Until it is closed, or what was sent would be followed by a leave.
    thread::sleep(Duration::from_secs(1));
}

/// The clients that listen.
struct Room {
    origin: Instant,
    poll: std::os::fd::OwnedFd,
    listeners: Vec<Listener>,
    delivered: u64,
    faults: u64,
    reads: u64,
    /// In microseconds.
    latencies: Vec<u32>,
}

struct Listener {
    socket: TcpStream,
    /// What came of a line.
    line: Vec<u8>,
    /// The number of the message that must come next.
    next: u64,
    /// The last line that it was told by the room.
    told: String,
}

impl Room {
    fn fill(address: SocketAddr, clients: usize) -> Self {
        let poll = epoll::create(epoll::CreateFlags::CLOEXEC).expect("the system has epoll");
        let mut listeners = Vec::new();
        for number in 0..clients {
            let mut socket = TcpStream::connect(address).expect("the server takes so many clients");
            socket.write_all(format!("member{number}\n").as_bytes()).expect("it has just connected");
            socket.set_nonblocking(true).expect("it is a socket");
            let data = epoll::EventData::new_u64(number as u64);
            epoll::add(&poll, &socket, data, epoll::EventFlags::IN).expect("it is a socket");
            listeners.push(Listener { socket, line: Vec::new(), next: 0, told: String::new() });
        }
        Self { origin: Instant::now(), poll, listeners, delivered: 0, faults: 0, reads: 0, latencies: Vec::new() }
    }

    /// How many were told a line last that is like this.
    fn told(&self, like: impl Fn(&str) -> bool) -> usize {
        self.listeners.iter().filter(|listener| like(&listener.told)).count()
    }

    /// Reads what comes until `done`, or fails.
    fn read_until(&mut self, until: Instant, mut done: impl FnMut(&Self) -> bool) {
        let mut events = Vec::with_capacity(512);
        let mut buffer = vec![0; 1 << 16];
        while !done(self) {
            if Instant::now() > until {
                eprintln!("given up: it takes too long");
                return;
            }
            events.clear();
            let timeout = rustix::event::Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
            epoll::wait(&self.poll, rustix::buffer::spare_capacity(&mut events), Some(&timeout)).expect("epoll works");
            for event in &events {
                let index = usize::try_from(event.data.u64()).expect("it was one");
                self.read(index, &mut buffer);
            }
        }
    }

    fn read(&mut self, index: usize, buffer: &mut [u8]) {
        let n = match self.listeners[index].socket.read(buffer) {
            Ok(0) => panic!("member{index} was disconnected"),
            Ok(n) => n,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return,
            Err(error) => panic!("member{index}: {error}"),
        };
        let now = self.origin.elapsed().as_micros();
        let before = self.delivered;
        let listener = &mut self.listeners[index];
        for piece in buffer[..n].split_inclusive(|byte| *byte == b'\n') {
            listener.line.extend_from_slice(piece);
            if !piece.ends_with(b"\n") {
                break;
            }
            let line = String::from_utf8_lossy(&listener.line);
            if let Some((_, said)) = line.split_once(" speaker: n=") {
                let mut words = said.split_whitespace();
                let number: u64 = words.next().and_then(|word| word.parse().ok()).expect("the speaker said it");
                let sent =
                    words.next().and_then(|word| word.strip_prefix("t=")?.parse::<u128>().ok()).expect("likewise");
                self.faults += u64::from(number != listener.next);
                listener.next = number + 1;
                self.delivered += 1;
                self.latencies.push(u32::try_from(now.saturating_sub(sent)).unwrap_or(u32::MAX));
            } else if let Some(told) = line.strip_prefix("* You are") {
                listener.told = told.trim_end().to_owned();
            } else if let Some((_, told)) = line.split_once("] * ") {
                listener.told = told.trim_end().to_owned();
            }
            listener.line.clear();
        }
        self.reads += u64::from(self.delivered > before);
    }
}

/// The server under load.
struct Server {
    child: Child,
    address: SocketAddr,
}

/// What a process takes.
struct Usage {
    /// KiB that are resident.
    memory: u64,
    threads: u64,
    /// Hundredths of a second.
    processor: u64,
}

impl Server {
    fn start(options: &[String]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_framewright"))
            .args(["serve", "chat=0", "--chat-rate", "0"])
            .args(options)
            .stdout(Stdio::piped())
            .spawn()
            .expect("it was built");
        let lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let told: Vec<_> = lines.map(|line| line.expect("text")).take_while(|line| line != "ready").collect();
        let listening = told.first().expect("it tells its address");
        let address = listening.rsplit(' ').next().and_then(|address| address.parse().ok()).expect("at the end");
        Self { child, address }
    }

    fn usage(&self) -> Usage {
        let file = |name| fs::read_to_string(format!("/proc/{}/{name}", self.child.id())).expect("it runs");
        let status = file("status");
        let number = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name)).expect("the kernel tells");
            line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).expect("a number")
        };
        let stat = file("stat");
        let times: Vec<u64> =
            stat.rsplit(") ").next().unwrap_or("").split(' ').skip(11).take(2).filter_map(|n| n.parse().ok()).collect();
        Usage { memory: number("VmRSS:"), threads: number("Threads:"), processor: times.iter().sum() }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How long anything may take.
const PATIENCE: Duration = Duration::from_mins(1);
