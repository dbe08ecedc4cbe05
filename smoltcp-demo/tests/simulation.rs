//! Server and clients on a bad network, on virtual time, a hundred different ways (`FRAMEWRIGHT_SEEDS=1000` for more, and
//! `FRAMEWRIGHT_FIRST_SEED` for others).
//!
//! Whatever is lost, spoiled, doubled, overtaken or cut: no answer is wrong, every client's connection ends, a client whose
//! connection ended in order has all its answers, and all slots are free soon after.

use std::num::NonZeroUsize;
use std::time::Duration;

use smoltcp_demo::device::{Chance, Impairments};
use smoltcp_demo::loopback::{ClientId, ClientState, Loopback, LoopbackConfig};
use smoltcp_demo::pool::Event;
use smoltcp_demo::services::ServiceName;

/// What a client does when it has sent everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    /// It closes its half and waits for the answers.
    HalfCloses,
    /// It waits for the answers and then closes.
    ClosesLast,
    /// It reads nothing for a while.
    Dawdles,
    /// It resets the connection at some time.
    Aborts,
    /// It is gone at some time.
    Vanishes,
}

/// One client's part.
#[derive(Debug)]
struct Part {
    id: ClientId,
    manner: Manner,
    expected: Vec<u8>,
    /// When it aborts, vanishes, or begins to read, from the start of its connection.
    turning_point: Duration,
    begins: Duration,
}

/// How long a client may take, in virtual time: TCP pauses for up to a minute between two tries, and gives up after many.
const CLIENT_LIMIT: Duration = Duration::from_hours(2);
/// How long after the last client is gone a slot may be in use: the server asks for two minutes whether it is there.
const RECOVERY_LIMIT: Duration = Duration::from_mins(5);

#[test]
fn no_answer_is_wrong_and_no_slot_is_lost_on_any_bad_network() {
    let seeds = number("FRAMEWRIGHT_SEEDS", 100);
    let first = number("FRAMEWRIGHT_FIRST_SEED", 0);
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let totals: Vec<Total> = std::thread::scope(|scope| {
        let run = |thread| {
            move || {
                let mut total = Total::default();
                (first..first + seeds).skip(thread).step_by(threads).for_each(|seed| simulate(seed, &mut total));
                total
            }
        };
        let handles: Vec<_> = (0..threads).map(|thread| scope.spawn(run(thread))).collect();
        handles.into_iter().map(|handle| handle.join().expect("a simulation")).collect()
    });
    let sum = |what: fn(&Total) -> u64| totals.iter().map(what).sum::<u64>();
    println!(
        "{seeds} seeds: {} clients that mean well and were let in, {} of them served to the end, {} frames, {} lost, {} retransmissions; slowest recovery {:?}",
        sum(|total| total.polite),
        sum(|total| total.served),
        sum(|total| total.frames),
        sum(|total| total.lost),
        sum(|total| total.retransmissions),
        totals.iter().map(|total| total.recovery).max().unwrap_or_default(),
    );
    // A simulation in which nothing works, or nothing goes wrong, would show nothing.
    assert!(sum(|total| total.served) * 5 > sum(|total| total.polite) * 4);
    assert!(sum(|total| total.retransmissions) > seeds && sum(|total| total.lost) > seeds);
}

#[derive(Debug, Default)]
struct Total {
    polite: u64,
    served: u64,
    frames: u64,
    lost: u64,
    retransmissions: u64,
    recovery: Duration,
}

