//! Wakes the thread of a connection that sleeps in `poll`, so that its service can speak unasked.
//!
//! It is an event descriptor in the connection's poll set. Waking twice is waking once: what counts is that there is
//! something to say, and the service knows what.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use framewright::service::Wake;
use rustix::event::{EventfdFlags, eventfd};

use crate::errors::{Doing, HostError};

/// Wakes one connection, from any thread. Clones wake the same one; one whose connection is gone wakes nobody.
#[derive(Clone, Debug)]
pub struct Waker {
    event: Arc<OwnedFd>,
}

impl Waker {
    /// # Errors
    /// Too many open files.
    pub(crate) fn new() -> Result<Self, HostError> {
        let event = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)
            .map_err(|errno| HostError::system(Doing::Preparing, "the wake-up of a connection", errno.into()))?;
        Ok(Self { event: Arc::new(event) })
    }

    /// Wakes the connection: its session is polled for output soon.
    pub fn wake(&self) {
        // It fails when the counter is full, after 2^64 - 2 times that nobody looked: then it is ready as well.
        let _ = rustix::io::write(&self.event, &1_u64.to_ne_bytes());
    }

    /// Takes note: it is not ready any more, until it is woken again.
    pub(crate) fn clear(&self) {
        // It fails when nobody woke it.
        let _ = rustix::io::read(&self.event, &mut [0; 8]);
    }
}

impl Wake for Waker {
    fn wake(&self) {
        self.wake();
    }
}

impl AsFd for Waker {
    /// Readable after a wake-up.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.event.as_fd()
    }
}
