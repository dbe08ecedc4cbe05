//! The guide and the README, run as printed: each Python snippet and each shell command against a server, and what it prints and the
//! server logs beside what the page says. And the code that the guide quotes, beside the code.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{fs, str};

use framewright_tests::server::{ServerProcess, framewright, smoltcp_demo};
use framewright_tests::{namespace, peers};

/// The services that the pages use, with the ports at which they find them.
const SERVICES: [(&str, &str); 6] =
    [("trim", "4567"), ("echo", "12345"), ("hello", "65432"), ("kv", "6380"), ("chat", "5555"), ("message", "65433")];

/// A block of a page between two fences.
#[derive(Debug)]
struct Block<'p> {
    /// What stands between the block before and this one.
    before: &'p str,
    /// What stands behind the first fence.
    kind: &'p str,
    text: &'p str,
}

fn blocks(page: &str) -> Vec<Block<'_>> {
    let parts: Vec<&str> = page.split("\n```").collect();
    let fenced = parts.chunks_exact(2).map(|pair| (pair[0], pair[1].split_once('\n').unwrap_or((pair[1], ""))));
    fenced.map(|(before, (kind, text))| Block { before, kind, text }).collect()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}

fn read(page: &str) -> String {
    fs::read_to_string(root().join(page)).expect("a page of this repository")
}

const GUIDE: &str = "core/docs/sockets.md";

