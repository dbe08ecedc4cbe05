//! One emulated board: a QEMU process with ports of its own, its decoded log, its memory and its cable.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use std::{env, fs, process};

use framewright_tests::server::PATIENCE;

use crate::image::{self, Program, Tools};

/// The services, and their ports on the board.
pub(crate) const SERVICES: [(&str, u16); 8] = [
    ("trim", 4567),
    ("echo", 12345),
    ("hello", 65432),
    ("time", 65431),
    ("kv", 6380),
    ("chat", 5555),
    ("message", 65433),
    ("udp-echo", 3456),
];

/// A board. Its process is ended when this is dropped; where a test fails, its log is printed.
pub(crate) struct Board {
    qemu: Child,
    decoder: Child,
    monitor: Monitor,
    log: Arc<Log>,
    readers: Vec<JoinHandle<()>>,
    folder: Folder,
    /// Of the services, in their order.
    ports: Vec<u16>,
    /// The other end of the board's network, where [`Board::with_wire`] was used.
    pub(crate) wire: Option<UnixDatagram>,
}

#[derive(Default)]
struct Log {
    lines: Mutex<Vec<String>>,
    news: Condvar,
}

impl Board {
    /// A board with all services, once it is ready; `None` where something that it needs is missing, and that is allowed.
    ///
    /// # Panics
    /// It does not become ready.
    pub(crate) fn start() -> Option<Self> {
        Self::run(Program::Firmware, &[])
    }

    /// As [`start`](Self::start), for any program, with more arguments for QEMU.
    pub(crate) fn run(program: Program, more: &[&str]) -> Option<Self> {
        let board = Self::spawn(&image::tools(program)?, |_| more.iter().map(|arg| (*arg).to_owned()).collect());
        board.wait_for_log(" ready");
        Some(board)
    }

    /// A board that runs this program, from its first instruction on.
    pub(crate) fn boot(program: Program) -> Option<Self> {
        Some(Self::spawn(&image::tools(program)?, |_| Vec::new()))
    }

    /// A board whose network also has an end where frames can be put on it, and taken from it: [`wire`](Self::wire).
    pub(crate) fn with_wire() -> Option<Self> {
        let mut board = Self::spawn(&image::tools(Program::Firmware)?, |folder| {
            let at = |name: &str| folder.join(name).display().to_string();
            let (theirs, ours) = (at("theirs"), at("ours"));
            vec![
                "-netdev".into(),
                format!("dgram,id=w0,local.type=unix,local.path={theirs},remote.type=unix,remote.path={ours}"),
                "-netdev".into(),
                "hubport,id=h1,hubid=0,netdev=w0".into(),
            ]
        });
        let wire = UnixDatagram::bind(board.folder.0.join("ours")).expect("a new socket");
        wire.connect(board.folder.0.join("theirs")).expect("QEMU has bound it");
        wire.set_read_timeout(Some(PATIENCE)).expect("not zero");
        wire.set_write_timeout(Some(PATIENCE)).expect("not zero");
        board.wire = Some(wire);
        board.wait_for_log(" ready");
        Some(board)
    }

    /// A board whose frames are captured; see [`capture`](Self::capture).
    pub(crate) fn with_capture() -> Option<Self> {
        let board = Self::spawn(&image::tools(Program::Firmware)?, |folder| {
            let file = folder.join("capture.pcap").display().to_string();
            vec!["-object".into(), format!("filter-dump,id=f,netdev=n0,file={file}")]
        });
        board.wait_for_log(" ready");
        Some(board)
    }

    /// A board that runs this program, and whose instructions are counted; see [`instructions`](Self::instructions). It is slower.
    pub(crate) fn counting(program: Program) -> Option<Self> {
        let board = Self::spawn(&image::tools(program)?, |folder| {
            let file = folder.join("record").display().to_string();
            let strings =
                ["-icount", &format!("shift=0,rr=record,rrfile={file}"), "-object", "filter-replay,id=r,netdev=n0"];
            strings.map(str::to_owned).into()
        });
        board.wait_for_log(" ready");
        Some(board)
    }

