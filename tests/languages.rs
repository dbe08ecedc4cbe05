//! Clients in other languages, each written with what comes with the language, against the command `framewright serve`.

use std::path::PathBuf;
use std::process::Command;

use framewright_tests::peers;
use framewright_tests::server::ServerProcess;

/// Runs a client against servers with small and with usual buffers; it must say that each of its cases went well.
fn runs(program: Option<PathBuf>, script: &str, cases: usize) {
    let Some(program) = program else { return };
    for buffer in ["64", "4096"] {
        let mut server = ServerProcess::start(&["echo=127.0.0.1:0", "trim=127.0.0.1:0", "--buffer-size", buffer]);
        let port = |service: &str| server.address(service).port().to_string();
        let output = peers::run(
            Command::new(&program).arg(peers::script(script)).args(["127.0.0.1", &port("echo"), &port("trim"), buffer]),
            b"",
            0,
        );
        let printed = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{printed}{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(printed.lines().filter(|line| line.starts_with("ok ")).count(), cases, "{printed}");
        assert!(server.terminate().success());
    }
}

#[test]
fn a_client_in_erlang_gets_its_answers() {
    runs(peers::find("escript", "erlang-base"), "partner.escript", 8);
}

#[test]
fn a_client_in_perl_gets_its_answers() {
    runs(peers::find("perl", "perl"), "partner.pl", 6);
}

#[test]
fn a_client_in_javascript_gets_its_answers() {
    runs(peers::find("node", "nodejs"), "partner.mjs", 7);
}
