//! Clients for whom there is no room: each is told so, in its framing's way, and has a moment to read it.
//!
//! To close at once would not do: the client's first request may lie unread in the socket, and closing a socket with unread
//! bytes makes TCP send a reset, which would overtake the notice.

use std::collections::VecDeque;
use std::io::Write;
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

/// Connections that were told and are not closed yet.
#[derive(Debug, Default)]
pub(crate) struct TurnedAway {
    /// The oldest first, with the time when it is to be closed; at most [`MOST`].
    leaving: VecDeque<(Instant, TcpStream)>,
}

impl TurnedAway {
    /// Sends `notice` and closes the connection, soon; at once where there is nothing to say.
    pub(crate) fn add(&mut self, mut stream: TcpStream, notice: &[u8]) {
        // The socket of a new connection is empty: it takes a short notice whole, without blocking.
        let told = !notice.is_empty()
            && stream.set_nonblocking(true).is_ok()
            && stream.write_all(notice).is_ok()
            && stream.shutdown(Shutdown::Write).is_ok();
        if told {
            if self.leaving.len() == MOST {
                self.leaving.pop_front();
            }
            self.leaving.push_back((Instant::now() + MOMENT, stream));
        }
    }

    /// Closes those whose moment is over. How long until the next one's is.
    pub(crate) fn close_due(&mut self) -> Option<Duration> {
        let now = Instant::now();
        while self.leaving.front().is_some_and(|(due, _)| *due <= now) {
            self.leaving.pop_front();
        }
        self.leaving.front().map(|(due, _)| due.saturating_duration_since(now))
    }
}

/// How long a client has to read the notice.
const MOMENT: Duration = Duration::from_secs(1);

/// How many clients have that time at once. Each takes a file descriptor.
pub(crate) const MOST: usize = 64;
