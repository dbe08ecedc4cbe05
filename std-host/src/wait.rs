//! Waiting for sockets, with a time-out.

use std::io;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

/// Waits until one of `fds` is ready, or `timeout` is over, or a signal came: look at each one's `revents`.
///
/// # Errors
/// The kernel has no memory, or there are more descriptors than this process may have.
pub(crate) fn wait(fds: &mut [PollFd<'_>], timeout: Option<Duration>) -> io::Result<()> {
    // A time that the kernel cannot count is for ever.
    let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
    match poll(fds, timeout.as_ref()) {
        Ok(_) => Ok(()),
        Err(Errno::INTR) => {
            for fd in fds {
                fd.clear_revents();
            }
            Ok(())
        }
        Err(errno) => Err(errno.into()),
    }
}

/// Whether something asked for is possible, or the socket is broken, which the next read or write will tell.
pub(crate) fn is_ready(fd: &PollFd<'_>, events: PollFlags) -> bool {
    fd.revents().intersects(events | PollFlags::ERR | PollFlags::HUP | PollFlags::NVAL)
}
