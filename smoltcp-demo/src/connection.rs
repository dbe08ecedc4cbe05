//! What a pool needs to know of a session: bytes and the time in, bytes and deadlines out.
//!
//! `framewright`'s [`Session`] is one for each service type. A pool whose slots serve several services holds an enum over
//! sessions, as [`services::Conversation`](crate::services::Conversation) is; this trait is what the two have in common.

use framewright::{CloseReason, Instant, Service, Session, Stats, Storage};

/// One connection's session, in storage of the type [`Buffer`](Self::Buffer). The methods are those of [`Session`].
pub trait Connection {
    /// What a slot lends a session: one of these for input and one for output.
    type Buffer: Storage;

    /// See [`Session::handle_input`].
    fn handle_input(&mut self, bytes: &[u8], now: Instant) -> usize;
    /// See [`Session::handle_end`].
    fn handle_end(&mut self, now: Instant);
    /// See [`Session::handle_reset`].
    fn handle_reset(&mut self, now: Instant);
    /// See [`Session::handle_deadline`].
    fn handle_deadline(&mut self, now: Instant);
    /// See [`Session::shutdown`].
    fn shutdown(&mut self, now: Instant);
    /// See [`Session::poll_output`].
    fn poll_output(&mut self, now: Instant) -> &[u8];
    /// See [`Session::sent`].
    fn sent(&mut self, n: usize, now: Instant);
    /// See [`Session::deadline`].
    fn deadline(&self) -> Option<Instant>;
    /// See [`Session::is_output_finished`].
    fn is_output_finished(&self) -> bool;
    /// See [`Session::is_done`].
    fn is_done(&self) -> bool;
    /// See [`Session::close_reason`].
    fn close_reason(&self) -> Option<CloseReason>;
    /// See [`Session::stats`].
    fn stats(&self) -> Stats;
    /// The storage, input then output, for the next connection.
    fn into_buffers(self) -> (Self::Buffer, Self::Buffer);
}

impl<V, B> Connection for Session<V, B, B>
where
    V: Service<Framing: Clone>,
    B: Storage,
{
    type Buffer = B;

    fn handle_input(&mut self, bytes: &[u8], now: Instant) -> usize {
        self.handle_input(bytes, now)
    }

    fn handle_end(&mut self, now: Instant) {
        self.handle_end(now);
    }

    fn handle_reset(&mut self, now: Instant) {
        self.handle_reset(now);
    }

    fn handle_deadline(&mut self, now: Instant) {
        self.handle_deadline(now);
    }

    fn shutdown(&mut self, now: Instant) {
        self.shutdown(now);
    }

    fn poll_output(&mut self, now: Instant) -> &[u8] {
        self.poll_output(now)
    }

    fn sent(&mut self, n: usize, now: Instant) {
        self.sent(n, now);
    }

    fn deadline(&self) -> Option<Instant> {
        self.deadline()
    }

    fn is_output_finished(&self) -> bool {
        self.is_output_finished()
    }

    fn is_done(&self) -> bool {
        self.is_done()
    }

    fn close_reason(&self) -> Option<CloseReason> {
        self.close_reason()
    }

    fn stats(&self) -> Stats {
        self.stats()
    }

    fn into_buffers(self) -> (B, B) {
        let (_, input, output) = self.into_parts();
        (input, output)
    }
}
