//! Accepting connections, for all listeners of a server, and keeping on when the system runs out of something.
//!
//! When there is no descriptor, memory or thread for one more connection, `accept` would fail again at once and spin. So
//! the listeners are left alone for a moment; clients wait in the backlog meanwhile, and are served when others leave.

use std::io::{self, ErrorKind};
use std::mem;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, Scope};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;
use tracing::{error, info, warn};

use crate::connection::Surroundings;
use crate::datagram;
use crate::errors::{Doing, HostError};
use crate::seldom::Seldom;
use crate::server::{Handler, Listener, Listening, ServerConfig, Totals};
use crate::turned_away::TurnedAway;
use crate::wait::{is_ready, wait};

/// Accepts and serves until the server is stopped and the last connection is closed.
pub(crate) fn run(
    config: &ServerConfig,
    listeners: &mut [Listener],
    keep_running: &Arc<AtomicBool>,
    around: &Surroundings,
) -> Result<Totals, HostError> {
    let (mut doors, mut datagrams) = (Vec::new(), Vec::new());
    for listener in listeners {
        match mem::replace(&mut listener.socket, Listening::Closed) {
            Listening::Connections(socket, handler) => doors.push(Door { name: listener.name, handler, socket }),
            Listening::Datagrams(socket) => datagrams.push((listener.name, socket)),
            Listening::Closed => {}
        }
    }
    let clients = AtomicUsize::new(0);
    thread::scope(|scope| {
        for (name, socket) in datagrams {
            let echo = move || {
                if let Err(error) = datagram::echo(name, &socket, config.max_frame, around) {
                    error!(service = name, "it ended: {error}");
                }
            };
            let thread = thread::Builder::new().name(name.to_owned()).stack_size(STACK).spawn_scoped(scope, echo);
            if let Err(error) = thread {
                // Those that are there already must end, or the scope would wait for them.
                around.stopper.stop();
                return Err(HostError::system(Doing::Preparing, format_args!("the service {name}"), error));
            }
        }
        let mut acceptor = Acceptor {
            config,
            around,
            scope,
            clients: &clients,
            totals: Totals::default(),
            pause: Pause::default(),
            full: Seldom::default(),
            turned_away: TurnedAway::default(),
        };
        acceptor.accept_until_stopped(&doors, keep_running);
        drop(doors);
        // From here on each connection sees that, asleep or not, and the scope waits for all of them.
        around.stopping.store(true, Ordering::Relaxed);
        around.stopper.stop();
        keep_running.store(false, Ordering::Relaxed);
        info!(clients = clients.load(Ordering::Relaxed), "stopping");
        Ok(acceptor.totals)
    })
}

struct Acceptor<'scope, 'env> {
    config: &'env ServerConfig,
    around: &'env Surroundings,
    scope: &'scope Scope<'scope, 'env>,
    /// How many are being served.
    clients: &'env AtomicUsize,
    totals: Totals,
    pause: Pause,
    /// When it was last logged that there are too many clients.
    full: Seldom,
    turned_away: TurnedAway,
}

/// A listener that is being served.
struct Door {
    name: &'static str,
    handler: Arc<Handler>,
    socket: TcpListener,
}

/// Whether to go on with a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    More,
    Empty,
    Pause,
}

impl Acceptor<'_, '_> {
    fn accept_until_stopped(&mut self, doors: &[Door], keep_running: &Arc<AtomicBool>) {
        loop {
            // Where nobody else holds the flag, nobody can change it while this waits.
            let shared = Arc::strong_count(keep_running) > 1 || Arc::weak_count(keep_running) > 0;
            let look_again = shared.then_some(FLAG_INTERVAL);
            let pause = self.pause.left();
            let leave = self.turned_away.close_due();
            let mut fds = vec![PollFd::new(&self.around.stopper, PollFlags::IN)];
            if pause.is_none() {
                fds.extend(doors.iter().map(|door| PollFd::new(&door.socket, PollFlags::IN)));
            }
            if let Err(error) = wait(&mut fds, look_again.into_iter().chain(pause).chain(leave).min()) {
                self.pause.begin("cannot wait for clients", &error);
                thread::sleep(PAUSE);
            }
            let stopped = fds.first().is_some_and(|fd| is_ready(fd, PollFlags::IN));
            if stopped || !keep_running.load(Ordering::Relaxed) {
                return;
            }
            let ready: Vec<bool> = fds.iter().skip(1).map(|fd| is_ready(fd, PollFlags::IN)).collect();
            for (door, _) in doors.iter().zip(ready).filter(|(_, ready)| *ready) {
                self.accept_some(door);
            }
        }
    }

