//! A client in Python, written from the description of the services alone, against the command `framewright serve`.

use std::path::PathBuf;
use std::process::Command;

use framewright_tests::peers;
use framewright_tests::server::ServerProcess;

fn python() -> Option<PathBuf> {
    peers::find("python3", "python3")
}

/// Runs the cases named, or all, against this server with buffers of so many bytes; what it printed.
fn partner(python: &PathBuf, server: &ServerProcess, buffer: usize, cases: &[&str]) -> String {
    let port = |service: &str| server.address(service).port().to_string();
    let output = peers::run(
        Command::new(python)
            .arg(peers::script("partner.py"))
            .args(["127.0.0.1", &port("echo"), &port("trim"), &buffer.to_string()])
            .args(cases)
            .env("SERVER_PID", server.id().to_string())
            .env("PYTHONDONTWRITEBYTECODE", "1"),
        b"",
        0,
    );
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{printed}{}", String::from_utf8_lossy(&output.stderr));
    printed
}

fn all_cases_with_buffers_of(buffer: usize) {
    let Some(python) = python() else { return };
    let size = buffer.to_string();
    let mut server = ServerProcess::start(&["echo=127.0.0.1:0", "trim=127.0.0.1:0", "--buffer-size", &size]);
    let printed = partner(&python, &server, buffer, &[]);
    let listed = Command::new(&python).arg(peers::script("partner.py")).arg("--list").output().expect("the list");
    let cases = String::from_utf8_lossy(&listed.stdout).lines().count();
    assert_eq!(printed.lines().filter(|line| line.starts_with("ok ")).count(), cases, "{printed}");
    assert!(cases >= 18);

    // What went wrong, and why a connection was closed, is in the log.
    for text in [
        "length 4294967295 exceeds the limit of 16777216 bytes",
        "truncated: the stream ended inside a message (43 of its 44 bytes came)",
        "message at byte 19: the text is not valid UTF-8",
    ] {
        server.wait_for_log(text);
    }
    assert!(!server.log().contains("panicked"), "{}", server.log());
    assert!(server.terminate().success());
}

#[test]
fn a_client_in_python_gets_its_answers_through_buffers_of_64_bytes() {
    all_cases_with_buffers_of(64);
}

#[test]
fn a_client_in_python_gets_its_answers_through_buffers_of_4_kib() {
    all_cases_with_buffers_of(4096);
}

#[test]
fn a_client_in_python_gets_64_mebibytes_back_where_that_is_allowed() {
    let Some(python) = python() else { return };
    let args = ["echo=127.0.0.1:0", "trim=127.0.0.1:0", "--max-frame", "67108864"];
    let mut server = ServerProcess::start(&args);
    assert_eq!(partner(&python, &server, 4096, &["sixty_four_mebibytes"]), "ok sixty_four_mebibytes\n");
    assert!(server.terminate().success());
}

#[test]
fn a_client_in_python_learns_that_the_server_is_gone() {
    let Some(python) = python() else { return };
    for size in ["64", "4096"] {
        let mut server = ServerProcess::start(&["echo=127.0.0.1:0", "trim=127.0.0.1:0", "--buffer-size", size]);
        assert_eq!(partner(&python, &server, 64, &["stop"]), "ok stop\n");
        assert!(server.wait().success());
    }
}
