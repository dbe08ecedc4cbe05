//! `framewright time`.

use std::io::Write;
use std::time::Duration;

use crate::child::{Server, run};
use crate::{deaf_port, serve_once, told};

fn time(address: &str, more: &[&str]) -> (i32, String, String) {
    told(run(&[&["time", "--addr", address], more].concat(), b""))
}

#[test]
fn the_time_is_printed_on_a_line() {
    let server = Server::start(&["serve", "time=0"]);
    let (status, stdout, stderr) = time(&server.address("time").to_string(), &[]);
    assert_eq!((status, stderr.as_str()), (0, ""));
    let time: jiff::Timestamp = stdout.strip_suffix('\n').unwrap().parse().unwrap();
    assert!(time.duration_until(jiff::Timestamp::now()) < jiff::SignedDuration::from_secs(30), "{stdout}");
    assert_eq!(stdout.len(), "2026-11-21T08:12:33.123456+00:00\n".len());
}

#[test]
fn a_time_may_come_in_pieces_and_with_a_line_end() {
    let (address, serving) = serve_once(|mut stream| {
        for piece in ["2026-11-21T08:", "12:33", "+00:00\r\n"] {
            stream.write_all(piece.as_bytes()).unwrap();
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    assert_eq!(time(&address, &[]), (0, "2026-11-21T08:12:33+00:00\n".into(), String::new()));
    serving.join().unwrap();
}

#[test]
fn what_goes_wrong_is_told_in_words_with_status_one() {
    let (_socket, port) = deaf_port();
    let failed = |address: &str, why: &str| {
        let (status, stdout, stderr) = time(address, &["--reply-timeout", "0.3"]);
        assert_eq!((status, stdout.as_str()), (1, ""), "{stderr}");
        assert!(stderr.starts_with(&format!("framewright: {why}")), "{stderr}");
    };
    failed(&format!("127.0.0.1:{port}"), &format!("cannot connect to 127.0.0.1:{port}: connection refused"));
    let (address, serving) = serve_once(drop);
    failed(&address, &format!("no reply from {address}: closed before the reply"));
    serving.join().unwrap();
    let (address, serving) = serve_once(|stream| {
        // It may be gone before all of it was taken.
        let _ = (&stream).write_all(&vec![b'x'; 100_000]);
    });
    failed(&address, &format!("{address} sends something else than a time"));
    serving.join().unwrap();
    let (tell, told) = std::sync::mpsc::channel::<()>();
    let (address, serving) = serve_once(move |_stream| _ = told.recv());
    failed(&address, &format!("no reply from {address}: timed out: the server does not answer"));
    drop(tell);
    serving.join().unwrap();
}