    fn spawn(tools: &Tools, more: impl FnOnce(&Path) -> Vec<String>) -> Self {
        let folder = Folder::new();
        let monitor = folder.0.join("monitor");
        let forwards: Vec<String> = SERVICES
            .iter()
            .map(|(name, port)| {
                let transport = if *name == "udp-echo" { "udp" } else { "tcp" };
                format!("hostfwd={transport}:127.0.0.1:0-10.0.2.15:{port}")
            })
            .collect();
        let mut qemu = Command::new(&tools.qemu)
            // It waits for `cont`: a program may end the emulator before it was asked for its ports.
            .args(["-S", "-M", "lm3s6965evb", "-display", "none", "-monitor", "none", "-kernel"])
            .arg(&tools.elf)
            .args(["-serial", &format!("unix:{},server=on,wait=off", folder.0.join("serial").display())])
            .args(["-semihosting-config", "enable=on,target=native"])
            .args(["-netdev", &format!("user,id=u0,{}", forwards.join(","))])
            .args(["-netdev", "hubport,id=h0,hubid=0,netdev=u0", "-netdev", "hubport,id=n0,hubid=0"])
            .args(["-net", "nic,netdev=n0", "-qmp", &format!("unix:{},server=on,wait=off", monitor.display())])
            .args(more(&folder.0))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("QEMU starts");
        let mut decoder = Command::new(&tools.defmt_print)
            .arg("-e")
            .arg(&tools.elf)
            .stdin(Stdio::from(qemu.stdout.take().expect("it was piped")))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("defmt-print starts");
        let log = Arc::new(Log::default());
        let sources: [Box<dyn Read + Send>; 3] = [
            Box::new(decoder.stdout.take().expect("it was piped")),
            Box::new(decoder.stderr.take().expect("it was piped")),
            Box::new(qemu.stderr.take().expect("it was piped")),
        ];
        let readers = sources.map(|source| log.read(source)).into();
        let mut monitor = Monitor::connect(&monitor, &mut qemu);
        let ports = monitor.forwards();
        // No answer from one whose program has already come to its end.
        monitor.answer(r#"{"execute":"cont"}"#);
        Self { qemu, decoder, monitor, log, readers, folder, ports, wire: None }
    }

    /// Where this service is found.
    ///
    /// # Panics
    /// There is no such service.
    pub(crate) fn address(&self, service: &str) -> SocketAddr {
        let index = SERVICES.iter().position(|(name, _)| *name == service).expect("one of the services");
        SocketAddr::from(([127, 0, 0, 1], self.ports[index]))
    }

    /// Waits for a line of the log with `text` in it; what stands behind that.
    pub(crate) fn wait_for_log(&self, text: &str) -> String {
        self.wait_for_log_from(0, text)
    }

    /// As [`wait_for_log`](Self::wait_for_log), in the lines from the number `first` on.
    pub(crate) fn wait_for_log_from(&self, first: usize, text: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        let mut lines = self.log.lines.lock().expect("no panic while it is held");
        loop {
            let found = lines.iter().skip(first).find_map(|line| line.split_once(text));
            if let Some((_, behind)) = found {
                return behind.to_owned();
            }
            let left = deadline.saturating_duration_since(Instant::now());
            // What is in the log is printed when the board is dropped.
            assert!(!left.is_zero(), "the log has no line with {text:?} from line {first} on");
            lines = self.log.news.wait_timeout(lines, left).expect("no panic while it is held").0;
        }
    }

    /// The log so far.
    pub(crate) fn log(&self) -> Vec<String> {
        self.log.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Pulls the cable out, or puts it in again.
    pub(crate) fn set_cable(&mut self, plugged: bool) {
        let up = if plugged { "true" } else { "false" };
        self.monitor.ask(&format!(r#"{{"execute":"set_link","arguments":{{"name":"u0","up":{up}}}}}"#));
    }

    /// Bytes of the board's memory.
    pub(crate) fn memory(&mut self, address: u32, len: usize) -> Vec<u8> {
        let file = self.folder.0.join("memory");
        let command = r#""execute":"pmemsave""#;
        let name = file.display();
        self.monitor.ask(&format!(r#"{{{command},"arguments":{{"val":{address},"size":{len},"filename":"{name}"}}}}"#));
        fs::read(&file).expect("QEMU has written it")
    }

    /// What was captured so far, in a file.
    pub(crate) fn capture(&mut self) -> PathBuf {
        // QEMU writes each packet as it comes.
        self.folder.0.join("capture.pcap")
    }

    /// How many instructions it has carried out since it started: what QEMU records to replay them. Sleep takes none.
    pub(crate) fn instructions(&mut self) -> u64 {
        let answer = self.monitor.ask(r#"{"execute":"query-replay"}"#);
        let (_, behind) = answer.split_once(r#""icount": "#).expect("it is recording");
        let digits = behind.find(|c: char| !c.is_ascii_digit()).unwrap_or(behind.len());
        behind[..digits].parse().expect("a number")
    }

    /// The other end of its first serial line.
    pub(crate) fn serial(&self) -> UnixStream {
        let line = UnixStream::connect(self.folder.0.join("serial")).expect("QEMU listens");
        line.set_read_timeout(Some(PATIENCE)).expect("not zero");
        line.set_write_timeout(Some(PATIENCE)).expect("not zero");
        line
    }

    /// Whether its process still runs.
    pub(crate) fn is_running(&mut self) -> bool {
        self.qemu.try_wait().expect("a process of this test").is_none()
    }

    /// Waits until the program has ended the emulator.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.qemu.try_wait().expect("a process of this test") {
                return status;
            }
            assert!(Instant::now() < deadline, "the program does not end");
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        let _ = self.qemu.kill();
        let _ = self.qemu.wait();
        // Its input has ended, and so does it.
        let _ = self.decoder.wait();
        for reader in self.readers.drain(..) {
            let _ = reader.join();
        }
        if thread::panicking() {
            eprintln!("--- the board's log\n{}", self.log().join("\n"));
        }
    }
}

impl Log {
    /// Takes lines from there to its end.
    fn read(self: &Arc<Self>, source: Box<dyn Read + Send>) -> JoinHandle<()> {
        let log = Arc::clone(self);
        thread::spawn(move || {
            for line in BufReader::new(source).lines().map_while(Result::ok) {
                log.lines.lock().expect("no panic while it is held").push(line);
                log.news.notify_all();
            }
        })
    }
}

/// QEMU's control connection (QMP): requests and answers, each a line of JSON.
struct Monitor {
    stream: BufReader<UnixStream>,
}

impl Monitor {
    fn connect(path: &Path, qemu: &mut Child) -> Self {
        let deadline = Instant::now() + PATIENCE;
        let stream = loop {
            if let Ok(stream) = UnixStream::connect(path) {
                break stream;
            }
            assert!(qemu.try_wait().expect("a process of this test").is_none(), "QEMU has ended");
            assert!(Instant::now() < deadline, "QEMU does not open its monitor");
            thread::sleep(Duration::from_millis(2));
        };
        stream.set_read_timeout(Some(PATIENCE)).expect("not zero");
        let mut monitor = Self { stream: BufReader::new(stream) };
        monitor.ask(r#"{"execute":"qmp_capabilities"}"#);
        monitor
    }

    /// Sends a request; the line with its answer.
    fn ask(&mut self, request: &str) -> String {
        self.answer(request).unwrap_or_else(|| panic!("{request}: QEMU has ended"))
    }

    /// Sends a request; the line with its answer, if QEMU does not end before that.
    fn answer(&mut self, request: &str) -> Option<String> {
        writeln!(self.stream.get_mut(), "{request}").expect("QEMU reads");
        loop {
            let mut line = String::new();
            match self.stream.read_line(&mut line) {
                Ok(0) => return None,
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return None,
                read => read.expect("QEMU answers"),
            };
            assert!(!line.starts_with(r#"{"error""#), "{request}: {line}");
            // Beside answers there are a greeting and events.
            if line.starts_with(r#"{"return""#) {
                return Some(line);
            }
        }
    }

    /// The ports of this machine that lead to the services, in their order.
    fn forwards(&mut self) -> Vec<u16> {
        let info = r#"{"execute":"human-monitor-command","arguments":{"command-line":"info usernet"}}"#;
        let answer = self.ask(info);
        // `  TCP[HOST_FORWARD]  12       127.0.0.1 43210       10.0.2.15  4567     0     0`, and lines end in `\r\n`, in letters.
        let table: Vec<Vec<&str>> = answer.split("\\r\\n").map(|row| row.split_whitespace().collect()).collect();
        let port = |wanted: u16| {
            let row = table.iter().find(|row| row.len() > 5 && row[5] == wanted.to_string());
            row.and_then(|row| row[3].parse().ok()).unwrap_or_else(|| panic!("{wanted} is not forwarded: {answer}"))
        };
        SERVICES.iter().map(|(_, wanted)| port(*wanted)).collect()
    }
}

/// A folder for the files of one board, gone with it.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = env::temp_dir().join(format!("framewright-board-{}-{number}", process::id()));
        fs::create_dir(&path).expect("a new folder");
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
