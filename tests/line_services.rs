//! `kv`, `chat` and `time` as people use them who have a shell and no client: one line of a netcat, telnet or bash, and Python's
//! own parser of times.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

use framewright_tests::peers;
use framewright_tests::server::{PATIENCE, ServerProcess};

/// A program with which one talks to a port.
struct Tool {
    program: &'static str,
    package: &'static str,
    /// Its arguments, with `HOST`, `PORT` in the places of the address.
    args: &'static [&'static str],
    /// Whether it closes its sending side at the end of its input and stays for the answers; else it leaves then.
    half_closes: bool,
}

const TOOLS: [Tool; 8] = [
    Tool { program: "nc.openbsd", package: "netcat-openbsd", args: &["-N", "HOST", "PORT"], half_closes: true },
    Tool {
        program: "nc.traditional",
        package: "netcat-traditional",
        args: &["-q", "0", "HOST", "PORT"],
        half_closes: false,
    },
    Tool { program: "busybox", package: "busybox", args: &["nc", "HOST", "PORT"], half_closes: true },
    Tool { program: "ncat", package: "ncat", args: &["HOST", "PORT"], half_closes: true },
    Tool { program: "ncat", package: "ncat", args: &["-C", "HOST", "PORT"], half_closes: true },
    // Else it waits half a second for answers, which is short on a busy machine.
    Tool { program: "socat", package: "socat", args: &["-t", "60", "-", "TCP:HOST:PORT"], half_closes: true },
    Tool { program: "socat", package: "socat", args: &["-t", "60", "-", "TCP:HOST:PORT,crlf"], half_closes: true },
    Tool { program: "telnet", package: "telnet", args: &["HOST", "PORT"], half_closes: false },
];

impl Tool {
    /// Sends `input` through it to a service, and returns what comes out. A tool that leaves at the end of its input is kept until
    /// `wanted` bytes came, or all, where the server closes by itself.
    fn talk(&self, address: SocketAddr, input: &str, wanted: Option<usize>) -> Option<String> {
        let program = peers::find(self.program, self.package)?;
        let (host, port) = (address.ip().to_string(), address.port().to_string());
        let args = self.args.iter().map(|arg| arg.replace("HOST", &host).replace("PORT", &port));
        let greeting = if self.program == "telnet" { telnet_greeting(&host) } else { String::new() };
        let reply = match wanted {
            _ if self.half_closes => 0,
            Some(wanted) => greeting.len() + wanted,
            None => LONGER_THAN_ANYTHING,
        };
        let output = peers::run(Command::new(program).args(args), input.as_bytes(), reply);
        let text = String::from_utf8(output.stdout).expect("text");
        // Those who were asked for CR LF may have it back.
        let text = text.strip_prefix(&greeting).unwrap_or_else(|| panic!("{text:?}")).replace('\r', "");
        Some(text)
    }
}

/// What telnet prints before anything comes.
fn telnet_greeting(host: &str) -> String {
    format!("Trying {host}...\nConnected to {host}.\nEscape character is '^]'.\n")
}

#[test]
fn requests_of_kv_are_answered_to_every_tool() {
    let mut server = ServerProcess::start(&["kv=127.0.0.1:0"]);
    for tool in &TOOLS {
        let requests = "SET motto four score and seven\nget motto\nDELETE motto\nGET motto\nnonsense\n";
        let answers = "OK\nfour score and seven\nOK\nERROR\nERROR\n";
        let Some(printed) = tool.talk(server.address("kv"), requests, Some(answers.len())) else { continue };
        assert_eq!(printed, answers, "{} {:?}", tool.program, tool.args);
    }
    assert!(server.terminate().success());
}

