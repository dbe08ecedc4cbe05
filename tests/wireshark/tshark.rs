//! Runs tshark with the dissector, and reads what it shows as rows of fields.

use std::collections::HashMap;
use std::fmt;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use framewright_tests::server::PATIENCE;

/// What is shown of one packet: the values of each field, in order.
#[derive(Clone)]
pub(crate) struct Row(HashMap<&'static str, Vec<String>>);

/// A capture of the loopback interface that goes on.
pub(crate) struct Live {
    child: Child,
    rows: Receiver<Row>,
    /// What was seen, for the words of a failure.
    seen: Vec<Row>,
}

const FIELDS: [&str; 22] = [
    "tcp.srcport",
    "tcp.dstport",
    "tcp.len",
    "_ws.col.Info",
    "_ws.expert.message",
    "framewright.u32.length",
    "framewright.u32.text",
    "framewright.u32.payload",
    "framewright.lines.text",
    "framewright.lines.length",
    "framewright.lines.ending",
    "framewright.json.header_length",
    "framewright.json.header",
    "framewright.json.byteorder",
    "framewright.json.content_type",
    "framewright.json.content_encoding",
    "framewright.json.length",
    "framewright.json.text",
    "framewright.json.payload",
    "framewright.udp.length",
    "framewright.udp.text",
    "framewright.udp.payload",
];
/// What stands between the fields of a row, and between the values of a field: characters that no message here has.
const SEPARATOR: char = '\u{1}';
const AGGREGATOR: char = '\u{2}';
/// Set for the process inside the namespace.
const INSIDE: &str = "FRAMEWRIGHT_INSIDE_NAMESPACE";

/// What is shown of the packets in a capture that pass the filter.
pub(crate) fn read(program: &Path, capture: &Path, options: &[&str], filter: &str) -> Vec<Row> {
    let output =
        tshark(program).arg("-r").arg(capture).args(["-Y", filter]).args(options).output().expect("tshark starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !errors.contains("Lua"), "{errors}");
    String::from_utf8(output.stdout).expect("text").lines().map(Row::parse).collect()
}

/// Runs `body`, which is this test's, in a process in a network namespace of its own, in which the loopback interface is up.
pub(crate) fn in_a_namespace(test: &str, body: impl Fn()) {
    if std::env::var_os(INSIDE).is_some() {
        body();
        return;
    }
    let unshare = |command: &Path, arguments: &[&str]| {
        let script = r#"ip link set lo up && exec "$@""#;
        Command::new("unshare")
            .args(["--map-root-user", "--net", "--", "sh", "-c", script, "sh"])
            .arg(command)
            .args(arguments)
            .env(INSIDE, "1")
            .output()
    };
    if !unshare(Path::new("true"), &[]).is_ok_and(|output| output.status.success()) {
        let missing = "this needs root, or namespaces for users, and the programs unshare and ip";
        assert!(std::env::var_os("FRAMEWRIGHT_REQUIRE_PEERS").is_none_or(|required| required != "1"), "{missing}");
        eprintln!("skipped {test}: {missing}");
        return;
    }
    let this = std::env::current_exe().expect("this test's file");
    let output = unshare(&this, &["--exact", test, "--nocapture"]).expect("unshare starts");
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && stdout.contains("1 passed"), "{stdout}{stderr}");
}

/// tshark with the dissector, which prints rows; where no user's own settings are heard.
fn tshark(program: &Path) -> Command {
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("wireshark/framewright.lua");
    let mut command = Command::new(program);
    command.arg("-n").arg("-X").arg(format!("lua_script:{}", script.display())).args(["-T", "fields"]);
    command.args(["-E", &format!("separator={SEPARATOR}"), "-E", &format!("aggregator={AGGREGATOR}")]);
    for field in FIELDS {
        command.args(["-e", field]);
    }
    command.env("WIRESHARK_CONFIG_DIR", std::env::temp_dir().join("framewright-no-settings"));
    command
}

impl Row {
    fn parse(line: &str) -> Self {
        let values = line.split(SEPARATOR).map(|field| {
            let values = field.split(AGGREGATOR).filter(|value| !value.is_empty());
            values.map(str::to_owned).collect()
        });
        Self(FIELDS.into_iter().zip(values).collect())
    }

    /// The values of a field.
    pub(crate) fn get(&self, field: &str) -> &[String] {
        self.0.get(field).map_or(&[], Vec::as_slice)
    }

    /// The value of a field that has one number.
    pub(crate) fn number(&self, field: &str) -> Option<u64> {
        self.get(field).first()?.parse().ok()
    }

    /// Whether a field has this value, among others perhaps.
    pub(crate) fn has(&self, field: &str, value: &str) -> bool {
        self.get(field).iter().any(|one| one == value)
    }

    /// Whether something is marked, in these words.
    pub(crate) fn complains(&self, words: &str) -> bool {
        self.get("_ws.expert.message").iter().any(|text| text.contains(words))
    }

    /// Whether it is a segment of a connection to this port.
    pub(crate) fn is_of(&self, port: u64) -> bool {
        self.number("tcp.dstport") == Some(port) || self.number("tcp.srcport") == Some(port)
    }
}

impl fmt::Debug for Row {
    /// Only what there is.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.0.iter().filter(|(_, values)| !values.is_empty())).finish()
    }
}

impl Live {
    /// Begins; the first packets may go by unseen.
    pub(crate) fn start(program: &Path) -> Self {
        let mut child = tshark(program)
            .args(["-i", "lo", "-l"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("tshark starts");
        let stdout = BufReader::new(child.stdout.take().expect("it was piped"));
        let (sender, rows) = channel();
        std::thread::spawn(move || {
            stdout.lines().map_while(Result::ok).try_for_each(|line| sender.send(Row::parse(&line)))
        });
        Self { child, rows, seen: Vec::new() }
    }

    /// Waits for a packet of which this is shown.
    pub(crate) fn wait(&mut self, wanted: impl Fn(&Row) -> bool) {
        self.wait_until(|| (), wanted);
    }

    /// The same, and does something again and again meanwhile.
    pub(crate) fn wait_until(&mut self, again: impl Fn(), wanted: impl Fn(&Row) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            again();
            while let Ok(row) = self.rows.recv_timeout(Duration::from_millis(100)) {
                assert!(!row.complains("Lua Error"), "{row:?}");
                let found = wanted(&row);
                self.seen.push(row);
                if found {
                    return;
                }
            }
        }
        let _ = self.child.kill();
        let seen: Vec<&Row> = self.seen.iter().filter(|row| !row.get("tcp.len").is_empty()).collect();
        panic!("it is not shown: {seen:?}");
    }

    /// Ends the capture.
    pub(crate) fn stop(mut self) {
        self.child.kill().expect("a process of this test");
        self.child.wait().expect("its end");
    }
}
