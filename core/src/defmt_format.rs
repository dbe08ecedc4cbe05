//! What the types that hold storage look like in a `defmt` log: where they stand, and never the bytes that they hold.

use defmt::{Format, Formatter, write};

use crate::buffer::Storage;
use crate::decoder::{Decoder, Parts};
use crate::encoder::Encoder;
use crate::framing::{Framing, Tail};
use crate::outgoing::Outgoing;
use crate::service::{Chat, Hub, Kv, Seat, Service, Wake};
use crate::session::Session;
use crate::store::Table;

impl<L: Framing<State: Format>, S: Storage> Format for Decoder<L, S> {
    fn format(&self, f: Formatter<'_>) {
        write!(
            f,
            "Decoder {{ position: {=u64}, unread: {=usize}, capacity: {=usize}, stopped: {=bool}, state: {} }}",
            self.position(),
            self.unread(),
            self.capacity(),
            self.is_stopped(),
            self.state()
        );
    }
}

impl<L: Format, S> Format for Parts<L, S> {
    fn format(&self, f: Formatter<'_>) {
        let unread = self.unread.len();
        write!(f, "Parts {{ law: {}, unread: {=usize}, offset: {=u64} }}", self.law, unread, self.offset);
    }
}

impl<L: Framing, S: Storage> Format for Encoder<L, S> {
    fn format(&self, f: Formatter<'_>) {
        let (pending, room) = (self.pending().len(), self.room());
        write!(
            f,
            "Encoder {{ pending: {=usize}, room: {=usize}, streaming: {=bool} }}",
            pending,
            room,
            self.is_streaming()
        );
    }
}

impl Format for Outgoing<'_> {
    fn format(&self, f: Formatter<'_>) {
        write!(f, "Outgoing {{ remaining: {=usize} }}", self.remaining());
    }
}

impl Format for Tail<'_> {
    fn format(&self, f: Formatter<'_>) {
        write!(
            f,
            "Tail {{ written: {=usize}, held: {=usize}, room: {=usize} }}",
            self.written(),
            self.held(),
            self.room()
        );
    }
}

impl<V: Service, I: Storage, O: Storage> Format for Session<V, I, O>
where
    V::Framing: Clone,
{
    fn format(&self, f: Formatter<'_>) {
        write!(
            f,
            "Session {{ {}, close_reason: {}, deadline: {} }}",
            self.stats(),
            self.close_reason(),
            self.deadline()
        );
    }
}

impl<const KEYS: usize, const KEY: usize, const VALUE: usize> Format for Table<KEYS, KEY, VALUE> {
    fn format(&self, f: Formatter<'_>) {
        write!(f, "Table {{ keys: {=usize} of {=usize} }}", self.len(), KEYS);
    }
}

impl<P, R, W> Format for Hub<P, R, W>
where
    P: AsRef<[Seat<W>]> + AsMut<[Seat<W>]>,
    R: Storage,
    W: Wake,
{
    fn format(&self, f: Formatter<'_>) {
        write!(f, "Hub {{ members: {=usize}, dropped: {=u64} }}", self.members(), self.dropped());
    }
}

impl<W> Format for Seat<W> {
    fn format(&self, f: Formatter<'_>) {
        write!(f, "Seat {{ taken: {=bool} }}", self.is_taken());
    }
}

impl<H, B, W> Format for Chat<H, B, W> {
    fn format(&self, f: Formatter<'_>) {
        write!(f, "Chat {{ member: {=bool} }}", self.is_member());
    }
}

impl<K, N> Format for Kv<K, N> {
    fn format(&self, f: Formatter<'_>) {
        write!(f, "Kv");
    }
}

#[cfg(feature = "json")]
impl<K, const KEY: usize> Format for crate::service::Message<K, KEY> {
    fn format(&self, f: Formatter<'_>) {
        write!(f, "Message");
    }
}

#[cfg(feature = "embedded-io")]
mod io {
    use super::{Format, Formatter, Framing, write};
    use crate::io::{FrameReader, FrameStream, FrameWriter};

    impl<R, L: Framing, S> Format for FrameReader<R, L, S> {
        fn format(&self, f: Formatter<'_>) {
            write!(f, "FrameReader");
        }
    }

    impl<W, L, S> Format for FrameWriter<W, L, S> {
        fn format(&self, f: Formatter<'_>) {
            write!(f, "FrameWriter");
        }
    }

    impl<T, L: Framing, I, O> Format for FrameStream<T, L, I, O> {
        fn format(&self, f: Formatter<'_>) {
            write!(f, "FrameStream");
        }
    }
}

#[cfg(feature = "embedded-io-async")]
mod io_async {
    use super::{Format, Formatter, Framing, write};
    use crate::io_async::{FrameReader, FrameStream, FrameWriter};

    impl<R, L: Framing, S> Format for FrameReader<R, L, S> {
        fn format(&self, f: Formatter<'_>) {
            write!(f, "FrameReader");
        }
    }

    impl<W, L, S> Format for FrameWriter<W, L, S> {
        fn format(&self, f: Formatter<'_>) {
            write!(f, "FrameWriter");
        }
    }

    impl<T, L: Framing, I, O> Format for FrameStream<T, L, I, O> {
        fn format(&self, f: Formatter<'_>) {
            write!(f, "FrameStream");
        }
    }
}