#[test]
fn the_time_is_printed_by_every_tool_and_understood_by_python() {
    let mut server = ServerProcess::start(&["time=127.0.0.1:0"]);
    let seconds = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_secs_f64();
    for tool in &TOOLS {
        let begin = seconds();
        let Some(time) = tool.talk(server.address("time"), "", None) else { continue };
        let Some(python) = peers::find("python3", "python3") else { return };
        let script = "import datetime, sys
time = datetime.datetime.fromisoformat(sys.argv[1])
assert time.tzinfo is not None and time.utcoffset() == time.astimezone().utcoffset()
print(time.timestamp())";
        let output = peers::run(Command::new(python).args(["-c", script, &time]), b"", 0);
        let printed = String::from_utf8_lossy(&output.stdout);
        let parsed: f64 = printed.trim().parse().unwrap_or_else(|_| panic!("{time:?}: {output:?}"));
        assert!((begin - 0.001..seconds() + 0.001).contains(&parsed), "{} {:?}: {time}", tool.program, tool.args);
    }
    assert!(server.terminate().success());
}

#[test]
fn a_line_of_chat_from_every_tool_is_heard() {
    let mut server = ServerProcess::start(&["chat=127.0.0.1:0"]);
    let address = server.address("chat");
    let mut listener = TcpStream::connect(address).expect("it is served");
    listener.set_read_timeout(Some(PATIENCE)).expect("it is a socket");
    listener.write_all(b"listener\n").expect("it has just connected");
    let mut heard = BufReader::new(listener).lines().map(|line| line.expect("it is served"));
    assert!(heard.any(|line| line.starts_with("* No messages")));
    for (number, tool) in TOOLS.iter().enumerate() {
        let name = format!("tool{number}");
        let said = format!("{name}\nhello from {}\n/quit\n", tool.program);
        let greeting = format!("* Welcome. What is your name?\n* You are {name}. /help lists the commands.\n");
        // The server closes after the goodbye: so long all of them stay.
        let Some(printed) = tool.talk(address, &said, None) else { continue };
        assert!(printed.ends_with("* Bye.\n"), "{printed}");
        assert!(printed.starts_with(&greeting), "{printed}");
        for line in
            [format!("* {name} joined"), format!("{name}: hello from {}", tool.program), format!("* {name} left")]
        {
            let next = heard.next().expect("it is served");
            assert_eq!(&next[11..], line, "{} {:?}", tool.program, tool.args);
        }
    }
    drop(heard);
    assert!(server.terminate().success());
}

fn bash(bash: &Path, address: SocketAddr, script: &str) -> String {
    let script = format!("exec 3<>/dev/tcp/{}/{}\n{script}", address.ip(), address.port());
    let output = peers::run(Command::new(bash).args(["-c", &script]), b"", 0);
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn bash_alone_is_a_client_of_all_three() {
    let Some(program) = peers::find("bash", "bash") else { return };
    let mut server = ServerProcess::start(&["kv=127.0.0.1:0", "chat=127.0.0.1:0", "time=127.0.0.1:0"]);
    let script = "printf 'SET shell bash it is\\n' >&3; read -r done <&3; echo \"$done\"
        printf 'GET shell\\n' >&3; read -r value <&3; echo \"$value\"";
    assert_eq!(bash(&program, server.address("kv"), script), "OK\nbash it is\n");
    let time = bash(&program, server.address("time"), "cat <&3");
    assert_eq!((time.len(), &time[10..11]), (32, "T"), "{time}");
    let mut listener = TcpStream::connect(server.address("chat")).expect("it is served");
    listener.write_all(b"listener\n/who\n").expect("it has just connected");
    let mut welcome = vec![0; 1000];
    assert!(listener.read(&mut welcome).is_ok_and(|n| n > 0));
    let script = "printf 'shell\\n/who\\n' >&3
        while read -r line <&3; do
            echo \"$line\"
            if [ \"$line\" = '*   shell' ]; then printf '/quit\\n' >&3; fi
        done";
    let told = bash(&program, server.address("chat"), script);
    assert!(told.contains("* You are shell.") && told.contains("* Here now (2):\n*   listener\n*   shell\n"), "{told}");
    assert!(told.ends_with("* Bye.\n"), "{told}");
    drop(listener);
    assert!(server.terminate().success());
}

/// Bytes that no server here sends.
const LONGER_THAN_ANYTHING: usize = 1 << 20;
