//! The programs with which people talk to a port by hand: they move bytes as they like, and end as they like.

use std::path::Path;
use std::process::Command;

use framewright_tests::conversation::{Service, message};
use framewright_tests::peers;
use framewright_tests::server::ServerProcess;

/// What a program does when its stdin ends.
#[derive(Clone, Copy, PartialEq)]
enum AtEnd {
    /// It closes its sending side and waits for the answers.
    HalfCloses,
    /// It may leave at once.
    Leaves,
}

/// Messages short and long, empty, of many characters, and many.
fn messages() -> Vec<Vec<u8>> {
    let mut messages = vec![
        b"Four score and seven years ago".to_vec(),
        Vec::new(),
        "🦀é語x🦀é語x🦀é語x".as_bytes().to_vec(),
        (0..70_000_u32).map(|i| b' ' + u8::try_from(i % 95).unwrap()).collect(),
    ];
    messages.extend((50..80).map(|len| vec![b'x'; len]));
    messages.extend((0..100).map(|i| format!("0123456789 number {i}").into_bytes()));
    messages
}

/// Everything is sent through the program at once, and all answers come out of it.
fn carries(name: &str, package: &str, at_end: AtEnd, command: impl Fn(&Path, u16) -> Command) {
    let Some(program) = peers::find(name, package) else { return };
    for buffer in ["64", "4096"] {
        let mut server = ServerProcess::start(&["echo=127.0.0.1:0", "trim=127.0.0.1:0", "--buffer-size", buffer]);
        for service in [Service::Echo, Service::Trim] {
            let sent: Vec<u8> = messages().iter().flat_map(|payload| message(payload)).collect();
            let answer = |payload: &Vec<u8>| message(&service.answer(payload).unwrap());
            let want: Vec<u8> = messages().iter().flat_map(answer).collect();
            let port = server.address(service.name()).port();
            let until = if at_end == AtEnd::HalfCloses { 0 } else { want.len() };
            let output = peers::run(&mut command(&program, port), &sent, until);
            let complaints = String::from_utf8_lossy(&output.stderr);
            assert!(output.stdout == want, "{} of {} bytes; {complaints}", output.stdout.len(), want.len());
        }
        assert!(server.terminate().success());
    }
}

fn with(program: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(args);
    command
}

#[test]
fn openbsd_netcat_gets_its_answers() {
    // Without a word about the end of its input it would stay for ever.
    carries("nc.openbsd", "netcat-openbsd", AtEnd::Leaves, |nc, port| {
        with(nc, &["-q", "0", "127.0.0.1", &port.to_string()])
    });
}

#[test]
fn openbsd_netcat_gets_its_answers_when_it_half_closes() {
    carries("nc.openbsd", "netcat-openbsd", AtEnd::HalfCloses, |nc, port| {
        with(nc, &["-N", "127.0.0.1", &port.to_string()])
    });
}

#[test]
fn traditional_netcat_gets_its_answers() {
    carries("nc.traditional", "netcat-traditional", AtEnd::Leaves, |nc, port| {
        with(nc, &["-q", "0", "127.0.0.1", &port.to_string()])
    });
}

#[test]
fn busybox_netcat_gets_its_answers_when_it_half_closes() {
    carries("busybox", "busybox", AtEnd::HalfCloses, |busybox, port| {
        with(busybox, &["nc", "127.0.0.1", &port.to_string()])
    });
}

#[test]
fn ncat_gets_its_answers_when_it_half_closes() {
    carries("ncat", "ncat", AtEnd::HalfCloses, |ncat, port| with(ncat, &["127.0.0.1", &port.to_string()]));
}

#[test]
fn socat_gets_its_answers_when_it_half_closes() {
    // After the end of its input it waits so many seconds for the rest: else half a second, which is short on a busy machine.
    carries("socat", "socat", AtEnd::HalfCloses, |socat, port| {
        with(socat, &["-t", "60", "-", &format!("TCP:127.0.0.1:{port}")])
    });
}

#[test]
fn a_shell_gets_its_answer() {
    let Some(bash) = peers::find("bash", "bash") else { return };
    let mut server = ServerProcess::start(&["trim=127.0.0.1:0"]);
    let script = "exec 3<>/dev/tcp/127.0.0.1/$0
        printf '\\x00\\x00\\x00\\x1eFour score ' >&3
        printf 'and seven years ago\\x00\\x00\\x00\\x00' >&3
        head -c 28 <&3";
    let port = server.address("trim").port().to_string();
    let output = peers::run(&mut with(&bash, &["-c", script, &port]), b"", 0);
    let answers = b"\x00\x00\x00\x14 and seven years ago\x00\x00\x00\x00";
    assert_eq!(output.stdout.escape_ascii().to_string(), answers.escape_ascii().to_string());
    assert!(server.terminate().success());
}
