//! Services over the virtual network whose clients share something.

use std::time::Duration;

use framewright::CloseReason;
use framewright::service::{ChatRules, Refusal};

use super::*;
use crate::loopback::{ClientId, ClientState, Loopback, LoopbackConfig, Step};
use crate::pool::Event;

const LIMIT: Duration = Duration::from_mins(10);

fn world(services: &[ServiceName], config: &LoopbackConfig) -> Loopback {
    let services = services.iter().map(|service| (*service, service.default_port())).collect();
    Loopback::new(&LoopbackConfig { services, ..config.clone() }).expect("a network")
}

/// A member of the chat room who has heard all that was said so far.
fn member(world: &mut Loopback, name: &str) -> ClientId {
    let client = world.connect(ServiceName::Chat.default_port());
    world.send(client, format!("{name}\n").as_bytes());
    run_until_heard(world, client, &format!("* You are {name}."));
    settle(world);
    world.take_received(client);
    client
}

fn run_until_heard(world: &mut Loopback, client: ClientId, text: &str) {
    let heard = |world: &Loopback| String::from_utf8_lossy(world.received(client)).contains(text);
    world.run_until(heard, LIMIT).unwrap_or_else(|error| panic!("'{text}' was not heard: {error}"));
}

/// Lets everything happen that happens at once. When that was.
fn settle(world: &mut Loopback) -> Instant {
    loop {
        let now = world.now();
        if world.step() != Step::Moved {
            return now;
        }
    }
}

#[test]
fn what_one_says_the_others_hear_at_the_same_instant_whichever_slot_they_are_in() {
    let mut world = world(&[ServiceName::Chat], &LoopbackConfig::default());
    let clients: Vec<_> = (0..8).map(|n| member(&mut world, &format!("client {n}"))).collect();
    settle(&mut world);
    for speaker in 0..8 {
        for &client in &clients {
            world.take_received(client);
        }
        let before = world.now();
        world.send(clients[speaker], b"hello\n");
        assert_eq!(settle(&mut world), before, "no clock was waited for");
        for (n, &client) in clients.iter().enumerate() {
            let heard = String::from_utf8_lossy(world.received(client)).into_owned();
            if n == speaker {
                assert_eq!(heard, "", "the speaker gets no copy");
            } else {
                assert!(heard.ends_with(&format!("] client {speaker}: hello\n")), "client {n} heard '{heard}'");
            }
        }
    }
}

#[test]
fn a_member_that_does_not_read_is_dropped_when_the_log_has_overtaken_it_and_nobody_waits_for_it() {
    let rules = ChatRules { rate: 0, ..ChatRules::default() };
    let config = LoopbackConfig { chat: rules, client_ring: 2048, ring: 2048, ..LoopbackConfig::default() };
    let mut world = world(&[ServiceName::Chat], &config);
    let speaker = member(&mut world, "speaker");
    let reader = member(&mut world, "reader");
    let sleeper = member(&mut world, "sleeper");
    world.set_reading(sleeper, false);
    let line = [&[b'x'; 900][..], b"\n"].concat();
    let lines = 120; // more than 64 KiB
    for _ in 0..lines {
        world.send(speaker, &line);
        world.flush(speaker, LIMIT).expect("a line is taken");
    }
    run_until_heard(&mut world, speaker, "sleeper left");
    settle(&mut world);
    let heard = String::from_utf8_lossy(world.received(reader)).into_owned();
    assert_eq!(heard.matches("speaker: xxx").count(), lines, "the reader heard all");
    let behind = |(_, event): &(Instant, Event)| {
        matches!(event, Event::Closed { reason: CloseReason::Dismissed(Refusal::FellBehind), .. })
    };
    world.run_until(|world| world.events().iter().any(behind), LIMIT).expect("it is told why");
}

#[test]
fn one_client_finds_what_another_has_stored_and_learns_when_it_is_gone() {
    let mut world = world(&[ServiceName::Kv], &LoopbackConfig::default());
    let port = ServiceName::Kv.default_port();
    let (one, other) = (world.connect(port), world.connect(port));
    world.send(one, b"SET ring One ring\n");
    run_until_heard(&mut world, one, "OK\n");
    world.send(other, b"GET ring\nDELETE ring\n");
    run_until_heard(&mut world, other, "One ring\nOK\n");
    world.send(one, b"GET ring\n");
    run_until_heard(&mut world, one, "OK\nERROR\n");
}

