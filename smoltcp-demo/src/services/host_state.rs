//! What the clients of a server on a host share.

use std::boxed::Box;
use std::cell::RefCell;
use std::rc::Rc;
use std::vec;

use framewright::service::{ChatRules, Seat};
use framewright::{Table, WallClock};

use super::{State, StateRef};

/// The [`State`] of a server on a host, whose size is chosen when it starts.
#[derive(Clone)]
pub struct HostState(Rc<State<HostStore, Seats, Box<[u8]>>>);

/// 128 keys of up to 64 bytes, with values of up to 256. It is built on the stack of its maker before it is moved to the heap.
type HostStore = RefCell<Table<128, 64, 256>>;

/// As many as there may be clients.
type Seats = Box<[Seat<()>]>;

/// Bytes of the chat room's log.
const LOG: usize = 1 << 16;

impl HostState {
    /// A state for so many clients, of which each may be in the chat room. The store has 128 keys of up to 64 bytes, with values
    /// of up to 256; the room remembers 64 KiB of lines.
    pub fn new(clients: usize, rules: ChatRules, clock: WallClock) -> Self {
        let seats = std::iter::repeat_with(Seat::default).take(clients).collect();
        Self(Rc::new(State::new(HostStore::default(), seats, vec![0; LOG].into(), rules, clock)))
    }
}

impl StateRef for HostState {
    type Store = HostStore;
    type Seats = Seats;
    type Log = Box<[u8]>;

    fn state(&self) -> &State<Self::Store, Self::Seats, Self::Log> {
        &self.0
    }
}
