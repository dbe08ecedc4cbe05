//! A client whose bytes are read as they come, so that it never holds up the board by not reading.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use framewright_tests::conversation::{Ending, message};
use framewright_tests::server::PATIENCE;
use socket2::SockRef;

/// A connection.
pub(crate) struct Client {
    stream: Option<TcpStream>,
    inbox: Arc<Inbox>,
    /// Its own address.
    pub(crate) local: SocketAddr,
}

#[derive(Default)]
struct Inbox {
    came: Mutex<Came>,
    news: Condvar,
}

#[derive(Default)]
struct Came {
    bytes: Vec<u8>,
    ending: Option<Ending>,
}

impl Client {
    /// Connects.
    pub(crate) fn connect(server: SocketAddr) -> Self {
        let stream = TcpStream::connect(server).expect("QEMU listens");
        stream.set_nodelay(true).expect("an option of every socket");
        stream.set_write_timeout(Some(PATIENCE)).expect("not zero");
        let inbox = Arc::new(Inbox::default());
        let (mut reader, filled) = (stream.try_clone().expect("a descriptor"), Arc::clone(&inbox));
        thread::spawn(move || {
            let mut chunk = [0; 16384];
            loop {
                let read = reader.read(&mut chunk);
                let mut came = filled.came.lock().expect("no panic while it is held");
                match read {
                    Ok(0) => came.ending = Some(Ending::Closed),
                    Ok(n) => came.bytes.extend(&chunk[..n]),
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Err(_) => came.ending = Some(Ending::Broken),
                }
                filled.news.notify_all();
                if came.ending.is_some() {
                    return;
                }
            }
        });
        let local = stream.local_addr().expect("it is connected");
        Self { stream: Some(stream), inbox, local }
    }

    /// Sends bytes. What the server no longer takes is lost, as in life.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        if let Some(stream) = &mut self.stream {
            let sent = stream.write_all(bytes);
            let late = sent.is_err_and(|error| error.kind() == ErrorKind::WouldBlock);
            assert!(!late, "the board took nothing for {PATIENCE:?}");
        }
    }

    /// The next `n` bytes, or as many as come before the end.
    pub(crate) fn receive(&mut self, n: usize) -> Vec<u8> {
        let mut came = self.wait(|came| came.bytes.len() >= n || came.ending.is_some());
        let n = n.min(came.bytes.len());
        came.bytes.drain(..n).collect()
    }

    /// All bytes up to and with this one, or up to the end.
    pub(crate) fn receive_until(&mut self, last: u8) -> Vec<u8> {
        let at = |came: &Came| came.bytes.iter().position(|byte| *byte == last);
        let mut came = self.wait(|came| at(came).is_some() || came.ending.is_some());
        let n = at(&came).map_or(came.bytes.len(), |at| at + 1);
        came.bytes.drain(..n).collect()
    }

    /// All that comes until the end of the stream, and how it ends.
    pub(crate) fn rest(&mut self) -> (Vec<u8>, Ending) {
        let mut came = self.wait(|came| came.ending.is_some());
        (came.bytes.drain(..).collect(), came.ending.unwrap_or(Ending::Broken))
    }

    /// Sends a message and receives one, both in the `u32` framing.
    pub(crate) fn ask(&mut self, payload: &[u8]) -> Vec<u8> {
        self.send(&message(payload));
        self.receive_message()
    }

    /// Receives a message in the `u32` framing.
    pub(crate) fn receive_message(&mut self) -> Vec<u8> {
        let header = self.receive(4);
        let len = <[u8; 4]>::try_from(&header[..]).map(u32::from_be_bytes);
        self.receive(
            len.unwrap_or_else(|_| panic!("the stream ended after {} bytes of a header", header.len())) as usize
        )
    }

    /// Sends a line and receives one.
    pub(crate) fn line(&mut self, line: &str) -> String {
        self.send(format!("{line}\n").as_bytes());
        String::from_utf8_lossy(&self.receive_until(b'\n')).trim_end().to_owned()
    }

    /// Closes the sending side.
    pub(crate) fn close_write(&mut self) {
        if let Some(stream) = &self.stream {
            // A connection that is gone has nothing to close.
            let _ = stream.shutdown(Shutdown::Write);
        }
    }

    /// Breaks the connection off.
    pub(crate) fn reset(&mut self) {
        if let Some(stream) = self.stream.take() {
            SockRef::from(&stream).set_linger(Some(Duration::ZERO)).expect("an option of every socket");
            // The reader has a descriptor of its own, which would keep the connection alive.
            let _ = stream.shutdown(Shutdown::Read);
            drop(self.wait(|came| came.ending.is_some()));
        }
    }

    /// Whether it broke the connection off.
    pub(crate) fn is_reset(&self) -> bool {
        self.stream.is_none()
    }

    fn wait(&self, holds: impl Fn(&Came) -> bool) -> MutexGuard<'_, Came> {
        let deadline = Instant::now() + PATIENCE;
        let mut came = self.inbox.came.lock().expect("no panic while it is held");
        while !holds(&came) {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "nothing came for {PATIENCE:?}; {} bytes before", came.bytes.len());
            came = self.inbox.news.wait_timeout(came, left).expect("no panic while it is held").0;
        }
        came
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // The reader has a descriptor of its own, which would keep the connection alive.
        if let Some(stream) = &self.stream {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}
