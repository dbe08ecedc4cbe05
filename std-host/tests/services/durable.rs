//! `--data`: what was answered with `OK` is there after the server was killed, and what is damaged, locked or full is told.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, Signal, prlimit};

use crate::child::{FRAMEWRIGHT, Server, run};
use crate::client::Client;
use crate::{Directory, wait_until};

fn start(directory: &Directory, more: &[&str]) -> Server {
    Server::start(&[&["serve", "kv=0", "--data", directory.path()][..], more].concat())
}

/// Sets keys as fast as they are answered until the server is gone; each that was answered is noted, with the time.
fn set_until_killed(server: &Server, prefix: &str, noted: &Mutex<HashMap<String, (String, Instant)>>) {
    let mut client = Client::connect(server, "kv");
    for i in 0.. {
        let (key, value) = (format!("{prefix}-{i}"), format!("value {i} of {prefix}"));
        // It may be gone already.
        let _ = std::io::Write::write_all(&mut client.stream(), format!("SET {key} {value}\n").as_bytes());
        match client.try_read().as_deref() {
            Some("OK") => _ = noted.lock().unwrap().insert(key, (value, Instant::now())),
            Some(other) => panic!("{key}: {other}"),
            None => return,
        }
    }
}

/// The keys that are not there as noted.
fn missing(server: &Server, noted: &HashMap<String, (String, Instant)>) -> Vec<String> {
    let mut client = Client::connect(server, "kv");
    let mut missing = Vec::new();
    for noted in noted.iter().collect::<Vec<_>>().chunks(100) {
        let requests: Vec<_> = noted.iter().map(|(key, _)| format!("GET {key}\n")).collect();
        client.send(requests.concat().as_bytes());
        missing.extend(noted.iter().filter(|(_, (value, _))| client.read() != *value).map(|(key, _)| (*key).clone()));
    }
    missing
}

#[test]
fn every_key_that_was_answered_is_there_after_kill_9() {
    let directory = Directory::new();
    let noted = Mutex::new(HashMap::new());
    for round in 0..25 {
        let mut server = start(&directory, &[]);
        assert_eq!(missing(&server, &noted.lock().unwrap()), [""; 0], "round {round}");
        let before = noted.lock().unwrap().len();
        thread::scope(|scope| {
            for writer in 0..4 {
                let (server, noted) = (&server, &noted);
                scope.spawn(move || set_until_killed(server, &format!("{round}-{writer}"), noted));
            }
            // Killed at another moment of a commit each time.
            wait_until("some keys are set", || noted.lock().unwrap().len() > before + 2 * round + 5);
            server.signal(Signal::KILL);
        });
        server.wait();
    }
    let server = start(&directory, &[]);
    assert_eq!(missing(&server, &noted.lock().unwrap()), [""; 0]);
    server.wait_for_log("was not closed in an orderly way");
}

#[test]
fn with_an_interval_at_most_so_much_is_lost() {
    let directory = Directory::new();
    let interval = Duration::from_millis(400);
    let more = ["--sync", "interval", "--sync-interval", "400"];
    let noted = Mutex::new(HashMap::new());
    for round in 0..4 {
        let mut server = start(&directory, &more);
        let begin = Instant::now();
        let killed_at = thread::scope(|scope| {
            scope.spawn(|| set_until_killed(&server, &format!("{round}"), &noted));
            wait_until("more than an interval is over", || begin.elapsed() > interval * (2 + round) / 2);
            let killed_at = Instant::now();
            server.signal(Signal::KILL);
            killed_at
        });
        server.wait();
        let mut noted = noted.lock().unwrap();
        let server = start(&directory, &more);
        let missing = missing(&server, &noted);
        for key in &missing {
            let (_, at) = noted.remove(key).unwrap();
            let age = killed_at.saturating_duration_since(at);
            assert!(age < interval, "round {round}: {key} was set {age:?} before the end");
        }
        println!("round {round}: {} lost, {} kept", missing.len(), noted.len());
        assert!(!noted.is_empty());
    }
}

#[test]
fn an_orderly_stop_loses_nothing_however_long_the_interval_is() {
    let directory = Directory::new();
    let more = ["--sync", "interval", "--sync-interval", "3600000"];
    let mut server = start(&directory, &more);
    let mut client = Client::connect(&server, "kv");
    for i in 0..500 {
        assert_eq!(client.ask(&format!("SET k{i} {i}")), "OK");
        if i % 2 == 0 {
            assert_eq!(client.ask(&format!("DELETE k{i}")), "OK");
        }
    }
    drop(client);
    server.signal(Signal::TERM);
    assert!(server.wait().success());
    let server = start(&directory, &more);
    let mut client = Client::connect(&server, "kv");
    for i in 0..500 {
        let expected = if i % 2 == 0 { "ERROR".to_owned() } else { i.to_string() };
        assert_eq!(client.ask(&format!("GET k{i}")), expected);
    }
    assert!(server.log().contains("keys=250"), "{}", server.log());
}

