//! The connection to the room, kept up on a thread of its own.
//!
//! ```text
//!              connected                 lost
//!  Connecting ───────────▶ Online ─────────────────┐
//!      ▲  └─ failed ──▶ Waiting ◀──────────────────┘
//!      └──────────────────┘ the time is over, or the user does not want to wait
//! ```
//!
//! The wait doubles with each attempt, and a part of it is left to chance, so that all clients of a server that comes back do
//! not come at once.

use std::hash::{BuildHasher, RandomState};
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::AsFd;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SendError, SyncSender, TryRecvError};
use std::thread;
use std::time::{Duration, Instant};

use framewright::framing::Lines;
use framewright_host::{Address, Awaited, ClientConfig, DuplexClient, HostError, Incoming};

/// The user's end of a link.
#[derive(Debug)]
pub(super) struct Link {
    orders: mpsc::Sender<Order>,
    waker: PipeWriter,
}

/// What a link tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum News {
    /// There is a connection, the one of this number.
    Connected(Connection),
    /// A line came.
    Line(Vec<u8>),
    /// A line came that is too long to be held.
    LineTooLong,
    /// The connection was lost, or not made: why, at length.
    Lost(String),
    /// A new attempt, the one of this number, will be made then.
    Waiting { until: Instant, attempt: u32 },
    /// An attempt is being made.
    Connecting { attempt: u32 },
    /// We left, and the link is gone.
    Left,
}

/// Which of a link's connections; what is to be said in one is not said in the next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Connection(u32);

#[derive(Debug)]
enum Order {
    Say(Connection, String),
    Retry,
    Leave,
}

enum State {
    Connecting,
    Online { client: Box<Client>, since: Instant },
    Waiting { until: Instant },
    Left,
}

type Client = DuplexClient<Lines>;

/// What the thread has.
struct Worker<T> {
    server: Address,
    config: ClientConfig,
    orders: Receiver<Order>,
    woken: PipeReader,
    tell: SyncSender<T>,
    connection: Connection,
    /// Attempts since there was a connection that lasted.
    attempt: u32,
    state: State,
}

/// Connects to a room.
///
/// # Errors
/// As [`DuplexClient::connect`].
pub(super) fn connect(server: &Address, config: ClientConfig) -> Result<Client, HostError> {
    let mut client = DuplexClient::connect(Lines, server, config)?;
    // A room greets; a connection that nobody serves is not one.
    client.expect(Awaited::Message);
    notice_silence(&client);
    Ok(client)
}

impl Link {
    /// Keeps up a connection to `server`, of which `client` is the first, and tells `tell` what happens.
    ///
    /// # Errors
    /// There is no thread or no file descriptor left.
    pub(super) fn keep_up<T: From<News> + Send + 'static>(
        client: Client,
        server: Address,
        config: ClientConfig,
        tell: SyncSender<T>,
    ) -> io::Result<Self> {
        let (woken, waker) = io::pipe()?;
        let (sender, orders) = mpsc::channel();
        let state = State::Online { client: Box::new(client), since: Instant::now() };
        let (connection, attempt) = (Connection::default(), 0);
        let mut worker = Worker { server, config, orders, woken, tell, connection, attempt, state };
        // An error of it means that nobody listens to this link any more.
        thread::Builder::new().name("link".into()).spawn(move || worker.run())?;
        Ok(Self { orders: sender, waker })
    }

    /// Says a line, if this connection still is there then.
    pub(super) fn say(&self, connection: Connection, line: String) {
        self.order(Order::Say(connection, line));
    }

    /// Makes the next attempt now.
    pub(super) fn retry(&self) {
        self.order(Order::Retry);
    }

    /// Says what is to be said, closes the connection in order, and ends.
    pub(super) fn leave(&self) {
        self.order(Order::Leave);
    }

    fn order(&self, order: Order) {
        // An error means that the link has ended.
        let _ = self.orders.send(order);
        let _ = (&self.waker).write(&[0]);
    }
}

impl<T: From<News>> Worker<T> {
    fn run(&mut self) -> Result<(), NobodyListens> {
        self.tell(News::Connected(self.connection))?;
        loop {
            self.state = match &mut self.state {
                State::Connecting => self.connect()?,
                State::Online { .. } => self.talk()?,
                State::Waiting { until } => {
                    let until = *until;
                    self.wait(until)?
                }
                State::Left => return self.tell(News::Left),
            };
        }
    }

    fn connect(&mut self) -> Result<State, NobodyListens> {
        self.tell(News::Connecting { attempt: self.attempt })?;
        match connect(&self.server, self.config) {
            Ok(client) => {
                self.connection.0 += 1;
                self.tell(News::Connected(self.connection))?;
                Ok(State::Online { client: Box::new(client), since: Instant::now() })
            }
            Err(error) => self.lose(&error.to_string()),
        }
    }