fn simulate(seed: u64, total: &mut Total) {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut upto = |most: f64| Chance::new(random.f64() * most).expect("a probability");
    let impairments = Impairments {
        drop: upto(0.2),
        corrupt: upto(0.05),
        duplicate: upto(0.1),
        reorder: upto(0.2),
        delay: Duration::from_millis(random.u64(0..60)),
        rate: random.bool().then(|| random.u32(20_000..1_000_000)),
        seed,
    };
    let config = LoopbackConfig {
        services: vec![(ServiceName::Trim, 4567), (ServiceName::Echo, 12345)],
        slots: random.usize(2..6),
        ring: random.usize(64..2048),
        buffer: random.usize(16..512),
        client_ring: random.usize(64..2048),
        packets: random.usize(1..32),
        segment: NonZeroUsize::new([1, 7, 100, 1460][random.usize(..4)]),
        impairments,
        seed,
        ..LoopbackConfig::default()
    };
    let mut world = Loopback::new(&config).expect("a network");
    let parts: Vec<Part> = (0..random.usize(1..7)).map(|_| begin(&mut world, &mut random)).collect();
    play(&mut world, &parts, seed);
    for part in &parts {
        let received = world.received(part.id);
        assert!(part.expected.starts_with(received), "seed {seed}: a wrong answer for {part:?}");
        let polite = matches!(part.manner, Manner::HalfCloses | Manner::ClosesLast | Manner::Dawdles);
        let refused = world.state(part.id) == ClientState::Refused;
        total.polite += u64::from(polite && !refused);
        if polite && world.state(part.id) == ClientState::Closed {
            assert_eq!(received.len(), part.expected.len(), "seed {seed}: answers are missing for {part:?}");
            total.served += 1;
        }
    }
    let over = world.now();
    world
        .run_until(|world| world.free_slots() == world.slots(), RECOVERY_LIMIT)
        .unwrap_or_else(|error| panic!("seed {seed}: a slot is not free again: {error}\n{config:?}\n{parts:#?}"));
    total.recovery = total.recovery.max(world.now().saturating_since(over));
    let counts = world.pool_counts();
    let closed = world.events().iter().filter(|(_, event)| matches!(event, Event::Closed { .. })).count() as u64;
    assert_eq!((counts.opened, counts.closed), (closed, closed), "seed {seed}");
    total.frames += world.impair_counts().frames;
    total.lost += world.impair_counts().dropped;
    total.retransmissions += world.counts(4567).retransmissions + world.counts(12345).retransmissions;
}

/// Connects a client and queues what it has to say.
fn begin(world: &mut Loopback, random: &mut fastrand::Rng) -> Part {
    let begins = Duration::from_millis(random.u64(0..200));
    world.run_for(begins);
    let (service, port) = [(ServiceName::Trim, 4567), (ServiceName::Echo, 12345)][random.usize(..2)];
    let id = world.connect(port);
    let mut expected = Vec::new();
    for _ in 0..random.usize(1..6) {
        let len = random.usize(0..300);
        let message: Vec<u8> = std::iter::repeat_with(|| random.u8(b'a'..=b'z')).take(len).collect();
        let answer = match service {
            ServiceName::Trim => &message[len.min(10)..],
            _ => &message[..],
        };
        world.send(id, &framed(&message));
        expected.extend(framed(answer));
    }
    let manner =
        [Manner::HalfCloses, Manner::HalfCloses, Manner::ClosesLast, Manner::Dawdles, Manner::Aborts, Manner::Vanishes]
            [random.usize(..6)];
    if matches!(manner, Manner::HalfCloses | Manner::Dawdles) {
        world.close_write(id);
    }
    world.set_reading(id, manner != Manner::Dawdles);
    Part { id, manner, expected, turning_point: Duration::from_millis(random.u64(0..4000)), begins: elapsed(world) }
}

/// Lets every client do what it is there for, until all connections are over.
fn play(world: &mut Loopback, parts: &[Part], seed: u64) {
    let mut turned = vec![false; parts.len()];
    let is_over = |world: &Loopback, part: &Part| {
        matches!(world.state(part.id), ClientState::Closed | ClientState::Broken | ClientState::Refused)
    };
    while !parts.iter().all(|part| is_over(world, part)) {
        world.step();
        assert!(elapsed(world) < CLIENT_LIMIT, "seed {seed}: a connection does not end: {parts:#?}");
        for (part, turned) in parts.iter().zip(&mut turned).filter(|(_, turned)| !**turned) {
            let answered = world.received(part.id).len() >= part.expected.len();
            let server_closed = world.state(part.id) == ClientState::ServerClosed;
            let time = elapsed(world) >= part.begins + part.turning_point;
            *turned = match part.manner {
                Manner::ClosesLast if answered || server_closed => {
                    world.close_write(part.id);
                    true
                }
                Manner::Dawdles if time => {
                    world.set_reading(part.id, true);
                    true
                }
                Manner::Aborts if time => {
                    world.abort(part.id);
                    true
                }
                Manner::Vanishes if time => {
                    world.vanish(part.id);
                    true
                }
                _ => false,
            };
        }
    }
}

fn elapsed(world: &Loopback) -> Duration {
    Duration::from_micros(world.now().as_micros())
}

fn framed(message: &[u8]) -> Vec<u8> {
    [&u32::try_from(message.len()).expect("a length").to_be_bytes()[..], message].concat()
}

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().map_or(default, |text| text.parse().expect("a number"))
}
