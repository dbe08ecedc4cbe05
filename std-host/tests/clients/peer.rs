//! Somebody else in a chat room, over a socket.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};

use crate::PATIENCE;

/// A member that is in.
pub(crate) struct Peer {
    stream: TcpStream,
    reader: BufReader<TcpStream>,
}

impl Peer {
    pub(crate) fn join(server: SocketAddr, name: &str) -> Self {
        let stream = TcpStream::connect(server).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let reader = BufReader::new(stream.try_clone().unwrap());
        let mut peer = Self { stream, reader };
        peer.say(name);
        peer.wait_for("* You are ");
        peer
    }

    pub(crate) fn say(&mut self, line: &str) {
        self.stream.write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    /// The next line that contains `text`; all before it are passed over.
    pub(crate) fn wait_for(&mut self, text: &str) -> String {
        let mut passed = String::new();
        loop {
            let mut line = String::new();
            let n = self.reader.read_line(&mut line).unwrap_or_else(|error| panic!("{error}; heard so far: {passed}"));
            assert!(n > 0, "the room closed before it said {text:?}; it said: {passed}");
            if line.contains(text) {
                return line.trim_end().to_owned();
            }
            passed.push_str(&line);
        }
    }
}
