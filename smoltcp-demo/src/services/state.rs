//! What the clients of a server share, whatever slot they are in.

use core::cell::{Cell, RefCell};

use framewright::service::{ChatRules, Hub, KvError, Seat};
use framewright::{Storage, Store, WallClock};

use super::Client;

/// A store `K`, a chat room with the seats `P` and the log `R`, and a clock.
///
/// Its owner chooses the capacities by the types, and lends it to a [`Catalogue`](super::Catalogue) by reference:
///
/// ```
/// use core::cell::RefCell;
/// use framewright::service::{ChatRules, Seat};
/// use framewright::{Table, WallClock};
/// use smoltcp_demo::services::State;
///
/// // 32 keys of up to 16 bytes, with values of up to 64; 8 members; 2 KiB of history.
/// type Store = RefCell<Table<32, 16, 64>>;
/// let seats: [Seat<()>; 8] = Default::default();
/// let state = State::new(Store::default(), seats, [0; 2048], ChatRules::default(), WallClock::UNSET);
/// # drop(state);
/// ```
pub struct State<K, P, R> {
    store: K,
    room: RefCell<Hub<P, R>>,
    rules: ChatRules,
    clock: Cell<WallClock>,
    kv_refused: fn(Client, &KvError),
}

/// A way to a [`State`]: a reference on a device, a counted one where there is a heap.
pub trait StateRef: Clone {
    /// The key-value store.
    type Store: Store;
    /// The seats of the chat room.
    type Seats: AsRef<[Seat<()>]> + AsMut<[Seat<()>]>;
    /// The log of the chat room.
    type Log: Storage;

    /// The state.
    fn state(&self) -> &State<Self::Store, Self::Seats, Self::Log>;
}

impl<K: Store, P, R> State<K, P, R>
where
    P: AsRef<[Seat<()>]> + AsMut<[Seat<()>]>,
    R: Storage,
{
    /// The state of a server to which nobody has come yet.
    pub const fn new(store: K, seats: P, log: R, rules: ChatRules, clock: WallClock) -> Self {
        Self {
            store,
            room: RefCell::new(Hub::new(seats, log, clock)),
            rules,
            clock: Cell::new(clock),
            kv_refused: |_, _| (),
        }
    }

    /// Tells `report` why a request to the store was answered with `ERROR`, and whose it was. By itself it tells nobody.
    #[must_use]
    pub const fn with_kv_report(mut self, report: fn(Client, &KvError)) -> Self {
        self.kv_refused = report;
        self
    }

    /// The time is known now.
    pub fn set_clock(&self, clock: WallClock) {
        self.clock.set(clock);
        self.room.borrow_mut().set_clock(clock);
    }

    /// The store.
    pub fn store(&self) -> &K {
        &self.store
    }

    /// The chat room.
    pub fn room(&self) -> &RefCell<Hub<P, R>> {
        &self.room
    }

    /// The rules of the chat room.
    pub fn rules(&self) -> ChatRules {
        self.rules
    }

    /// The clock.
    pub fn clock(&self) -> WallClock {
        self.clock.get()
    }

    /// What is told why a request to the store went wrong.
    pub(super) fn kv_report(&self) -> fn(Client, &KvError) {
        self.kv_refused
    }
}

impl<K: Store, P, R> StateRef for &State<K, P, R>
where
    P: AsRef<[Seat<()>]> + AsMut<[Seat<()>]>,
    R: Storage,
{
    type Store = K;
    type Seats = P;
    type Log = R;

    fn state(&self) -> &State<K, P, R> {
        self
    }
}
