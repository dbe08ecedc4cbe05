//! A client of a service by lines.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use socket2::SockRef;

use crate::PATIENCE;
use crate::child::Server;

/// A connection that is read by lines.
pub(crate) struct Client {
    reader: BufReader<TcpStream>,
}

impl Client {
    pub(crate) fn connect(server: &Server, service: &str) -> Self {
        Self::new(server.connect(service))
    }

    pub(crate) fn new(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { reader: BufReader::new(stream) }
    }

    /// A member of the chat room, who was told the name `called`.
    pub(crate) fn join(server: &Server, name: &str, called: &str) -> Self {
        let mut client = Self::connect(server, "chat");
        client.enter(name, called);
        client
    }

    /// Says the name and reads the greeting up to the history.
    pub(crate) fn enter(&mut self, name: &str, called: &str) -> Vec<String> {
        assert_eq!(self.read(), "* Welcome. What is your name?");
        self.say(name);
        assert_eq!(self.read(), format!("* You are {called}. /help lists the commands."));
        let announced = self.read();
        let lines = match announced.strip_prefix("* The last ") {
            Some(rest) => rest.split(' ').next().unwrap().parse().unwrap(),
            None => 0,
        };
        (0..lines).map(|_| self.read()).collect()
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.stream().local_addr().unwrap()
    }

    pub(crate) fn stream(&self) -> &TcpStream {
        self.reader.get_ref()
    }

    pub(crate) fn send(&self, bytes: &[u8]) {
        self.stream().write_all(bytes).unwrap();
    }

    pub(crate) fn say(&self, line: &str) {
        self.send(format!("{line}\n").as_bytes());
    }

    /// Sends a line and reads one.
    pub(crate) fn ask(&mut self, line: &str) -> String {
        self.say(line);
        self.read()
    }

    /// The next line, without its end.
    pub(crate) fn read(&mut self) -> String {
        self.try_read().unwrap_or_else(|| panic!("{} was disconnected", self.address()))
    }

    /// The next line; `None` at the end of the stream, in order or not.
    pub(crate) fn try_read(&mut self) -> Option<String> {
        let mut line = String::new();
        match self.reader.read_line(&mut line) {
            Ok(0) => None,
            Ok(_) => Some(line.trim_end_matches('\n').to_owned()),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => None,
            Err(error) => panic!("{error}; so far {line:?}"),
        }
    }

    /// The next line of the chat without its time.
    pub(crate) fn hear(&mut self) -> String {
        let line = self.read();
        let (time, said) = line.split_at(11);
        let stamp: Vec<char> = time.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
        assert_eq!(stamp.iter().collect::<String>(), "[00:00:00] ", "{line}");
        said.to_owned()
    }

    /// What comes within a moment, if anything.
    pub(crate) fn surprise(&mut self) -> Option<String> {
        self.stream().set_read_timeout(Some(Duration::from_millis(150))).unwrap();
        let mut line = String::new();
        let surprise = self.reader.read_line(&mut line).is_ok().then_some(line);
        self.stream().set_read_timeout(Some(PATIENCE)).unwrap();
        surprise
    }

    /// Reads to the end.
    pub(crate) fn read_all(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.reader.read_to_end(&mut bytes).unwrap();
        bytes
    }

    /// Breaks the connection: the server gets a reset.
    pub(crate) fn reset(self) {
        SockRef::from(self.stream()).set_linger(Some(Duration::ZERO)).unwrap();
    }
}
