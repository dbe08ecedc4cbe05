//! The chat room of a server: a [`Hub`](framewright::service::Hub) behind a mutex.
//!
//! Who speaks wakes the members that sleep. The room is locked while they are found, but not while they are woken: two
//! thousand system calls would keep everybody else waiting.

use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use framewright::Shared;
use framewright::service::{ChatRules, Hub, Seat, Wake};
use tracing::warn;

use crate::clock::{self, LocalClock};
use crate::database::Database;
use crate::errors::HostError;
use crate::waker::Waker;

/// A chat room. Clones are the same room.
#[derive(Clone, Debug)]
pub struct Room {
    rules: ChatRules,
    inside: Arc<Mutex<Inside>>,
    called: Arc<Called>,
}

/// What the engine calls a room.
pub(crate) type Members = Hub<Box<[Seat<Bell>]>, Box<[u8]>, Bell>;

#[derive(Debug)]
struct Inside {
    hub: Members,
    clock: LocalClock,
    history: Option<History>,
}

/// The public messages, as they are kept on disk.
#[derive(Debug)]
struct History {
    database: Arc<Database>,
    /// Up to here the room's log was handed over.
    cursor: u64,
}

/// Those to be woken when the room is unlocked.
type Called = Mutex<Vec<Waker>>;

/// Calls one member.
#[derive(Clone, Debug)]
pub(crate) struct Bell {
    waker: Waker,
    called: Arc<Called>,
}

impl Room {
    /// An empty room for so many members, with a log of so many bytes. A member that has fallen behind by more than the log
    /// is disconnected.
    pub fn new(members: usize, log_bytes: usize, rules: ChatRules) -> Self {
        Self::with_history(members, log_bytes, rules, None)
    }

    /// The same with the messages of an earlier life, which keeps its messages for the next one.
    pub(crate) fn kept(
        members: usize,
        log_bytes: usize,
        rules: ChatRules,
        database: Arc<Database>,
    ) -> Result<Self, HostError> {
        let lines = database.lines()?;
        Ok(Self::with_history(members, log_bytes, rules, Some((database, lines))))
    }

    fn with_history(
        members: usize,
        log_bytes: usize,
        rules: ChatRules,
        history: Option<(Arc<Database>, Vec<String>)>,
    ) -> Self {
        let clock = LocalClock::read(clock::now());
        let seats = (0..members).map(|_| Seat::default()).collect();
        let mut hub = Hub::new(seats, vec![0; log_bytes].into_boxed_slice(), clock.clock());
        let history = history.map(|(database, lines)| {
            for line in &lines {
                hub.restore(line);
            }
            History { database, cursor: hub.messages_from(0, |_| {}) }
        });
        Self { rules, inside: Arc::new(Mutex::new(Inside { hub, clock, history })), called: Arc::default() }
    }

    /// The rules of the room.
    pub fn rules(&self) -> ChatRules {
        self.rules
    }

    pub(crate) fn bell(&self, waker: Waker) -> Bell {
        Bell { waker, called: Arc::clone(&self.called) }
    }
}

impl Shared<Members> for Room {
    fn with(&self, work: impl FnOnce(&mut Members)) {
        let mut guard = lock(&self.inside);
        let inside = &mut *guard;
        if let Some(clock) = inside.clock.refresh(clock::now()) {
            inside.hub.set_clock(clock);
        }
        let before = inside.hub.dropped();
        work(&mut inside.hub);
        let dropped = inside.hub.dropped();
        if let Some(history) = &mut inside.history {
            history.cursor = inside.hub.messages_from(history.cursor, |line| {
                history.database.keep_line(String::from_utf8_lossy(&line.concat()).into_owned());
            });
        }
        let called = mem::take(&mut *lock(&self.called));
        drop(guard);
        if dropped > before {
            warn!(so_far = dropped, "chat: a member read too slowly, and is disconnected");
        }
        for waker in called {
            waker.wake();
        }
    }
}

impl Wake for Bell {
    fn wake(&self) {
        lock(&self.called).push(self.waker.clone());
    }
}

/// A thread that panicked has left the room as it was before or after a change, not in between: the engine does not panic.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