/// Runs every snippet of a page, and says how many there were.
fn run(page: &str) -> usize {
    let Some(python) = peers::find("python3", "python3") else {
        return 0;
    };
    let page = read(page);
    let services: Vec<String> = SERVICES.iter().map(|(name, _)| format!("{name}=127.0.0.1:0")).collect();
    let server = ServerProcess::start(&services.iter().map(String::as_str).collect::<Vec<_>>());
    let mut stored = Command::new(framewright());
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

/// A command, and what the page says that it prints.
struct Typed {
    command: String,
    printed: String,
}

/// The commands of a block, each after a `$`, with the lines up to the next.
fn typed(block: &Block<'_>) -> Vec<Typed> {
    let mut all: Vec<Typed> = Vec::new();
    for line in block.text.lines() {
        if let Some(command) = line.strip_prefix("$ ") {
            all.push(Typed { command: command.to_owned(), printed: String::new() });
        } else {
            let last = all.last_mut().expect("a block begins with a command");
            last.printed.push_str(line);
            last.printed.push('\n');
        }
    }
    all
}

/// Types the commands of a block into one shell, and returns what each printed, on stdout and stderr.
fn type_in(commands: &[Typed]) -> Vec<String> {
    const BORDER: &str = "--- the next command ---";
    // What cargo would run, without asking it to build.
    let cargo = format!(
        "framewright() {{ '{}' \"$@\"; }}
        smoltcp-demo() {{ '{}' \"$@\"; }}
        cargo() {{ local package=$4; shift 5; case $package in std-host) framewright \"$@\" ;; *) $package \"$@\" ;; esac; }}\n",
        framewright().display(),
        smoltcp_demo().display()
    );
    let typed = commands.iter().map(|Typed { command, .. }| format!("{command}\necho '{BORDER}'\n"));
    let script = cargo + &typed.collect::<String>();
    let output = Command::new("bash")
        .args(["-c", &format!("exec 2>&1\n{script}")])
        .current_dir(root())
        .env("LC_ALL", "C.UTF-8")
        .env_remove("RUST_LOG")
        .stdin(Stdio::null())
        .output()
        .expect("bash starts");
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut each: Vec<String> = printed.split(&format!("{BORDER}\n")).map(str::to_owned).collect();
    each.truncate(commands.len());
    each
}

/// Text with every number but 0 made the same, and every gap: what is left of it is not up to chance.
fn shape(text: &str) -> String {
    let mut shape = String::new();
    for word in text.split_whitespace() {
        let mut rest = word;
        while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
            let number = rest[at..].find(|c: char| !c.is_ascii_digit()).map_or(&rest[at..], |n| &rest[at..at + n]);
            shape.push_str(&rest[..at]);
            shape.push_str(if number == "0" { "0" } else { "#" });
            rest = &rest[at + number.len()..];
        }
        shape.push_str(rest);
        shape.push(' ');
    }
    shape
}

#[test]
fn every_snippet_of_the_guide_prints_what_the_guide_says() {
    let ran = run(GUIDE);
    assert!(ran == 0 || ran >= 13, "{ran} snippets");
}

#[test]
fn every_snippet_of_the_readme_prints_what_the_readme_says() {
    let ran = run("README.md");
    assert!(ran == 0 || ran >= 2, "{ran} snippets");
}

/// In a namespace, because there the usual ports are free.
#[test]
fn every_command_of_the_guide_prints_what_the_guide_says() {
    namespace::inside("every_command_of_the_guide_prints_what_the_guide_says", || {
        let ran = run_commands(&read(GUIDE), &["bash", "nc", "xxd", "ss", "tshark"]);
        assert!(ran.is_none_or(|ran| ran >= 12), "{ran:?} commands");
    });
}

/// The sections about the host; what is in a block `console by hand` takes two terminals, or kills a server.
#[test]
fn every_command_of_the_readme_prints_what_the_readme_says() {
    namespace::inside("every_command_of_the_readme_prints_what_the_readme_says", || {
        let page = read("README.md");
        let host = page.split("\n## Over a userspace TCP stack").next().expect("a beginning");
        let ran = run_commands(host, &["bash", "nc", "xxd"]);
        assert!(ran.is_none_or(|ran| ran >= 13), "{ran:?} commands");
    });
}

/// Types in the commands of a page, with the server as it comes beside it, and says how many there were; `None` where one of the
/// programs that they use is missing and that is allowed.
fn run_commands(page: &str, programs: &[&str]) -> Option<usize> {
    const PACKAGES: [(&str, &str); 5] =
        [("bash", "bash"), ("nc", "netcat-openbsd"), ("xxd", "xxd"), ("ss", "iproute2"), ("tshark", "tshark")];
    for (program, package) in PACKAGES.iter().filter(|(program, _)| programs.contains(program)) {
        peers::find(program, package)?;
    }
    fs::create_dir_all(root().join("target")).expect("a directory for what the commands write");
    let _server = ServerProcess::start(&[]);
    let mut ran = 0;
    for block in blocks(page).iter().filter(|block| ["console", "console for example"].contains(&block.kind)) {
        let commands = typed(block);
        for (Typed { command, printed }, got) in commands.iter().zip(type_in(&commands)) {
            if block.kind == "console" {
                assert_eq!(got, *printed, "{command}");
            } else {
                assert_eq!(shape(&got), shape(printed), "{command}\n{got}");
            }
            ran += 1;
        }
    }
    Some(ran)
}

#[test]
fn the_code_that_the_guide_quotes_is_the_code() {
    let page = read(GUIDE);
    let mut quoted = 0;
    for block in blocks(&page).iter().filter(|block| block.kind == "rust") {
        let (_, link) = block.before.rsplit_once("](").expect("a link to the file before its code");
        let file = link.split_once(')').expect("a link has an end").0;
        let code = fs::read_to_string(root().join("core/docs").join(file)).expect("a file of this repository");
        let lines = |text: &str| text.lines().map(|line| line.trim().to_owned()).collect::<Vec<_>>();
        let (code, wanted) = (lines(&code), lines(block.text));
        assert!(code.windows(wanted.len()).any(|lines| lines == wanted), "{file} does not have\n{}", block.text);
        quoted += 1;
    }
    assert!(quoted >= 12, "{quoted} quotes");
}

#[test]
fn every_section_of_the_guide_has_something_to_run_and_the_code_for_it() {
    let page = read(GUIDE);
    let sections: Vec<&str> =
        page.split("\n## ").filter(|section| section.starts_with(|c: char| c.is_ascii_digit())).collect();
    assert_eq!(sections.len(), 12);
    for section in sections {
        let title = section.lines().next().unwrap_or_default();
        let has = |kind: &str| section.contains(&format!("\n```{kind}"));
        assert!((has("python") && has("text")) || has("console"), "{title}: nothing to run");
        assert!(has("rust\n"), "{title}: no code");
    }
}
