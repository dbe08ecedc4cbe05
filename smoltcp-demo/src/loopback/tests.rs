//! Conversations over the virtual network: what a client gets, and what is left in the pool.

use super::*;
use crate::pool::KeepAlive;
use crate::services::CatalogueError;
use framewright::CloseReason;

const LIMIT: Duration = Duration::from_mins(10);
const ECHO: u16 = 12345;
const TRIM: u16 = 4567;

fn world(config: &LoopbackConfig) -> Loopback {
    Loopback::new(config).expect("a network")
}

fn frame(payload: &[u8]) -> Vec<u8> {
    let mut frame = u32::try_from(payload.len()).expect("a length").to_be_bytes().to_vec();
    frame.extend_from_slice(payload);
    frame
}

/// Bytes that repeat only after a long time.
fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|n| u8::try_from(n * 7 % 251).expect("a byte")).collect()
}

fn run_until_received(world: &mut Loopback, client: ClientId, len: usize) {
    world.run_until(|world| world.received(client).len() >= len, LIMIT).expect("the answer");
}

fn run_until_state(world: &mut Loopback, client: ClientId, state: ClientState) {
    world.run_until(|world| world.state(client) == state, LIMIT).expect("the state");
}

fn run_until_all_free(world: &mut Loopback) {
    world.run_until(|world| world.free_slots() == world.slots(), LIMIT).expect("free slots");
}

fn close_reasons(world: &Loopback) -> Vec<CloseReason> {
    let reason = |(_, event): &(Instant, Event)| match event {
        Event::Closed { reason, .. } => Some(*reason),
        _ => None,
    };
    world.events().iter().filter_map(reason).collect()
}

#[test]
fn a_message_is_answered_whatever_the_segments_carry() {
    for segment in [1, 7, 536, 1460] {
        let mut world = world(&LoopbackConfig { segment: NonZeroUsize::new(segment), ..LoopbackConfig::default() });
        let client = world.connect(TRIM);
        world.send(client, &frame(b"Four score and seven years ago"));
        run_until_received(&mut world, client, 24);
        assert_eq!(world.received(client), frame(b" and seven years ago"), "segments of {segment}");
        let counts = world.counts(TRIM);
        assert_eq!(counts.messages, 2);
        assert_eq!(counts.segments, 34_u64.div_ceil(segment as u64) + 24_u64.div_ceil(segment as u64));
        assert_eq!(counts.retransmissions, 0);
    }
}

#[test]
fn a_client_that_half_closes_gets_its_answers() {
    let mut world = world(&LoopbackConfig::default());
    let client = world.connect(ECHO);
    let message = frame(&pattern(20_000));
    world.send(client, &message);
    world.close_write(client);
    run_until_state(&mut world, client, ClientState::Closed);
    assert_eq!(world.received(client), message);
    run_until_all_free(&mut world);
    assert_eq!(close_reasons(&world), [CloseReason::PeerClosed]);
}

#[test]
fn a_client_that_does_not_read_closes_the_window_and_loses_nothing() {
    let mut world = world(&LoopbackConfig { buffer: 256, ring: 1024, client_ring: 1024, ..LoopbackConfig::default() });
    let client = world.connect(ECHO);
    world.set_reading(client, false);
    let messages: Vec<u8> = (0..400).flat_map(|n| frame(&pattern(n))).collect();
    world.send(client, &messages);
    world.run_for(Duration::from_secs(30));
    // The rings and buffers on the way are full, and the rest stays with the client.
    let on_the_way = messages.len() - world.unsent(client);
    assert!(on_the_way <= 4 * 1024 + 2 * 256, "{on_the_way} bytes are on the way");
    world.set_reading(client, true);
    run_until_received(&mut world, client, messages.len());
    assert!(world.received(client) == messages);
}

#[test]
fn a_length_over_the_limit_closes_that_connection_only() {
    let mut world = world(&LoopbackConfig::default());
    let good = world.connect(ECHO);
    let bad = world.connect(ECHO);
    world.send(good, &frame(b"before"));
    run_until_received(&mut world, good, 10);
    world.send(bad, b"\xff\xff\xff\xff");
    run_until_state(&mut world, bad, ClientState::ServerClosed);
    world.send(good, &frame(b"after"));
    run_until_received(&mut world, good, 19);
    assert_eq!(world.state(good), ClientState::Open);
    world.close_write(bad);
    run_until_all_but(&mut world, 7);
    assert!(matches!(close_reasons(&world)[..], [CloseReason::BadFrame(_)]));
}

#[test]
fn more_clients_than_slots_are_refused_and_served_when_one_leaves() {
    let mut world = world(&LoopbackConfig { slots: 3, ..LoopbackConfig::default() });
    let clients: Vec<_> = (0..3).map(|n| world.connect([ECHO, TRIM, ECHO][n])).collect();
    for &client in &clients {
        run_until_state(&mut world, client, ClientState::Open);
    }
    let late = world.connect(TRIM);
    run_until_state(&mut world, late, ClientState::Refused);
    assert_eq!(world.pool_counts().refused, 1);
    world.close_write(clients[0]);
    run_until_state(&mut world, clients[0], ClientState::Closed);
    run_until_all_but(&mut world, 1);
    let next = world.connect(TRIM);
    world.send(next, &frame(b"0123456789!"));
    run_until_received(&mut world, next, 5);
    assert_eq!(world.received(next), frame(b"!"));
}

