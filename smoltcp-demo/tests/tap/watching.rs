//! What the server shows of the network, and what it does to it.

use std::fs;
use std::process::Command;

use super::ECHO;
use super::client::{ask, framed};
use super::namespace::{find, in_a_namespace};
use super::process::Server;

#[test]
fn cut_and_impaired_segments_give_the_same_answers_and_a_table() {
    in_a_namespace(|| {
        let options =
            ["--segment", "7", "--drop", "0.05", "--corrupt", "2%", "--duplicate", "2%", "--reorder", "2%", "--seed"];
        let server = Server::start(&[&options[..], &["5", "echo"]].concat());
        let message = framed(&[b'y'; 300]);
        assert!(ask(ECHO, &message) == message);
        let text = server.stop("INT").printed;
        for word in ["lost", "spoiled", "doubled", "overtaken"] {
            assert!(text.contains(word), "{text}");
        }
        let row: Vec<&str> =
            text.lines().find(|line| line.contains(" echo ")).expect("a row").split_whitespace().collect();
        // segment, service, clients, answers, messages, segments, cut, shared, retransmissions
        assert_eq!((row[0], row[1], row[4]), ("7", "echo", "2"), "{text}");
        assert!(row[5].parse::<u32>().expect("a number") > 2 * 300 / 7, "{text}");
        assert_ne!(row[8], "0", "one in twenty of a hundred segments is lost: {text}");
    });
}

#[test]
fn a_capture_of_the_interface_is_read_by_tshark_and_the_trace_tells_of_the_same_messages() {
    in_a_namespace(|| {
        let Some(tshark) = find("tshark", "tshark") else { return };
        let path = std::env::temp_dir().join(format!("framewright-tap-{}.pcap", std::process::id()));
        let file = path.to_str().expect("a path");
        let server = Server::start(&["--pcap", file, "--trace", "--segment", "5", "echo"]);
        assert_eq!(ask(ECHO, &framed(b"a message in five segments")), framed(b"a message in five segments"));
        let trace = server.stop("INT").printed;
        // The kernel sent it in one segment; it came to the server in pieces.
        for words in [
            "message 1 ends: \"ments\" (30 of 30, in 6 segments)",
            "answer 1 ends: \"ments\" (30 of 30, in 6 segments)",
        ] {
            assert!(trace.contains(words), "{words}\n{trace}");
        }
        assert!(!trace.contains('\u{1b}'), "colours in a pipe: {trace}");

        let fields = ["-e", "tcp.len", "-e", "tcp.checksum.status", "-e", "_ws.malformed", "-e", "frame.time_epoch"];
        let checks = ["-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE"];
        let output = Command::new(tshark)
            .args(["-r", file, "-Y", &format!("tcp.srcport=={ECHO} && tcp.len>0"), "-T", "fields"])
            .args(checks)
            .args(fields)
            .output()
            .expect("tshark starts");
        fs::remove_file(&path).expect("removed");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).expect("text");
        let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split('\t').collect()).collect();
        assert!(rows.iter().all(|row| row[1] == "1" && row[2].is_empty()), "{text}");
        // Since 2001, in seconds: the time of this machine, and not since the server began.
        assert!(rows.iter().all(|row| row[3].parse::<f64>().is_ok_and(|time| time > 1e9)), "{text}");
        let sizes: Vec<&str> = rows.iter().map(|row| row[0]).collect();
        assert_eq!(sizes, ["5"; 6], "{text}");
    });
}
