//! The RAM of each public type, in bytes, on 32-bit Arm and on 64-bit: the table of `core/docs/memory.md`. The compiler checks it: here
//! and, where `usize` has 32 bits, in `.ci/run bits32`. The figures for 32 bits are those of Arm, whose types are aligned at least as far.

use core::cell::RefCell;
use core::mem::size_of;

use framewright::framing::{
    Cobs, Delimited, JsonHeader, LengthPrefix, Lines, LittleEndian, Netstring, Raw, Slip, StrictLines, U32, Varint,
};
use framewright::service::{Chat, Echo, Hello, Hub, Kv, KvError, Message, Seat, Time, Trim};
use framewright::{Decoder, Encoder, Outgoing, Session, SessionConfig, Table};

/// Storage that is somewhere else: every byte of it comes on top of these figures.
type Nothing = [u8; 0];
type Decode<L> = Decoder<L, Nothing>;
type Encode<L> = Encoder<L, Nothing>;
type Serve<V> = Session<V, Nothing, Nothing>;

type Keys = RefCell<Table<2, 16, 64>>;
type Room = Hub<[Seat<()>; 0], Nothing>;
type KvService = Kv<&'static Keys, fn(&KvError)>;
type ChatService = Chat<&'static RefCell<Room>, Room, ()>;
type MessageService = Message<&'static Keys, 64>;

/// A line of the table: what it is, how large it is here, and the most that it may be here.
pub(crate) struct Line {
    /// As the documentation calls it.
    pub(crate) what: &'static str,
    /// Bytes.
    pub(crate) size: usize,
    /// Bytes.
    pub(crate) most: usize,
}

macro_rules! table {
    ($($what:literal, $type:ty, $on_32:literal, $on_64:literal;)*) => {
        /// The table, for the machine that this is compiled for.
        pub(crate) const LINES: &[Line] = &[$(Line {
            what: $what,
            size: size_of::<$type>(),
            most: if cfg!(target_pointer_width = "64") { $on_64 } else { $on_32 },
        }),*];

        /// The table as it is: 32-bit, 64-bit.
        pub(crate) const FIGURES: &[(&str, usize, usize)] = &[$(($what, $on_32, $on_64)),*];
    };
}

table! {
    "`Decoder`, `U32`", Decode<U32>, 176, 328;
    "`Decoder`, `LengthPrefix<8, _, 8>`", Decode<LengthPrefix<8, LittleEndian, 8>>, 192, 344;
    "`Decoder`, `Varint`", Decode<Varint>, 176, 328;
    "`Decoder`, `Lines`", Decode<Lines>, 176, 328;
    "`Decoder`, `StrictLines`", Decode<StrictLines>, 176, 328;
    "`Decoder`, `Delimited`", Decode<Delimited>, 176, 328;
    "`Decoder`, `JsonHeader`", Decode<JsonHeader>, 312, 488;
    "`Decoder`, `Cobs`", Decode<Cobs>, 176, 328;
    "`Decoder`, `Slip`", Decode<Slip>, 176, 328;
    "`Decoder`, `Netstring`", Decode<Netstring>, 192, 344;
    "`Decoder`, `Raw`", Decode<Raw>, 176, 328;
    "`Encoder`, `U32`", Encode<U32>, 24, 40;
    "`Encoder`, `Lines`", Encode<Lines>, 24, 40;
    "`Encoder`, `JsonHeader`", Encode<JsonHeader>, 40, 72;
    "`Encoder`, `Cobs`", Encode<Cobs>, 24, 40;
    "`Outgoing`", Outgoing<'static>, 44, 64;
    "`SessionConfig`", SessionConfig, 40, 40;
    "`Session`, `Echo`", Serve<Echo>, 304, 488;
    "`Session`, `Trim`", Serve<Trim>, 336, 520;
    "`Session`, `Hello`", Serve<Hello>, 304, 488;
    "`Session`, `Time`", Serve<Time>, 320, 504;
    "`Session`, `Kv`", Serve<KvService>, 312, 504;
    "`Session`, `Chat`", Serve<ChatService>, 376, 592;
    "`Session`, `Message`", Serve<MessageService>, 480, 720;
    "`Echo`", Echo, 0, 0;
    "`Trim`", Trim, 32, 32;
    "`Hello`", Hello, 0, 0;
    "`Time`", Time, 16, 16;
    "`Kv`", KvService, 8, 16;
    "`Chat`", ChatService, 72, 104;
    "`Message`", MessageService, 24, 40;
    "`Hub` without seats and log", Room, 96, 112;
    "`Seat<()>`", Seat<()>, 168, 168;
    "`Table<2, 16, 64>`", Table<2, 16, 64>, 196, 224;
    "`Table<4, 16, 64>`", Table<4, 16, 64>, 388, 440;
}

const _: () = {
    let mut at = 0;
    while at < LINES.len() {
        assert!(LINES[at].size <= LINES[at].most, "a type takes more memory than the table says");
        at += 1;
    }
};