#[test]
fn limits_hold_on_disk_and_over_a_restart() {
    let directory = Directory::new();
    let more = ["--max-keys", "2", "--max-store", "20"];
    for start_number in 0..2 {
        let mut server = start(&directory, &more);
        let mut client = Client::connect(&server, "kv");
        if start_number == 0 {
            assert_eq!([client.ask("SET a 0123456789"), client.ask("SET b 01234567")], ["OK", "OK"]);
        }
        assert_eq!([client.ask("SET c x"), client.ask("SET b 012345678")], ["ERROR", "ERROR"]);
        assert_eq!([client.ask("SET b 0"), client.ask("SET b 01234567")], ["OK", "OK"]);
        server.wait_for_log("answered ERROR: the store is full");
        drop(client);
        server.signal(Signal::TERM);
        assert!(server.wait().success());
    }
}

#[test]
fn a_directory_that_cannot_be_used_is_told_in_words_with_status_one() {
    let directory = Directory::new();
    let refused = |why: &str| {
        let output = run(&["serve", "kv=0", "--data", directory.path()], b"");
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(stderr.contains("framewright: cannot open ") && stderr.contains(why), "{stderr}");
        assert_eq!(output.stdout, b"");
    };
    let mut server = start(&directory, &[]);
    refused("in use: stop the server that has it open, or take another directory");
    let mut client = Client::connect(&server, "kv");
    for i in 0..200 {
        assert_eq!(client.ask(&format!("SET key{i} {}", "x".repeat(500))), "OK");
    }
    drop(client);
    server.signal(Signal::TERM);
    server.wait();
    let good = fs::read(directory.database()).unwrap();
    for bad in [b"not a database".repeat(10_000), good[..good.len() / 2].to_vec()] {
        fs::write(directory.database(), bad).unwrap();
        refused("no database of this program, or damaged: put a copy in its place, or move it away to begin anew");
    }
    fs::remove_file(directory.database()).unwrap();
    fs::create_dir(directory.database()).unwrap();
    refused(
        "no database of this program, or damaged: put a copy in its place, or move it away to begin anew (Is a directory",
    );

    // Parents that are missing are made; where that cannot be, it is told what is wrong.
    let below = format!("{}/new/and/deep", directory.path());
    drop(Server::start(&["serve", "kv=0", "--data", &below]));
    assert!(Path::new(&below).join("framewright.redb").exists());
    for path in [format!("{below}/framewright.redb/x"), format!("{below}/framewright.redb"), "/proc/none/x".to_owned()]
    {
        let output = run(&["serve", "kv=0", "--data", &path], b"");
        let stderr = String::from_utf8(output.stderr).unwrap();
        let told =
            format!("framewright: cannot open {path}: no such directory, and it cannot be made here: check its path");
        assert!(stderr.starts_with(&told), "{stderr}");
        assert_eq!(output.status.code(), Some(1));
    }
}

#[test]
fn a_value_that_is_damaged_on_disk_is_an_error_and_the_others_are_served() {
    let directory = Directory::new();
    let mut server = start(&directory, &[]);
    let mut client = Client::connect(&server, "kv");
    for i in 0..100 {
        assert_eq!(client.ask(&format!("SET key{i} {}", format!("<{i:03}>").repeat(60))), "OK");
    }
    drop(client);
    server.signal(Signal::TERM);
    server.wait();
    let mut bytes = fs::read(directory.database()).unwrap();
    let (place, _) = bytes.windows(10).enumerate().find(|(_, bytes)| bytes == b"<042><042>").unwrap();
    bytes[place + 5] = 0xff;
    fs::write(directory.database(), bytes).unwrap();
    let server = start(&directory, &[]);
    let mut client = Client::connect(&server, "kv");
    let answers: Vec<_> = (0..100).map(|i| client.ask(&format!("GET key{i}"))).collect();
    assert_eq!(answers.iter().filter(|answer| *answer == "ERROR").count(), 1);
    assert_eq!(answers[42], "ERROR");
    server.wait_for_log("a key cannot be read from");
    assert_eq!(client.ask("SET key42 again"), "OK");
}

/// As on a full disk: no file of the process may be longer.
fn limit_files(server: &Server, bytes: Option<u64>) {
    let limit = Rlimit { current: bytes, maximum: None };
    prlimit(Some(server.pid()), Resource::Fsize, limit).unwrap();
}

#[test]
fn a_full_disk_is_an_error_the_server_lives_and_goes_on_when_there_is_room() {
    let directory = Directory::new();
    let mut command = Command::new("sh");
    // Else the signal that tells of the limit would end it; on a disk that is full there is none.
    command.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\"", FRAMEWRIGHT, "serve", "kv=0", "--data", directory.path()]);
    let server = Server::start_as(&mut command);
    let mut client = Client::connect(&server, "kv");
    assert_eq!(client.ask("SET first 1"), "OK");
    limit_files(&server, Some(fs::metadata(directory.database()).unwrap().len() + 100_000));
    let mut kept = 0;
    let value = "x".repeat(10_000);
    while client.ask(&format!("SET key{kept} {value}")) == "OK" {
        kept += 1;
    }
    assert!(kept < 10_000);
    server.wait_for_log("writes are answered with ERROR until it works again");
    for i in 0..kept {
        wait_until("it can be read", || client.ask(&format!("GET key{i}")) == value);
    }
    limit_files(&server, None);
    wait_until("it can be written again", || client.ask("SET last 1") == "OK");
    assert_eq!(client.ask("GET first"), "1");
    for i in 0..kept {
        assert_eq!(client.ask(&format!("GET key{i}")), value);
    }
    server.wait_for_log("can be written again");
    assert!(server.log().matches("ERROR cannot write").count() < 20, "{}", server.log());
}