    /// Carries lines both ways until the connection is lost, or we leave.
    fn talk(&mut self) -> Result<State, NobodyListens> {
        let State::Online { client, since } = &mut self.state else { return Ok(State::Connecting) };
        // There was no room for it.
        let mut unsaid = None;
        let lost = loop {
            match client.next() {
                Ok(Some(Incoming::Message(line))) => {
                    self.tell.send(News::Line(line.to_vec()).into())?;
                    continue;
                }
                Ok(Some(Incoming::TooLong(_))) => {
                    self.tell.send(News::LineTooLong.into())?;
                    continue;
                }
                Ok(Some(Incoming::Gone)) => break "the server closed the connection".to_owned(),
                Ok(None) => {}
                Err(error) => break error.to_string(),
            }
            let order = match unsaid.take() {
                Some(line) => Some(Order::Say(self.connection, line)),
                None => match self.orders.try_recv() {
                    Ok(order) => Some(order),
                    Err(TryRecvError::Empty) => None,
                    Err(TryRecvError::Disconnected) => return Err(NobodyListens),
                },
            };
            match order {
                Some(Order::Say(connection, line)) if connection == self.connection => {
                    match client.queue(line.as_bytes()) {
                        Ok(true) => continue,
                        Ok(false) => unsaid = Some(line),
                        Err(error) => break error.to_string(),
                    }
                }
                Some(Order::Say(..) | Order::Retry) => continue,
                Some(Order::Leave) => {
                    take_leave(client);
                    return Ok(State::Left);
                }
                None => {}
            }
            match client.wait(Some(self.woken.as_fd()), None) {
                Ok(false) => {}
                // Whatever the wake-ups are for is looked for next.
                Ok(true) => _ = self.woken.read(&mut [0; 64]),
                Err(error) => break error.to_string(),
            }
        };
        if since.elapsed() >= STEADY {
            self.attempt = 0;
        }
        self.lose(&lost)
    }

    /// Waits for the next attempt.
    fn wait(&self, until: Instant) -> Result<State, NobodyListens> {
        loop {
            match self.orders.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(Order::Say(..)) => {}
                Ok(Order::Retry) | Err(RecvTimeoutError::Timeout) => return Ok(State::Connecting),
                Ok(Order::Leave) => return Ok(State::Left),
                Err(RecvTimeoutError::Disconnected) => return Err(NobodyListens),
            }
        }
    }

    fn lose(&mut self, why: &str) -> Result<State, NobodyListens> {
        self.attempt = self.attempt.saturating_add(1);
        let until = Instant::now() + delay(self.attempt, RandomState::new().hash_one(self.attempt));
        self.tell(News::Lost(why.to_owned()))?;
        self.tell(News::Waiting { until, attempt: self.attempt })?;
        Ok(State::Waiting { until })
    }

    fn tell(&self, news: News) -> Result<(), NobodyListens> {
        Ok(self.tell.send(news.into())?)
    }
}

/// The user is gone.
#[derive(Debug)]
struct NobodyListens;

impl<T> From<SendError<T>> for NobodyListens {
    fn from(_: SendError<T>) -> Self {
        Self
    }
}

/// Sends what is queued, and closes when the room has: so it knows that we left, and did not break off.
fn take_leave(client: &mut Client) {
    client.finish_sending();
    let until = Instant::now() + GOODBYE;
    loop {
        match client.next() {
            Ok(Some(Incoming::Gone)) | Err(_) => return,
            Ok(Some(_)) => {}
            Ok(None) => {
                let left = until.saturating_duration_since(Instant::now());
                if left.is_zero() || client.wait(None, Some(left)).is_err() {
                    return;
                }
            }
        }
    }
}

/// Has the system give a connection up whose other end vanished without a word, when something was sent to it that is not
/// acknowledged: it would try for a quarter of an hour.
fn notice_silence(client: &Client) {
    #[cfg(any(target_os = "android", target_os = "linux"))]
    // Without it the connection works as well.
    let _ = socket2::SockRef::from(client.socket()).set_tcp_user_timeout(Some(UNACKNOWLEDGED));
    #[cfg(not(any(target_os = "android", target_os = "linux")))]
    let _ = client;
}

/// How long to wait before an attempt, the first of which is 1. `chance` decides the second half of it.
fn delay(attempt: u32, chance: u64) -> Duration {
    let doubled = FIRST_DELAY.saturating_mul(1 << attempt.saturating_sub(1).min(16)).min(LONGEST_DELAY);
    let half = doubled / 2;
    half + half.mul_f64(f64::from((chance >> 32) as u32) / f64::from(u32::MAX))
}

/// The delay before the first attempt, at most.
const FIRST_DELAY: Duration = Duration::from_secs(1);

/// The delay before any later attempt, at most.
const LONGEST_DELAY: Duration = Duration::from_secs(30);

/// A connection that lasted so long was a good one; the next attempt after it is a first one.
const STEADY: Duration = Duration::from_secs(10);

/// How long a room may take to close when we leave.
const GOODBYE: Duration = Duration::from_millis(500);

/// How long what was sent may stay unacknowledged.
#[cfg(any(target_os = "android", target_os = "linux"))]
const UNACKNOWLEDGED: Duration = Duration::from_secs(20);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delay_doubles_up_to_a_limit_and_half_of_it_is_left_to_chance() {
        let millis = |attempt, chance| delay(attempt, chance).as_millis();
        let least: Vec<_> = (1..8).map(|attempt| millis(attempt, 0)).collect();
        let most: Vec<_> = (1..8).map(|attempt| millis(attempt, u64::MAX)).collect();
        assert_eq!(least, [500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000]);
        assert_eq!(most, [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
        assert!((500..1000).contains(&millis(1, u64::MAX / 2)));
        assert_eq!(millis(u32::MAX, u64::MAX), 30_000);
    }
}
