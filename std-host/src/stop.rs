//! One signal to stop that every thread of a server can wait for together with its socket.
//!
//! It is a pipe that nobody reads: once a byte is in it, it is readable for ever and for everyone who polls it. So one
//! write wakes all, no thread needs a pipe of its own, and a signal handler can do it.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::pipe::{PipeFlags, pipe_with};

use crate::errors::{Doing, HostError};

/// Stops a server, from any thread. Clones stop the same one.
#[derive(Clone, Debug)]
pub struct Stopper {
    pipe: Arc<Pipe>,
}

#[derive(Debug)]
struct Pipe {
    reader: OwnedFd,
    writer: OwnedFd,
}

impl Stopper {
    /// # Errors
    /// Too many open files.
    pub(crate) fn new() -> Result<Self, HostError> {
        let (reader, writer) =
            pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK).map_err(|errno| failed(errno.into()))?;
        Ok(Self { pipe: Arc::new(Pipe { reader, writer }) })
    }

    /// Stops the server. Does nothing if it was stopped already.
    pub fn stop(&self) {
        // A pipe that is full is readable as well.
        let _ = rustix::io::write(&self.pipe.writer, &[0]);
    }

    /// Whether the server was stopped.
    pub fn is_stopped(&self) -> bool {
        let mut fds = [PollFd::new(&self.pipe.reader, PollFlags::IN)];
        poll(&mut fds, Some(&Timespec::default())).is_ok_and(|ready| ready > 0)
    }

    /// A descriptor for a signal handler: a byte written to it stops the server.
    ///
    /// # Errors
    /// Too many open files.
    pub fn trigger(&self) -> Result<OwnedFd, HostError> {
        self.pipe.writer.try_clone().map_err(failed)
    }
}

impl AsFd for Stopper {
    /// Readable once the server was stopped. Nobody may read from it.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pipe.reader.as_fd()
    }
}

fn failed(error: io::Error) -> HostError {
    HostError::system(Doing::Preparing, "the signal to stop", error)
}
