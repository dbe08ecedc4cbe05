//! Programs of others: what finds neighbours, netcats, and clients in other languages.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use super::namespace::{find, in_a_namespace, ip};
use super::process::Server;
use super::{ECHO, KV, TRIM};

#[test]
fn neighbours_find_the_server_and_it_answers_a_ping() {
    in_a_namespace(|| {
        let Some(ping) = find("ping", "iputils-ping") else { return };
        let server = Server::start(&["echo"]);
        let output =
            Command::new(ping).args(["-c", "3", "-i", "0.2", "-W", "5", "192.168.69.1"]).output().expect("ping starts");
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && text.contains(" 3 received"), "{text}");
        let neighbours = ip("neigh show dev framewright0");
        assert!(neighbours.contains("192.168.69.1 lladdr 02:46:57:00:00:01"), "{neighbours}");
        server.stop("INT");
    });
}

#[test]
fn netcats_of_all_kinds_get_their_answers() {
    in_a_namespace(|| {
        let server = Server::start(&["kv", "trim"]);
        // As each must be told to stay for the answers when its input ends.
        let kinds = [
            ("nc.openbsd", "netcat-openbsd", "-N 192.168.69.1"),
            ("nc.traditional", "netcat-traditional", "-q 1 192.168.69.1"),
            ("ncat", "ncat", "192.168.69.1"),
            ("busybox", "busybox", "nc 192.168.69.1"),
        ];
        for (program, package, arguments) in kinds {
            let Some(path) = find(program, package) else { continue };
            let talk = |port: u16, request: &[u8]| {
                let arguments = format!("{arguments} {port}");
                let mut child = Command::new(&path)
                    .args(arguments.split(' '))
                    .stdin(Stdio::piped())
                    .stdout(Stdio::piped())
                    .spawn()
                    .expect("it starts");
                child.stdin.take().expect("its input").write_all(request).expect("given");
                child.wait_with_output().expect("its output").stdout
            };
            assert_eq!(talk(KV, b"SET a one two\r\nGET a\nGET b\n"), b"OK\none two\nERROR\n", "{program}");
            let request = b"\0\0\0\x1eFour score and seven years ago";
            assert_eq!(talk(TRIM, request), b"\0\0\0\x14 and seven years ago", "{program}");
        }
        server.stop("INT");
    });
}

#[test]
fn a_client_in_python_gets_its_answers() {
    in_a_namespace(|| runs("python3", "python3", "partner.py", 18));
}

#[test]
fn a_client_in_erlang_gets_its_answers() {
    in_a_namespace(|| runs("escript", "erlang-base", "partner.escript", 8));
}

/// A client of the services `echo` and `trim`, which must say of so many cases that they went well.
fn runs(program: &str, package: &str, script: &str, cases: usize) {
    let Some(program) = find(program, package) else { return };
    // Erlang talks to itself.
    ip("link set dev lo up");
    let server = Server::start(&["--max-clients", "256", "trim", "echo"]);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests").join(script);
    let output = Command::new(program)
        .arg(script)
        .args(["192.168.69.1", &ECHO.to_string(), &TRIM.to_string(), "4096"])
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .expect("it starts");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    let good = text.lines().filter(|line| line.starts_with("ok ")).count();
    assert!(good >= cases, "{text}");
    server.stop("INT");
}
