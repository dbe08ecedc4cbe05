//! What can go wrong on a host, in words that a person can act on.
//!
//! A [`HostError`] says what was being done and to whom, what happened, what to try, and what the system said:
//!
//! ```text
//! cannot connect to localhost:4567: connection refused: is the server running? (Connection refused (os error 111))
//! ```

use std::error::Error;
use std::fmt;
use std::io;
use std::time::Duration;

use framewright::{CloseReason, DecodeError, EncodeError};
use rustix::io::Errno;

/// Something that a client or a server could not do.
#[derive(Debug)]
pub struct HostError {
    doing: Doing,
    /// What it was done to: an address, a name, a file.
    target: String,
    kind: ErrorKind,
    cause: Option<Box<dyn Error + Send + Sync>>,
}

/// What was being done when it went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Doing {
    /// Turning a name into addresses.
    Resolving,
    /// Connecting to a server.
    Connecting,
    /// Taking an address and port, to listen there.
    Listening,
    /// Sending a message.
    Sending,
    /// Waiting for a message, or receiving it.
    Receiving,
    /// Handing a message on to where it was to go.
    Storing,
    /// Opening what the server keeps on disk.
    Opening,
    /// Setting up a client or a server.
    Preparing,
}

/// What went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Nobody knows the host name.
    NameNotFound,
    /// Nobody listens at the port.
    Refused,
    /// It took longer than the time allowed.
    TimedOut {
        /// How long was allowed, where this program and not the system decided.
        after: Option<Duration>,
    },
    /// There is no way to the address.
    Unreachable,
    /// The peer broke the connection.
    ResetByPeer,
    /// The peer closed its sending side, and the reply had not come, or not all of it.
    ClosedBeforeReply,
    /// Somebody else listens at the port.
    AddressInUse,
    /// The system does not allow it.
    PermissionDenied,
    /// This process, or the system, has as many open files as it may.
    TooManyOpenFiles,
    /// The address to listen at belongs to no interface of this machine.
    NoSuchLocalAddress,
    /// What came breaks the framing, or is longer than allowed.
    BadReply,
    /// The message cannot be sent in this framing, or an earlier one was sent only in part.
    BadMessage,
    /// The message is longer than a datagram can be.
    TooLong,
    /// A setting is out of its range.
    BadSetting,
    /// Another server has the data directory open.
    DataInUse,
    /// The data directory cannot be made, or is no directory.
    NoDirectory,
    /// What lies in the data directory is no database, or is damaged.
    DataDamaged,
    /// What the system says; there is no more to say.
    Other,
}

impl HostError {
    /// What was being done.
    pub fn doing(&self) -> Doing {
        self.doing
    }

    /// What went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// What it was being done to: an address, a name.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// An error of the system, sorted by what it means for `doing`.
    pub(crate) fn system(doing: Doing, target: impl fmt::Display, cause: io::Error) -> Self {
        Self { doing, target: target.to_string(), kind: sort(doing, &cause), cause: Some(Box::new(cause)) }
    }

    /// The time allowed is over.
    pub(crate) fn timed_out(doing: Doing, target: impl fmt::Display, after: Duration) -> Self {
        Self::plain(doing, target, ErrorKind::TimedOut { after: Some(after) })
    }

    /// An error that no system call reported.
    pub(crate) fn plain(doing: Doing, target: impl fmt::Display, kind: ErrorKind) -> Self {
        Self { doing, target: target.to_string(), kind, cause: None }
    }

    /// The same error, with why.
    pub(crate) fn because(self, why: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { cause: Some(why.into()), ..self }
    }

    /// The peer closed its sending side before, or inside, the message that was waited for.
    pub(crate) fn closed(target: impl fmt::Display, have: u64, need: Option<u64>) -> Self {
        let cause = (have > 0).then(|| CloseReason::Truncated { have, need }.to_string().into());
        Self { doing: Doing::Receiving, target: target.to_string(), kind: ErrorKind::ClosedBeforeReply, cause }
    }

