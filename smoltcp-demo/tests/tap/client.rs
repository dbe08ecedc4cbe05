//! Clients on the kernel's stack.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

use super::{SERVER, TIMEOUT};

/// A client that sends and receives lines.
pub(crate) struct LineClient(BufReader<TcpStream>);

/// A connection to the server.
pub(crate) fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect_timeout(&SocketAddr::from((SERVER, port)), TIMEOUT).expect("a connection");
    stream.set_read_timeout(Some(TIMEOUT)).expect("a timeout");
    stream
}

/// A message in the framing `u32`.
pub(crate) fn framed(message: &[u8]) -> Vec<u8> {
    [&u32::try_from(message.len()).expect("a length").to_be_bytes()[..], message].concat()
}

/// Sends all, closes its half, and reads to the end.
pub(crate) fn ask(port: u16, request: &[u8]) -> Vec<u8> {
    let mut stream = connect(port);
    let mut writer = stream.try_clone().expect("a second handle");
    let request = request.to_vec();
    let sending = std::thread::spawn(move || {
        writer.write_all(&request).expect("sent");
        writer.shutdown(Shutdown::Write).expect("closed");
    });
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("the answer");
    sending.join().expect("all was sent");
    answer
}

impl LineClient {
    pub(crate) fn connect(port: u16) -> Self {
        Self(BufReader::new(connect(port)))
    }

    pub(crate) fn say(&mut self, line: &str) {
        self.0.get_mut().write_all(format!("{line}\n").as_bytes()).expect("sent");
    }

    /// The next line.
    pub(crate) fn hear(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).expect("a line");
        line.trim_end_matches('\n').to_owned()
    }

    /// The next line that holds these words.
    pub(crate) fn hear_of(&mut self, words: &str) -> String {
        loop {
            let line = self.hear();
            assert!(!line.is_empty(), "the end, before '{words}'");
            if line.contains(words) {
                return line;
            }
        }
    }
}
