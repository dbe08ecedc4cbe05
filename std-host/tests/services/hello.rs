//! `hello`: chunks come back as TCP cut them.

use std::io::Write;
use std::net::Shutdown;

use crate::child::{Server, read, read_all};

#[test]
fn a_chunk_is_answered_behind_a_greeting() {
    let server = Server::start(&["serve", "hello=0"]);
    let mut stream = server.connect("hello");
    for chunk in ["hi", "🦀", "\n", "\0"] {
        stream.write_all(chunk.as_bytes()).unwrap();
        assert_eq!(read(&stream, 6 + chunk.len()), format!("Echo: {chunk}").into_bytes());
    }
    stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(read_all(&stream), b"", "an end is no chunk");
}

#[test]
fn much_more_than_a_buffer_comes_back_whole_in_pieces() {
    let server = Server::start(&["serve", "hello=0", "--buffer-size", "64"]);
    let mut stream = server.connect("hello");
    stream.write_all(&[b'x'; 10_000]).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let answer = String::from_utf8(read_all(&stream)).unwrap();
    assert_eq!(answer.replace("Echo: ", "").len(), 10_000);
    for piece in answer.split("Echo: ").skip(1) {
        assert!((1..=64).contains(&piece.len()) && piece.bytes().all(|byte| byte == b'x'), "{piece:?}");
    }
    assert!(answer.starts_with("Echo: x"));
}
