//! The RAM of each public type, in bytes, on 32-bit Arm and on 64-bit: the table of `core/docs/memory.md`. The compiler checks it: here
//! and, where no test can run, in the programs of `tests/size`.

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
pub struct Line {
    /// As the documentation calls it.
    pub what: &'static str,
    /// Bytes.
    pub size: usize,
    /// Bytes.
    pub most: usize,
}

macro_rules! table {
    ($($what:literal, $type:ty, $on_32:literal, $on_64:literal;)*) => {
        /// The table, for the machine that this is compiled for.
        pub const LINES: &[Line] = &[$(Line {
            what: $what,
            size: size_of::<$type>(),
            most: if cfg!(target_pointer_width = "64") { $on_64 } else { $on_32 },
        }),*];

        /// The table as it is: 32-bit, 64-bit.
        pub const FIGURES: &[(&str, usize, usize)] = &[$(($what, $on_32, $on_64)),*];
    };
}

table! {
    "`Decoder`, `U32`", Decode<U32>, 0, 0;
    "`Decoder`, `LengthPrefix<8, _, 8>`", Decode<LengthPrefix<8, LittleEndian, 8>>, 0, 0;
    "`Decoder`, `Varint`", Decode<Varint>, 0, 0;
    "`Decoder`, `Lines`", Decode<Lines>, 0, 0;
    "`Decoder`, `StrictLines`", Decode<StrictLines>, 0, 0;
    "`Decoder`, `Delimited`", Decode<Delimited>, 0, 0;
    "`Decoder`, `JsonHeader`", Decode<JsonHeader>, 0, 0;
    "`Decoder`, `Cobs`", Decode<Cobs>, 0, 0;
    "`Decoder`, `Slip`", Decode<Slip>, 0, 0;
    "`Decoder`, `Netstring`", Decode<Netstring>, 0, 0;
    "`Decoder`, `Raw`", Decode<Raw>, 0, 0;
    "`Encoder`, `U32`", Encode<U32>, 0, 0;
    "`Encoder`, `Lines`", Encode<Lines>, 0, 0;
    "`Encoder`, `JsonHeader`", Encode<JsonHeader>, 0, 0;
    "`Encoder`, `Cobs`", Encode<Cobs>, 0, 0;
    "`Outgoing`", Outgoing<'static>, 0, 0;
    "`SessionConfig`", SessionConfig, 0, 0;
    "`Session`, `Echo`", Serve<Echo>, 0, 0;
    "`Session`, `Trim`", Serve<Trim>, 0, 0;
    "`Session`, `Hello`", Serve<Hello>, 0, 0;
    "`Session`, `Time`", Serve<Time>, 0, 0;
    "`Session`, `Kv`", Serve<KvService>, 0, 0;
    "`Session`, `Chat`", Serve<ChatService>, 0, 0;
    "`Session`, `Message`", Serve<MessageService>, 0, 0;
    "`Echo`", Echo, 0, 0;
    "`Trim`", Trim, 0, 0;
    "`Hello`", Hello, 0, 0;
    "`Time`", Time, 0, 0;
    "`Kv`", KvService, 0, 0;
    "`Chat`", ChatService, 0, 0;
    "`Message`", MessageService, 0, 0;
    "`Hub` without seats and log", Room, 0, 0;
    "`Seat<()>`", Seat<()>, 0, 0;
    "`Table<2, 16, 64>`", Table<2, 16, 64>, 0, 0;
    "`Table<4, 16, 64>`", Table<4, 16, 64>, 0, 0;
}

const _: () = {
    let mut at = 0;
    while at < LINES.len() {
        assert!(LINES[at].size <= LINES[at].most, "a type takes more memory than the table says");
        at += 1;
    }
};