#[test]
fn why_a_request_to_the_store_went_wrong_is_reported_with_the_client() {
    use core::cell::RefCell;
    use framewright::service::{KvError, Seat};
    use framewright::{SessionConfig, Table, WallClock};
    use smoltcp::wire::IpAddress;
    use std::sync::Mutex;

    // A report is a plain function, as a device has it.
    static REPORTS: Mutex<Vec<(Client, KvError)>> = Mutex::new(Vec::new());
    let seats: [Seat<()>; 1] = Default::default();
    let store = RefCell::new(Table::<2, 8, 8>::new());
    let state = State::new(store, seats, [0; 64], ChatRules::default(), WallClock::UNSET)
        .with_kv_report(|client, why| REPORTS.lock().expect("no panic").push((client, *why)));
    let mut catalogue =
        Catalogue::new(SessionConfig::default(), &state).with(ServiceName::Kv, 6380).expect("room for a service");
    let client = Client { remote: IpEndpoint::new(IpAddress::v4(10, 0, 0, 2), 1234), port: 6380 };
    let mut session = catalogue.open(client, (vec![0; 64], vec![0; 64]), Instant::ZERO);
    assert_eq!(session.handle_input(b"GET it\n", Instant::ZERO), 7);
    assert_eq!(session.poll_output(Instant::ZERO), b"ERROR\n");
    assert_eq!(*REPORTS.lock().expect("no panic"), [(client, KvError::UnknownKey)]);
}

#[test]
fn a_client_is_told_the_time_without_a_word_and_then_the_end() {
    let mut world = world(&[ServiceName::Time], &LoopbackConfig::default());
    world.run_for(Duration::from_secs(1));
    let client = world.connect(ServiceName::Time.default_port());
    world.run_until(|world| world.state(client) == ClientState::ServerClosed, LIMIT).expect("the end");
    let time = String::from_utf8_lossy(world.received(client)).into_owned();
    assert!(time.starts_with("1970-01-01T00:00:0") && time.ends_with("+00:00"), "{time}");
}

#[test]
fn buffers_too_small_for_the_longest_reply_are_refused_before_anyone_comes() {
    for service in ServiceName::ALL {
        let services = Vec::from([(service, 1)]);
        let small = LoopbackConfig { services, buffer: 4, slots: 1, ..LoopbackConfig::default() };
        let fits = service == ServiceName::UdpEcho; // it has no session
        assert_eq!(Loopback::new(&small).is_ok(), fits, "{service}");
    }
}

#[test]
fn names_are_found_again_and_ports_are_all_different() {
    for service in ServiceName::ALL {
        assert_eq!(service.name().parse(), Ok(service));
        let same = ServiceName::ALL.iter().filter(|other| other.default_port() == service.default_port());
        assert_eq!(same.count(), 1);
    }
    assert_eq!("Trim".parse::<ServiceName>(), Err(UnknownService));
}

#[test]
fn a_catalogue_refuses_what_it_cannot_offer() {
    use ServiceName::{Echo, Trim, UdpEcho};

    let catalogue = || {
        let state = HostState::new(1, ChatRules::default(), framewright::WallClock::UNSET);
        Catalogue::<Vec<u8>, _>::new(framewright::SessionConfig::default(), state)
    };
    let offer = |services: &[(ServiceName, u16)]| {
        services.iter().try_fold(catalogue(), |catalogue, (service, port)| catalogue.with(*service, *port)).map(drop)
    };
    assert_eq!(offer(&[(Echo, 7), (Trim, 7)]), Err(CatalogueError::PortTaken(7)));
    assert_eq!(offer(&[(Echo, 7), (UdpEcho, 7)]), Ok(()), "TCP and UDP have ports of their own");
    assert_eq!(offer(&[(UdpEcho, 7), (UdpEcho, 8)]), Err(CatalogueError::SecondUdp));
    assert_eq!(offer(&[(Echo, 0)]), Err(CatalogueError::PortZero(Echo)));
    let ports: Vec<_> = (1..=9).map(|port| (Echo, port)).collect();
    assert_eq!(offer(&ports), Err(CatalogueError::TooMany));
}
