//! What lasts: thousands of messages, minutes of mixed load, and the stack, which is painted at boot and read from outside.
//!
//! The soak takes five seconds, or as many as `FRAMEWRIGHT_SOAK_SECONDS` says.

use std::env;
use std::io::{self, Write};
use std::net::{SocketAddr, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use framewright_tests::conversation::message;
use framewright_tests::server::PATIENCE;

use crate::board::Board;
use crate::client::Client;
use crate::crowd::crowd;
use crate::image::Program;

/// Where the program's stack is, and how long, as in the firmware's `memory.x`; and what it is painted with.
const STACK: (u32, usize) = (0x2000_0000, 6656);
const PAINT: [u8; 4] = 0xcccc_cccc_u32.to_le_bytes();
/// What must be left of the stack after everything.
const SPARE: usize = 512;

/// Bytes of the program's stack that were never used.
fn spare_stack(board: &mut Board) -> usize {
    let stack = board.memory(STACK.0, STACK.1);
    // It grows downwards.
    stack.chunks(4).take_while(|word| *word == PAINT).count() * 4
}

/// Numbers that look like chance, the same each time.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % limit
    }

    /// Mostly short messages, some longer than all of the board's buffers.
    fn payload(&mut self) -> Vec<u8> {
        let len = match self.below(10) {
            0..4 => self.below(40),
            4..8 => self.below(600),
            8 => 1400 + self.below(100),
            _ => self.below(6000),
        };
        let first = self.below(251);
        (first..first + len).map(|i| u8::try_from(i % 251).expect("below 251")).collect()
    }
}

#[test]
fn ten_thousand_messages_of_mixed_sizes_come_back() {
    let Some(mut board) = Board::start() else { return };
    let address = board.address("echo");
    thread::scope(|scope| {
        for number in 0..4 {
            scope.spawn(move || {
                let (mut chance, mut client) = (Chance(number), Client::connect(address));
                for _ in 0..50 {
                    let payloads: Vec<Vec<u8>> = (0..50).map(|_| chance.payload()).collect();
                    client.send(&payloads.iter().flat_map(|payload| message(payload)).collect::<Vec<_>>());
                    for payload in &payloads {
                        assert!(client.receive_message() == *payload, "a message of {} bytes", payload.len());
                    }
                }
                client.close_write();
                assert_eq!(client.rest().0, b"");
            });
        }
    });
    // What the board itself counted.
    let counted = |line: &&String| line.contains("PeerClosed (Stats { messages: 2500,");
    for _ in 0..4 {
        board.wait_for_log("messages: 2500,");
    }
    let deadline = Instant::now() + PATIENCE;
    while board.log().iter().filter(counted).count() < 4 {
        assert!(Instant::now() < deadline, "not all four are in the log");
        thread::sleep(Duration::from_millis(5));
    }
    assert!(spare_stack(&mut board) >= SPARE);
}

#[test]
fn mixed_load_on_all_services_leaves_the_stack_and_all_places_as_they_were() {
    let Some(mut board) = Board::start() else { return };
    let seconds = env::var("FRAMEWRIGHT_SOAK_SECONDS").map_or(5, |text| text.parse().expect("a number of seconds"));
    let before = spare_stack(&mut board);
    assert!(before >= SPARE, "{before} bytes");
    // One turn of everything shows how deep the stack goes.
    load(&board, Instant::now());
    let warm = spare_stack(&mut board);
    let turns = load(&board, Instant::now() + Duration::from_secs(seconds));
    let after = spare_stack(&mut board);
    let told = format!(
        "soak of {seconds} s, {turns} turns: of the stack, {before} bytes were unused at boot, {warm} after one turn, {after} in \
         the end\n"
    );
    // Not by `eprintln!`: what tests print so is hidden when they pass.
    let _ = io::stderr().write_all(told.as_bytes());
    assert!(after >= SPARE, "{after} bytes of the stack were never used, of {warm} before the load");
    assert!(board.is_running());

    assert_eq!(crowd(&board).len(), 8);
    let complaints: Vec<String> = board.log().into_iter().filter(|line| line.contains("ERROR ")).collect();
    assert!(complaints.is_empty(), "{complaints:#?}");
}

/// What a client does on one connection; whether it was let in.
type Turn = fn(&mut Client, &mut Chance) -> bool;

