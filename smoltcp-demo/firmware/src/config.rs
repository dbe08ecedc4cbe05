//! What the firmware is made for: its addresses, and how its 64 KiB of RAM are spent. All else follows from these numbers, when it
//! is compiled; `size.py` prints the same from the linked program.
//!
//! | what | bytes each | how many | bytes |
//! |---|---:|---:|---:|
//! | rings of a slot: [`RX_RING`] + [`TX_RING`] | 2,920 | 8 | 23,360 |
//! | buffers of a session: [`INPUT`] + [`OUTPUT`] | 1,152 | 8 | 9,216 |
//! | slot, with its session of 400 | 465 | 8 | 3,720 |
//! | socket of smoltcp | 337 | 9 | 3,032 |
//! | key in the store: [`KEY`] + [`VALUE`] + 16 | 136 | 32 | 4,364 |
//! | frames of the driver | 1,520 | 2 | 3,042 |
//! | datagrams: [`DATAGRAM_BYTES`], and 16 for each of [`DATAGRAMS`] | 1,538 | 2 | 3,077 |
//! | log of the chat room: [`CHAT_LOG`] | 1,536 | 1 | 1,537 |
//! | seat in the chat room | 169 | 8 | 1,352 |
//! | interface, pool and the rest | | | 972 |
//! | stack of the program (in `memory.x`) | 6,656 | 1 | 6,656 |
//! | stack of the exception handlers | 512 | 1 | 512 |
//! | **all** | | | **60,840** |
//!
//! One client more costs 5,043 bytes.

use core::time::Duration;

use framewright::SessionConfig;
use framewright::service::ChatRules;
use smoltcp::wire::Ipv4Address;
use smoltcp_demo::pool::{KeepAlive, PoolConfig};

/// The device's address, and the bits of it that its network shares: where QEMU's user network expects a guest.
pub const ADDRESS: (Ipv4Address, u8) = (Ipv4Address::new(10, 0, 2, 15), 24);
/// Where everything else is sent.
pub const GATEWAY: Ipv4Address = Ipv4Address::new(10, 0, 2, 2);

/// Clients that are served at a time, over all TCP services.
pub const SLOTS: usize = 8;
/// Bytes of a slot's ring for what comes in, which is the window that TCP offers: one segment of the greatest length.
pub const RX_RING: usize = 1460;
/// Bytes of a slot's ring for what goes out and is not acknowledged.
pub const TX_RING: usize = 1460;
/// Bytes of a session's input: a longer line, or a longer header in JSON, is refused.
pub const INPUT: usize = 448;
/// Bytes of a session's output. The longest reply must fit: for `chat` a line with its stamp and names, [`MAX_LINE`] + 321; for
/// `message` a header (218) and twice the longest value or key with 80 bytes around it, 490, and beside it the request, which is thus
/// at most 214 bytes of JSON.
pub const OUTPUT: usize = 704;

/// Keys in the store, a power of two.
pub const KEYS: usize = 32;
/// The most bytes of a key.
pub const KEY: usize = 24;
/// The most bytes of a value.
pub const VALUE: usize = 96;

/// The most bytes of a line in the chat room.
pub const MAX_LINE: usize = 256;
/// Bytes of the chat room's log: how far a slow reader may fall behind, and what newcomers can be told.
pub const CHAT_LOG: usize = 1536;

/// Datagrams that wait to be taken, or to be sent.
pub const DATAGRAMS: usize = 4;
/// Bytes of the datagrams that wait, in each direction.
pub const DATAGRAM_BYTES: usize = smoltcp_demo::MAX_DATAGRAM;

/// Frames that are taken from the controller before the clients are served.
pub const PACKETS: usize = 8;

/// The settings of every session.
pub const SESSION: SessionConfig = SessionConfig {
    max_frame: 16 << 20,
    idle_timeout: Some(Duration::from_secs(15 * 60)),
    close_timeout: Duration::from_secs(5),
};

/// The settings of the slots: somebody else may be waiting for one.
pub const POOL: PoolConfig = PoolConfig {
    handshake: Duration::from_secs(5),
    handshake_grace: Duration::from_millis(200),
    // QEMU's network sends a SYN that was left unanswered again after six seconds, and then ever later.
    refuse_early: true,
    drain: Duration::from_secs(10),
    keep_alive: Some(KeepAlive { every: Duration::from_secs(10), questions: 3 }),
};

/// The rules of the chat room.
pub const CHAT: ChatRules =
    ChatRules { rate: 10, history: 10, max_line: MAX_LINE, pause: Duration::ZERO, patience: Duration::ZERO };
