//! One connection of a server: moves bytes between a socket and a [`Session`], until the session is done.
//!
//! The socket does not block. Bytes are read straight into the session's own storage; all replies to them are written
//! before the next read, so that a batch of messages is answered by few writes. Only when nothing can move does the thread
//! sleep, in one `poll` on the socket and on the server's [`Stopper`], until the session's next deadline at most. A service
//! that speaks unasked has a [`Waker`] in that `poll` as well.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use framewright::{CloseReason, Instant, Service, Session, Storage};
use rustix::event::{PollFd, PollFlags};

use crate::clock;
use crate::stop::Stopper;
use crate::wait::{is_ready, wait};
use crate::waker::Waker;

/// What all connections of a server have in common.
#[derive(Debug)]
pub(crate) struct Surroundings {
    pub(crate) stopper: Stopper,
    /// Set once the server was stopped, for connections so busy that they never sleep.
    pub(crate) stopping: AtomicBool,
    /// How long a connection may go on after the server was told to stop.
    pub(crate) stop_timeout: Duration,
}

/// A socket and what is known of it.
struct Link<'a, V: Service, I, O> {
    session: &'a mut Session<V, I, O>,
    socket: &'a TcpStream,
    waker: Option<&'a Waker>,
    around: &'a Surroundings,
    /// Whether a read may find something. False only after the socket was found empty.
    readable: bool,
    /// Whether a write may be taken. False only after the socket was found full.
    writable: bool,
    sending: Sending,
    stopping: Stopping,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sending {
    Open,
    /// The peer was told that nothing will follow.
    Ended,
}

/// How far a stop of the server has come here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stopping {
    No,
    /// What the kernel had received by then is still taken: so many bytes more.
    Draining {
        left: u64,
        until: Instant,
    },
    /// The session knows.
    Told {
        until: Instant,
    },
    /// All was answered and sent, and the peer told that nothing will follow. It has until `until` to close its side as well, and
    /// until `latest` if it goes on sending.
    Leaving {
        until: Instant,
        latest: Instant,
    },
}

/// Serves the connection to its end, and says why it ended. The caller closes the socket.
pub(crate) fn drive<V, I, O>(
    session: &mut Session<V, I, O>,
    socket: &TcpStream,
    waker: Option<&Waker>,
    around: &Surroundings,
) -> io::Result<CloseReason>
where
    V: Service<Framing: Clone>,
    I: Storage,
    O: Storage,
{
    socket.set_nonblocking(true)?;
    let mut link = Link {
        session,
        socket,
        waker,
        around,
        readable: true,
        writable: true,
        sending: Sending::Open,
        stopping: Stopping::No,
    };
    loop {
        let now = clock::now();
        link.session.handle_deadline(now);
        link.stop_in_time(now);
        let moved = link.read(now) | link.write(now);
        if link.session.is_done() {
            return Ok(link.session.close_reason().unwrap_or(CloseReason::Shutdown));
        }
        if !moved {
            link.sleep(now)?;
        }
    }
}