    /// What came breaks the framing.
    pub(crate) fn bad_reply(target: impl fmt::Display, cause: DecodeError) -> Self {
        let (doing, kind) = (Doing::Receiving, ErrorKind::BadReply);
        Self { doing, target: target.to_string(), kind, cause: Some(Box::new(cause)) }
    }

    /// The message cannot be sent.
    pub(crate) fn bad_message(target: impl fmt::Display, cause: EncodeError) -> Self {
        let (doing, kind) = (Doing::Sending, ErrorKind::BadMessage);
        Self { doing, target: target.to_string(), kind, cause: Some(Box::new(cause)) }
    }

    /// The setting `target` is out of range; `why` says what the range is.
    pub(crate) fn bad_setting(target: impl fmt::Display, why: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        let (doing, kind) = (Doing::Preparing, ErrorKind::BadSetting);
        Self { doing, target: target.to_string(), kind, cause: Some(why.into()) }
    }

    /// What happened, and what to try.
    fn advice(&self) -> &'static str {
        match (self.kind, self.doing) {
            (ErrorKind::NameNotFound, _) => "name not found: check its spelling, or use an IP address",
            (ErrorKind::Refused, _) => "connection refused: is the server running?",
            (ErrorKind::TimedOut { .. }, Doing::Resolving) => "timed out: no name server answered",
            (ErrorKind::TimedOut { .. }, Doing::Connecting) => "timed out: is the host up, and no firewall in between?",
            (ErrorKind::TimedOut { .. }, Doing::Sending) => "timed out: the server does not read",
            (ErrorKind::TimedOut { .. }, _) => "timed out: the server does not answer",
            (ErrorKind::Unreachable, _) => "unreachable: check the address, and this machine's network",
            (ErrorKind::ResetByPeer, _) => "reset by peer: the other side broke the connection; its log may say why",
            (ErrorKind::ClosedBeforeReply, _) => "closed before the reply: the server's log may say why",
            (ErrorKind::AddressInUse, _) => {
                "port already in use: another program listens there; stop it or take another port (0 is any free one)"
            }
            (ErrorKind::PermissionDenied, Doing::Listening) => {
                "permission denied: ports under 1024 need privileges; take a higher one"
            }
            (ErrorKind::PermissionDenied, Doing::Opening) => {
                "permission denied: take a directory that this user may write to, or give this user the right"
            }
            (ErrorKind::PermissionDenied, _) => "permission denied",
            (ErrorKind::TooManyOpenFiles, _) => "too many open files: raise the limit (`ulimit -n`), or use fewer",
            (ErrorKind::NoSuchLocalAddress, Doing::Listening) => {
                "no such local address: take one of this machine's, or 0.0.0.0 or [::] for all of them"
            }
            (ErrorKind::NoSuchLocalAddress, _) => "no such local address: this machine has none to reach it from",
            (ErrorKind::BadReply, _) => "what came is no message of this framing",
            (ErrorKind::BadMessage, _) => "the message cannot be sent",
            (ErrorKind::TooLong, _) => "too long for a datagram: at most 65507 bytes over IPv4",
            (ErrorKind::NoDirectory, _) => {
                "no such directory, and it cannot be made here: check its path, or take another directory"
            }
            (ErrorKind::DataInUse, _) => "in use: stop the server that has it open, or take another directory",
            (ErrorKind::DataDamaged, _) => {
                "no database of this program, or damaged: put a copy in its place, or move it away to begin anew"
            }
            (ErrorKind::BadSetting, _) => "not allowed",
            (ErrorKind::Other, _) => "failed",
        }
    }
}

impl fmt::Display for HostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let target = &self.target;
        match self.doing {
            Doing::Resolving => write!(f, "cannot find {target}"),
            Doing::Connecting => write!(f, "cannot connect to {target}"),
            Doing::Listening => write!(f, "cannot listen on {target}"),
            Doing::Sending => write!(f, "cannot send to {target}"),
            Doing::Receiving => write!(f, "no reply from {target}"),
            Doing::Storing => write!(f, "cannot write to {target}"),
            Doing::Opening => write!(f, "cannot open {target}"),
            Doing::Preparing if self.kind == ErrorKind::BadSetting => f.write_str(target),
            Doing::Preparing => write!(f, "cannot set up {target}"),
        }?;
        write!(f, ": {}", self.advice())?;
        if let ErrorKind::TimedOut { after: Some(after) } = self.kind {
            write!(f, " (waited {} s)", Seconds(after))?;
        }
        match &self.cause {
            Some(cause) => write!(f, " ({cause})"),
            None => Ok(()),
        }
    }
}