fn run_until_all_but(world: &mut Loopback, free: usize) {
    world.run_until(|world| world.free_slots() == free, LIMIT).expect("a free slot");
}

#[test]
fn no_slot_leaks_after_a_thousand_connections_of_every_kind() {
    let mut world = world(&LoopbackConfig { slots: 4, buffer: 256, ring: 512, ..LoopbackConfig::default() });
    for round in 0..1000 {
        let client = world.connect(if round % 2 == 0 { ECHO } else { TRIM });
        world.send(client, &frame(&pattern(round % 700)));
        match round % 5 {
            0 => world.close_write(client),
            1 => world.run_for(Duration::from_millis(1)), // and then it is still in the handshake, or served
            2 => run_until_state(&mut world, client, ClientState::Open),
            3 => world.send(client, b"\xff\xff\xff\xff"),
            _ => {
                world.send(client, &[0, 0]);
                world.close_write(client);
            }
        }
        if matches!(round % 5, 1 | 2) {
            world.abort(client);
        }
        world.run_for(Duration::from_millis(50));
        world.close_write(client);
        let over = |world: &Loopback| {
            matches!(world.state(client), ClientState::Closed | ClientState::Broken | ClientState::Refused)
        };
        world.run_until(over, LIMIT).unwrap_or_else(|error| panic!("round {round}: {error}"));
        assert_ne!(world.state(client), ClientState::Refused, "round {round}");
    }
    run_until_all_free(&mut world);
    let counts = world.pool_counts();
    assert_eq!(counts.opened, counts.closed);
    assert_eq!(counts.refused, 0);
}

#[test]
fn a_client_that_vanishes_gives_its_slot_back() {
    let keep_alive = KeepAlive { every: Duration::from_secs(10), questions: 3 };
    let pool = PoolConfig { keep_alive: Some(keep_alive), ..PoolConfig::default() };
    let mut world = world(&LoopbackConfig { slots: 1, pool, ..LoopbackConfig::default() });
    let client = world.connect(ECHO);
    run_until_state(&mut world, client, ClientState::Open);
    world.vanish(client);
    let before = world.now();
    run_until_all_free(&mut world);
    let took = world.now().saturating_since(before);
    assert!(took <= Duration::from_mins(1), "{took:?}");
    assert_eq!(close_reasons(&world), [CloseReason::Reset]);
}

#[test]
fn a_healthy_client_with_nothing_to_say_stays() {
    let mut world = world(&LoopbackConfig::default());
    let client = world.connect(ECHO);
    world.run_for(Duration::from_hours(24));
    world.send(client, &frame(b"still here"));
    run_until_received(&mut world, client, 14);
}

#[test]
fn a_server_that_stops_answers_what_came_and_closes() {
    let mut world = world(&LoopbackConfig::default());
    let client = world.connect(ECHO);
    world.send(client, &frame(b"one"));
    run_until_received(&mut world, client, 7);
    world.send(client, &frame(b"two"));
    world.flush(client, LIMIT).expect("sent");
    world.shutdown();
    run_until_state(&mut world, client, ClientState::ServerClosed);
    assert_eq!(world.received(client), [frame(b"one"), frame(b"two")].concat());
    let late = world.connect(ECHO);
    run_until_state(&mut world, late, ClientState::Refused);
    world.close_write(client);
    run_until_all_free(&mut world);
    assert_eq!(close_reasons(&world), [CloseReason::Shutdown]);
}

#[test]
fn a_reset_in_the_middle_of_a_message_frees_the_slot_at_once() {
    let mut world = world(&LoopbackConfig::default());
    let client = world.connect(ECHO);
    world.send(client, b"\0\0\0\x10half");
    world.flush(client, LIMIT).expect("sent");
    world.abort(client);
    let before = world.now();
    run_until_all_free(&mut world);
    assert_eq!(world.now(), before);
    assert_eq!(close_reasons(&world), [CloseReason::Reset]);
}

#[test]
fn a_buffer_that_holds_no_reply_is_an_error_before_anything_runs() {
    let config = LoopbackConfig { buffer: 4, ..LoopbackConfig::default() };
    assert!(matches!(Loopback::new(&config), Err(AssemblyError::Buffers(_))));
    let config =
        LoopbackConfig { services: vec![(ServiceName::Echo, 7), (ServiceName::Trim, 7)], ..LoopbackConfig::default() };
    assert!(matches!(Loopback::new(&config), Err(AssemblyError::Services(CatalogueError::PortTaken(7)))));
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(32))]
    #[test]
    fn any_messages_in_any_segments_and_buffers_come_back(
        messages in proptest::collection::vec(proptest::collection::vec(0_u8.., 0..600), 1..12),
        segment in 1_usize..1461,
        buffer in 5_usize..600,
        ring in 64_usize..2000,
        packets in 1_usize..20,
    ) {
        let segment = NonZeroUsize::new(segment);
        let mut world = world(&LoopbackConfig { ring, buffer, packets, segment, ..LoopbackConfig::default() });
        let client = world.connect(ECHO);
        let stream: Vec<u8> = messages.iter().flat_map(|message| frame(message)).collect();
        world.send(client, &stream);
        world.close_write(client);
        run_until_state(&mut world, client, ClientState::Closed);
        proptest::prop_assert_eq!(world.received(client), stream);
        run_until_all_free(&mut world);
    }
}