    /// Accepts what waits at one listener, and after a while looks at the others.
    fn accept_some(&mut self, door: &Door) {
        for _ in 0..ACCEPTED_AT_ONCE {
            let next = match door.socket.accept() {
                Ok((stream, peer)) => self.admit(door, stream, peer),
                Err(error) => self.after_error(&error),
            };
            if next != Next::More {
                return;
            }
        }
    }

    fn admit(&mut self, door: &Door, stream: TcpStream, peer: SocketAddr) -> Next {
        let (name, handler) = (door.name, Arc::clone(&door.handler));
        let max = self.config.max_clients;
        let Some(seat) = Seat::take(self.clients, max) else {
            self.totals.refused += 1;
            if let Some(times) = self.full.now() {
                warn!(service = name, %peer, times, "refused: {max} clients are being served, which is the limit");
            }
            self.turned_away.add(stream, handler.full_notice());
            return Next::More;
        };
        let (config, around) = (self.config, self.around);
        let serve = move || {
            // Dropped in the other order: who sees the connection closed finds the seat free.
            let stream = stream;
            let _seat = seat;
            let serving = AssertUnwindSafe(|| handler.handle(name, peer, &stream, config, around));
            if catch_unwind(serving).is_err() {
                error!(service = name, %peer, "closed: a fault in the server");
            }
        };
        let thread = thread::Builder::new().name(name.to_owned()).stack_size(STACK);
        match thread.spawn_scoped(self.scope, serve) {
            Ok(_) => {
                self.totals.connections += 1;
                Next::More
            }
            Err(error) => {
                self.totals.refused += 1;
                self.pause.begin("cannot start a thread, one client refused", &error);
                Next::Pause
            }
        }
    }

    fn after_error(&mut self, error: &io::Error) -> Next {
        match error.kind() {
            ErrorKind::WouldBlock => Next::Empty,
            ErrorKind::Interrupted => Next::More,
            _ if of_one_connection(error) => Next::More,
            _ => {
                self.pause.begin("cannot accept", error);
                Next::Pause
            }
        }
    }
}

/// Errors that Linux reports at `accept` though they belong to the connection that was accepted.
fn of_one_connection(error: &io::Error) -> bool {
    let Some(errno) = error.raw_os_error().map(Errno::from_raw_os_error) else {
        return false;
    };
    matches!(
        errno,
        Errno::CONNABORTED
            | Errno::PERM
            | Errno::PROTO
            | Errno::NETDOWN
            | Errno::NETUNREACH
            | Errno::HOSTDOWN
            | Errno::HOSTUNREACH
            | Errno::NOPROTOOPT
            | Errno::OPNOTSUPP
    )
}

/// One of the places for clients; free again when it is dropped.
struct Seat<'env>(&'env AtomicUsize);

impl<'env> Seat<'env> {
    fn take(clients: &'env AtomicUsize, max: usize) -> Option<Self> {
        // Only one thread takes seats, so none can be taken between the two lines.
        if clients.load(Ordering::Relaxed) >= max {
            return None;
        }
        clients.fetch_add(1, Ordering::Relaxed);
        Some(Self(clients))
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A moment in which nothing is accepted.
#[derive(Debug, Default)]
struct Pause {
    until: Option<Instant>,
    logged: Seldom,
}

impl Pause {
    fn begin(&mut self, what: &str, error: &io::Error) {
        self.until = Some(Instant::now() + PAUSE);
        if let Some(times) = self.logged.now() {
            warn!(times, "{what}; no new clients for a moment, those connected are served: {error}");
        }
    }

    /// How much of it is left.
    fn left(&self) -> Option<Duration> {
        self.until?.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
    }
}

/// How often the flag to keep running is looked at.
const FLAG_INTERVAL: Duration = Duration::from_millis(50);

/// How long nothing is accepted after the system ran out of something.
const PAUSE: Duration = Duration::from_millis(100);

/// Connections accepted from one listener before the others are looked at.
const ACCEPTED_AT_ONCE: usize = 64;

/// Bytes of a connection's stack. Only what is used takes memory; a debug build needs more than 32 KiB for its log lines.
const STACK: usize = 128 * 1024;