/// A time as people say it: nobody asks for microseconds.
struct Seconds(Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rounded = match self.0.as_secs_f64() {
            short if short < 0.1 => format!("{short:.3}"),
            seconds => format!("{seconds:.1}"),
        };
        f.write_str(rounded.trim_end_matches('0').trim_end_matches('.'))
    }
}

impl Error for HostError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.as_deref().map(|cause| cause as &(dyn Error + 'static))
    }
}

/// What an error of the system means. Names are looked up by the C library, whose errors carry no number.
fn sort(doing: Doing, cause: &io::Error) -> ErrorKind {
    let Some(errno) = cause.raw_os_error().map(Errno::from_raw_os_error) else {
        return match (doing, cause.kind()) {
            (_, io::ErrorKind::TimedOut) => ErrorKind::TimedOut { after: None },
            (Doing::Resolving, _) => ErrorKind::NameNotFound,
            _ => ErrorKind::Other,
        };
    };
    match errno {
        Errno::CONNREFUSED => ErrorKind::Refused,
        Errno::TIMEDOUT => ErrorKind::TimedOut { after: None },
        Errno::NETUNREACH | Errno::HOSTUNREACH | Errno::NETDOWN | Errno::HOSTDOWN => ErrorKind::Unreachable,
        Errno::CONNRESET | Errno::CONNABORTED | Errno::PIPE => ErrorKind::ResetByPeer,
        Errno::ADDRINUSE => ErrorKind::AddressInUse,
        Errno::ACCESS | Errno::PERM => ErrorKind::PermissionDenied,
        Errno::MFILE | Errno::NFILE => ErrorKind::TooManyOpenFiles,
        Errno::MSGSIZE => ErrorKind::TooLong,
        Errno::ADDRNOTAVAIL => ErrorKind::NoSuchLocalAddress,
        Errno::NOENT | Errno::NOTDIR | Errno::EXIST if doing == Doing::Opening => ErrorKind::NoDirectory,
        Errno::ISDIR if doing == Doing::Opening => ErrorKind::DataDamaged,
        Errno::ROFS if doing == Doing::Opening => ErrorKind::PermissionDenied,
        _ => ErrorKind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_that_was_waited_is_rounded() {
        for (micros, told) in [
            (2_001_176, "2"),
            (5_000_000, "5"),
            (250_000, "0.2"),
            (1_960_000, "2"),
            (10_500_000, "10.5"),
            (1_000, "0.001"),
        ] {
            let error = HostError::timed_out(Doing::Connecting, "host:1", Duration::from_micros(micros)).to_string();
            assert!(error.ends_with(&format!("(waited {told} s)")), "{error}");
        }
    }

    /// For what cannot be had on every machine: no route, and ports that need privileges.
    #[test]
    fn errors_of_the_system_are_told_in_words_with_their_cause() {
        let told = |doing, errno: Errno| {
            HostError::system(doing, "10.0.0.1:80", io::Error::from_raw_os_error(errno.raw_os_error())).to_string()
        };
        assert_eq!(
            told(Doing::Connecting, Errno::HOSTUNREACH),
            "cannot connect to 10.0.0.1:80: unreachable: check the address, and this machine's network \
             (No route to host (os error 113))"
        );
        assert_eq!(
            told(Doing::Listening, Errno::ACCESS),
            "cannot listen on 10.0.0.1:80: permission denied: ports under 1024 need privileges; take a higher one \
             (Permission denied (os error 13))"
        );
        assert_eq!(
            told(Doing::Connecting, Errno::TIMEDOUT),
            "cannot connect to 10.0.0.1:80: timed out: is the host up, and no firewall in between? \
             (Connection timed out (os error 110))"
        );
    }
}