/// One client after the other, of every kind.
const TURNS: [(&str, Turn); 7] = [
    ("echo", |client, chance| {
        let messages: Vec<u8> = (0..=chance.below(20)).flat_map(|_| message(&chance.payload())).collect();
        client.send(&messages);
        let got = client.receive(messages.len());
        assert!(got.is_empty() || got == messages, "{} of {} bytes", got.len(), messages.len());
        !got.is_empty()
    }),
    ("echo", |client, chance| {
        client.send(&message(&chance.payload())[..3]);
        client.reset();
        true
    }),
    ("trim", |client, _| {
        client.send(&message("🦀é語x🦀é語x🦀é語x".as_bytes()));
        let got = client.receive(8);
        assert!(got.is_empty() || got == message("語x".as_bytes()), "{}", got.escape_ascii());
        !got.is_empty()
    }),
    ("hello", |client, _| {
        client.send(b"one");
        let got = client.receive(9);
        assert!(got.is_empty() || got == b"Echo: one", "{}", got.escape_ascii());
        !got.is_empty()
    }),
    ("kv", |client, chance| {
        for _ in 0..20 {
            // A value that is too long is an error, and an unknown key; a line is answered by a line.
            let value = "v".repeat(1 + chance.below(120));
            let key = format!("key{}", chance.below(30));
            match client.line(&format!("SET {key} {value}")).as_str() {
                "" => return false,
                "OK" => assert_eq!(client.line(&format!("GET {key}")), value),
                answer => assert_eq!((answer, value.len() > 96), ("ERROR", true)),
            }
            client.line(&format!("DELETE key{}", chance.below(30)));
        }
        true
    }),
    ("chat", |client, chance| {
        let (name, long) = (chance.below(9), "x".repeat(chance.below(250)));
        client.send(format!("name{name}\nhello\n/who\n/nick other\n{long}\n/quit\n").as_bytes());
        let (heard, _) = client.rest();
        assert!(heard.is_empty() || heard.ends_with(b"* Bye.\n"), "{}", heard.escape_ascii());
        !heard.is_empty()
    }),
    ("time", |client, _| {
        let (time, _) = client.rest();
        assert!(time.is_empty() || time.len() == 32, "{}", time.escape_ascii());
        !time.is_empty()
    }),
];

/// Clients of all services at once, each kind until the time is over and it was let in once; how many were let in, in all. There
/// are seven kinds for eight places; yet places of clients that have just left are taken for a moment, so some are refused.
fn load(board: &Board, until: Instant) -> usize {
    thread::scope(|scope| {
        let mut loads = Vec::new();
        for (number, (service, turn)) in (0_u64..).zip(TURNS) {
            let address = board.address(service);
            loads.push(scope.spawn(move || {
                let mut chance = Chance(number);
                let mut turns = 0;
                while turns == 0 || Instant::now() < until {
                    let mut client = Client::connect(address);
                    if turn(&mut client, &mut chance) {
                        turns += 1;
                    }
                    if !client.is_reset() {
                        client.close_write();
                        client.rest();
                    }
                }
                turns
            }));
        }
        let udp = board.address("udp-echo");
        loads.push(scope.spawn(move || datagrams(udp, until)));
        loads.into_iter().map(|load| load.join().expect("all answers are right")).sum()
    })
}

/// One datagram after the other; how many came back.
fn datagrams(server: SocketAddr, until: Instant) -> usize {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    socket.set_read_timeout(Some(Duration::from_millis(200))).expect("not zero");
    socket.connect(server).expect("an address");
    let (mut chance, mut got) = (Chance(99), [0; 2000]);
    let mut turns = 0;
    while turns == 0 || Instant::now() < until {
        let datagram = vec![7; chance.below(1473)];
        socket.send(&datagram).expect("QEMU listens");
        // It may be lost, and an answer may come too late; a wrong one may not come.
        if let Ok(n) = socket.recv(&mut got) {
            assert!(got[..n].iter().all(|byte| *byte == 7));
            turns += 1;
        }
    }
    turns
}

#[test]
fn a_stack_that_overflows_is_noticed_and_reported() {
    let Some(mut board) = Board::boot(Program::Overflow) else { return };
    let status = board.wait();
    assert!(!status.success());
    board.wait_for_log("stack overflow: the stack pointer is 0x1fff");
}
