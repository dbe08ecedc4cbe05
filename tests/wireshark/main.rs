//! The dissector for Wireshark: what it shows of captures of the demo and of the host server.

mod tshark;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream, UdpSocket};
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser as _;
use framewright_tests::peers::find;
use framewright_tests::server::ServerProcess;
use rustix::net::{SendFlags, send};
use smoltcp_demo::demo::{self, Cli, Verdict};

use tshark::{Live, Row, in_a_namespace, read};

/// A capture of the demo, which is removed when this is dropped.
struct Capture(PathBuf);

impl Capture {
    /// Runs the demo on its loopback.
    fn of(name: &str, arguments: &[&str]) -> Self {
        let path = std::env::temp_dir().join(format!("framewright-{}-{name}.pcap", std::process::id()));
        let capture = Self(path);
        let file = capture.0.to_str().expect("a path");
        let cli = Cli::parse_from([&["smoltcp-demo", "--device", "loopback", "--pcap", file], arguments].concat());
        assert_eq!(demo::loopback(&cli, &mut std::io::sink()).expect("a demonstration"), Verdict::Right);
        capture
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// All that the rows say of a field, in order.
fn all(rows: &[Row], field: &str) -> Vec<String> {
    rows.iter().flat_map(|row| row.get(field)).cloned().collect()
}

#[test]
fn messages_that_came_in_segments_of_three_bytes_are_put_together_again() {
    let Some(program) = find("tshark", "tshark") else { return };
    let capture = Capture::of("cut", &["--segment", "3", "trim", "kv", "message", "udp-echo"]);
    // Nothing is cut off at the end of a stream.
    let ends = read(&program, &capture.0, &[], "tcp.flags.fin == 1");
    assert!(ends.len() > 20 && ends.iter().all(|row| !row.complains("stream ends")), "{ends:?}");
    let rows = read(&program, &capture.0, &[], "tcp.len > 0 or udp");
    assert!(rows.iter().all(|row| row.number("tcp.len").is_none_or(|len| len <= 3)), "segments are cut");
    assert!(all(&rows, "_ws.expert.message").iter().all(|text| !text.contains("Framewright")));

    // As many as the demo counts, each with its own length.
    let (asked, answered): (Vec<Row>, Vec<Row>) =
        rows.iter().filter(|row| row.is_of(4567)).cloned().partition(|row| row.number("tcp.dstport") == Some(4567));
    let (asked_lengths, lengths) = (all(&asked, "framewright.u32.length"), all(&answered, "framewright.u32.length"));
    assert_eq!((asked_lengths.len(), lengths.len()), (109, 109));
    for len in ["0", "4097", "20480"] {
        assert!(asked_lengths.contains(&len.to_owned()), "{asked_lengths:?}");
    }
    assert_eq!((asked_lengths[0].as_str(), lengths[0].as_str()), ("30", "20"));
    assert_eq!(all(&asked, "framewright.u32.text")[0], "Four score and seven years ago");
    assert_eq!(all(&answered, "framewright.u32.text")[0], " and seven years ago");
    // Payload and text are the same bytes, and as many as the length says.
    for row in rows.iter().filter(|row| row.get("framewright.u32.text").len() == 1) {
        let (payload, text) = (&row.get("framewright.u32.payload")[0], &row.get("framewright.u32.text")[0]);
        let len: usize =
            row.get("framewright.u32.length").iter().map(|len| len.parse::<usize>().expect("a length")).sum();
        assert_eq!((payload.len(), text.len()), (2 * len, len));
    }

    let lines = all(&rows, "framewright.lines.text");
    assert_eq!(lines[..6], ["GET river", "ERROR", "SET river Danube", "OK", "GET river", "Danube"]);
    assert!(lines.iter().any(|line| line.contains('🦀')), "{lines:?}");
    let endings = all(&rows, "framewright.lines.ending");
    assert!(endings.contains(&"LF".to_owned()) && endings.contains(&"CR LF".to_owned()), "{endings:?}");

    let first = rows.iter().find(|row| !row.get("framewright.json.length").is_empty()).expect("a request");
    for (field, value) in [
        ("framewright.json.byteorder", "little"),
        ("framewright.json.content_type", "text/json"),
        ("framewright.json.content_encoding", "utf-8"),
        ("framewright.json.length", "36"),
        ("framewright.json.text", r#"{"action":"search","value":"nobody"}"#),
    ] {
        assert_eq!(first.get(field), [value], "{field}");
    }
    let header = &first.get("framewright.json.header")[0];
    assert_eq!(first.number("framewright.json.header_length"), Some(header.len() as u64));
    assert!(header.starts_with('{') && header.ends_with('}'), "{header}");
    let answers = all(&rows, "framewright.json.text");
    assert!(answers.contains(&r#"{"result": "No match for 'nobody'."}"#.to_owned()), "{answers:?}");
    assert_eq!(all(&rows, "framewright.json.length").len(), 12);

    let datagrams = all(&rows, "framewright.udp.length");
    // Four that are not empty, there and back; Wireshark does not ask what an empty one means.
    assert_eq!(datagrams.len(), 8, "{datagrams:?}");
}

#[test]
fn messages_that_share_a_segment_are_shown_one_by_one() {
    let Some(program) = find("tshark", "tshark") else { return };
    let capture = Capture::of("shared", &["--segment", "1460", "echo", "kv"]);
    let rows = read(&program, &capture.0, &[], "framewright.u32 or framewright.lines");
    let most = rows.iter().max_by_key(|row| row.get("framewright.u32.length").len()).expect("messages");
    let lengths: Vec<u64> =
        most.get("framewright.u32.length").iter().map(|len| len.parse().expect("a length")).collect();
    assert_eq!(lengths, (0..100).map(|n| n % lengths.iter().max().map_or(1, |max| max + 1)).collect::<Vec<_>>());
    assert!(most.get("_ws.col.Info")[0].contains("100 messages in all"), "{most:?}");
    let eight = rows.iter().find(|row| row.get("framewright.lines.text").len() == 8).expect("eight lines in a segment");
    assert_eq!(eight.get("framewright.lines.text")[..2], ["GET river", "SET river Danube"]);
    assert!(eight.get("_ws.col.Info")[0].starts_with("→ GET river │ SET river Danube │ "), "{eight:?}");
}

#[test]
fn ports_are_a_preference() {
    let Some(program) = find("tshark", "tshark") else { return };
    let capture = Capture::of("ports", &["--segment", "1460", "echo=9999"]);
    let count = |options: &[&str]| all(&read(&program, &capture.0, options, "tcp"), "framewright.u32.length").len();
    assert_eq!(count(&[]), 0);
    assert_eq!(count(&["-o", "framewright.u32.ports:9998-9999"]), 218);
    let marked =
        read(&program, &capture.0, &["-o", "framewright.u32.ports:9999", "-o", "framewright.u32.max:1000"], "tcp");
    assert!(all(&marked, "_ws.expert.message").iter().any(|text| text.contains("over the limit")));
}

#[test]
fn a_live_capture_of_the_host_server_shows_messages_and_marks_what_is_malformed() {
    let Some(program) = find("tshark", "tshark") else { return };
    in_a_namespace("a_live_capture_of_the_host_server_shows_messages_and_marks_what_is_malformed", || {
        let mut server = ServerProcess::start(&[]);
        let mut live = Live::start(&program);
        // The capture has begun when it has seen something.
        let probe = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        live.wait_until(
            || assert_eq!(probe.send_to(b"probe", "127.0.0.1:3456").expect("sent"), 5),
            |row| row.has("framewright.udp.text", "probe"),
        );
        let talk = |port: u16, pieces: &[&[u8]]| {
            let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("a connection");
            stream.set_nodelay(true).expect("set");
            stream.set_read_timeout(Some(Duration::from_secs(20))).expect("set");
            for piece in pieces {
                stream.write_all(piece).expect("sent");
            }
            stream.shutdown(Shutdown::Write).expect("closed");
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer);
            answer
        };
        let request = b"\0\0\0\x1eFour score and seven years ago\0\0\0\x03abc";
        assert_eq!(
            talk(4567, &[&request[..2], &request[2..20], &request[20..]]),
            b"\0\0\0\x14 and seven years ago\0\0\0\0"
        );
        live.wait(|row| {
            row.number("tcp.dstport") == Some(4567)
                && row.get("framewright.u32.length") == ["30", "3"]
                && row.get("framewright.u32.text") == ["Four score and seven years ago", "abc"]
                && row.has("_ws.col.Info", "→ [30]: Four score and seven years ago │ [3]: abc")
        });
        live.wait(|row| {
            row.number("tcp.srcport") == Some(4567) && row.has("framewright.u32.text", " and seven years ago")
        });

        assert_eq!(talk(6380, &[b"SET k v w\r\nGE", b"T k\n"]), b"OK\nv w\n");
        live.wait(|row| row.number("tcp.dstport") == Some(6380) && row.has("framewright.lines.text", "GET k"));

        talk(12345, &[b"\xff\xff\xff\xffand more"]);
        live.wait(|row| row.has("framewright.u32.length", "4294967295") && row.complains("over the limit"));
        talk(65433, &[b"\0\x06[1, 2]"]);
        live.wait(|row| row.complains("no JSON object"));
        let header = br#"{"byteorder":"little","content-type":"a/b","x":{"content-encoding":"no"},"content-length":2}"#;
        talk(65433, &[&[0, u8::try_from(header.len()).expect("a length")], header, b"hi"]);
        live.wait(|row| row.complains("content-encoding is missing"));
        talk(6380, &[b"GET \xff\n"]);
        live.wait(|row| row.complains("not UTF-8"));

        // The end comes with the last bytes: the kernel waits for more, and then there is no more.
        let stream = TcpStream::connect("127.0.0.1:12345").expect("a connection");
        send(&stream, b"\0\0\0\x10half", SendFlags::MORE).expect("sent");
        stream.shutdown(Shutdown::Write).expect("closed");
        live.wait(|row| row.number("tcp.len") > Some(0) && row.complains("ends inside a message"));

        // The end comes alone: what waits for more, with a length that is known or not, is told of where it ends.
        for (port, pieces, words) in [
            (12345, &[&b"\0\0\0\x10half"[..], b"more"][..], "ends inside a message"),
            (4567, &[b"\0\0\0\x04whole\0\0"], "ends inside a message"),
            (6380, &[b"GET k\nGET"], "without the end of its last line"),
            (65433, &[b"\0\x20{"], "ends inside a message"),
        ] {
            talk(port, pieces);
            live.wait(|row| {
                row.number("tcp.dstport") == Some(port.into())
                    && row.number("tcp.len") == Some(0)
                    && row.complains(words)
                    && row.get("_ws.col.Info")[0].ends_with("[the rest of a request is missing]")
            });
        }
        live.stop();
        assert!(server.terminate().success());
    });
}
