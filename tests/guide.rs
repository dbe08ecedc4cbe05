//! The guide and the README, run as printed: each Python snippet against a server, and what it prints and the server logs beside
//! what the page says.

use std::path::Path;
use std::process::{Command, Stdio};
use std::{fs, str};

use framewright_tests::peers;
use framewright_tests::server::ServerProcess;

/// The services that the pages use, with the ports at which they find them.
const SERVICES: [(&str, &str); 6] =
    [("trim", "4567"), ("echo", "12345"), ("hello", "65432"), ("kv", "6380"), ("chat", "5555"), ("message", "65433")];

/// A block of a page between two fences.
#[derive(Debug)]
struct Block<'p> {
    /// What stands behind the first fence.
    kind: &'p str,
    text: &'p str,
}

fn blocks(page: &str) -> Vec<Block<'_>> {
    let fenced = page.split("\n```").skip(1).step_by(2);
    fenced.map(|block| block.split_once('\n').unwrap_or((block, ""))).map(|(kind, text)| Block { kind, text }).collect()
}

/// Runs every snippet of a page, and says how many there were.
fn run(page: &Path) -> usize {
    let Some(python) = peers::find("python3", "python3") else {
        return 0;
    };
    let page = fs::read_to_string(page).expect("a page of this repository");
    let services: Vec<String> = SERVICES.iter().map(|(name, _)| format!("{name}=127.0.0.1:0")).collect();
    let server = ServerProcess::start(&services.iter().map(String::as_str).collect::<Vec<_>>());
    let mut stored = Command::new(framewright_tests::server::framewright());
    let addr = server.address("kv").to_string();
    stored.args(["kv", "--addr", &addr, "SET", "colour", "deep blue"]).stdin(Stdio::null());
    assert!(stored.status().expect("the command starts").success());

    let blocks = blocks(&page);
    let mut ran = 0;
    for (at, block) in blocks.iter().enumerate().filter(|(_, block)| block.kind == "python") {
        let script = SERVICES.iter().fold(block.text.to_owned(), |script, (name, port)| {
            let actual = server.address(name).port();
            script.replace(&format!("\"127.0.0.1\", {port})"), &format!("\"127.0.0.1\", {actual})"))
        });
        let output = Command::new(&python).args(["-c", &script]).stdin(Stdio::null()).output().expect("python starts");
        assert!(output.status.success(), "{script}\n{}", String::from_utf8_lossy(&output.stderr));
        let printed = str::from_utf8(&output.stdout).expect("python prints UTF-8").trim_end();
        for expected in blocks[at + 1..].iter().take_while(|block| block.kind.starts_with("text")) {
            match expected.kind {
                "text" => assert_eq!(printed, expected.text, "{script}"),
                "text log" => server.wait_for_log(expected.text.split_once(' ').expect("a level and words").1),
                // An example of what chance decides.
                _ => assert!(!printed.is_empty(), "{script}"),
            }
        }
        ran += 1;
    }
    ran
}

#[test]
fn every_snippet_of_the_guide_prints_what_the_guide_says() {
    let ran = run(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../core/docs/sockets.md"));
    assert!(ran == 0 || ran >= 11, "{ran} snippets");
}

#[test]
fn every_snippet_of_the_readme_prints_what_the_readme_says() {
    let ran = run(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md"));
    assert!(ran == 0 || ran >= 2, "{ran} snippets");
}