impl<V, I, O> Link<'_, V, I, O>
where
    V: Service<Framing: Clone>,
    I: Storage,
    O: Storage,
{
    /// Reads once. Whether that changed anything.
    fn read(&mut self, now: Instant) -> bool {
        if !self.readable || !self.session.wants_input() {
            return false;
        }
        let mut space = self.session.input_mut();
        if let Stopping::Draining { left, .. } = self.stopping {
            let most = space.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            space = &mut space[..most];
        }
        let room = space.len();
        let mut socket = self.socket;
        match socket.read(space) {
            Ok(0) => {
                self.readable = false;
                self.session.handle_end(now);
            }
            Ok(n) => {
                // Less than there was room for: the socket is most likely empty, and `poll` will tell if it is not.
                self.readable = n == room;
                self.session.handle_filled(n, now);
                match &mut self.stopping {
                    Stopping::Draining { left, .. } => *left = left.saturating_sub(n as u64),
                    // To close now would be to reset the connection, if more is on its way.
                    Stopping::Leaving { until, latest } => *until = (now + LAST_MOMENT).min(*latest),
                    Stopping::No | Stopping::Told { .. } => {}
                }
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.readable = false;
                return false;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => self.session.handle_reset(now),
        }
        true
    }

    /// Writes until the session has nothing to send or the socket is full. Whether anything was sent.
    fn write(&mut self, now: Instant) -> bool {
        let mut moved = false;
        let mut socket = self.socket;
        if !self.writable {
            // Nothing can be sent, but the service may have to be asked: it notices that its peer falls behind, say.
            self.session.poll_output(now);
        }
        while self.writable {
            let output = self.session.poll_output(now);
            if output.is_empty() {
                break;
            }
            match socket.write(output) {
                Ok(n) => {
                    self.session.sent(n, now);
                    moved = true;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.writable = false,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => {
                    self.session.handle_reset(now);
                    return true;
                }
            }
        }
        if self.session.is_output_finished() && self.sending == Sending::Open {
            self.sending = Sending::Ended;
            // A peer that is gone already needs not be told.
            let _ = self.socket.shutdown(Shutdown::Write);
            moved = true;
        }
        moved
    }

    /// Carries a stop of the server out, as far as it has come.
    fn stop_in_time(&mut self, now: Instant) {
        if self.stopping == Stopping::No && self.around.stopping.load(Ordering::Relaxed) {
            self.handle_stop(now);
        }
        if let Stopping::Draining { left: 0, until } = self.stopping {
            self.tell_to_stop(until, now);
        }
        match self.stopping {
            Stopping::Draining { until, .. } | Stopping::Told { until } | Stopping::Leaving { until, .. }
                if until <= now =>
            {
                self.session.shutdown(now);
                self.session.poll_output(now);
                self.session.handle_reset(now);
            }
            Stopping::Told { until: latest } if self.sending == Sending::Ended => {
                self.stopping = Stopping::Leaving { until: (now + LAST_MOMENT).min(latest), latest };
            }
            _ => {}
        }
    }

    /// The server is stopping.
    fn handle_stop(&mut self, now: Instant) {
        let left = rustix::io::ioctl_fionread(self.socket).unwrap_or(0);
        self.stopping = Stopping::Draining { left, until: now + self.around.stop_timeout };
        self.readable = true;
    }

    fn tell_to_stop(&mut self, until: Instant, now: Instant) {
        self.session.shutdown(now);
        self.stopping = Stopping::Told { until };
    }

    /// Sleeps until something can move. All that was due at `now` was done.
    fn sleep(&mut self, now: Instant) -> io::Result<()> {
        let mut events = PollFlags::empty();
        events.set(PollFlags::IN, self.session.wants_input());
        events.set(PollFlags::OUT, !self.writable);
        let stop_at = match self.stopping {
            Stopping::No => None,
            Stopping::Draining { until, .. } | Stopping::Told { until } | Stopping::Leaving { until, .. } => {
                Some(until)
            }
        };
        let deadline = self.session.deadline().into_iter().chain(stop_at).min();
        let timeout = deadline.map(|deadline| {
            if deadline > now {
                deadline.saturating_since(clock::now())
            } else {
                // What is due needs room in the output, which is full: to look again at once would be to spin.
                OVERDUE
            }
        });

        let stopper = self.around.stopper.as_fd();
        let stop_events = if self.stopping == Stopping::No { PollFlags::IN } else { PollFlags::empty() };
        let waker = self.waker.map_or(stopper, |waker| waker.as_fd());
        let mut fds =
            [PollFd::new(self.socket, events), PollFd::new(&stopper, stop_events), PollFd::new(&waker, PollFlags::IN)];
        let waited = if self.waker.is_some() { &mut fds[..] } else { &mut fds[..2] };
        wait(waited, timeout)?;
        let [socket, stop, wake] = &fds;
        self.readable |= is_ready(socket, PollFlags::IN);
        self.writable |= is_ready(socket, PollFlags::OUT);
        if let Some(waker) = self.waker
            && is_ready(wake, PollFlags::IN)
        {
            // The session is asked for output after this, so what it is woken for from now on is not missed.
            waker.clear();
        }
        if self.stopping == Stopping::No && is_ready(stop, PollFlags::IN) {
            self.handle_stop(clock::now());
        }
        Ok(())
    }
}

/// How long a server that is stopping waits for a peer that has all its answers and sends nothing more. Most close at once.
const LAST_MOMENT: Duration = Duration::from_millis(300);

/// How long a connection sleeps that has something to do and cannot.
const OVERDUE: Duration = Duration::from_millis(50);
