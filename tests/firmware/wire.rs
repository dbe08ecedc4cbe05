//! What is on the wire: frames that no socket would send, datagrams longer than a frame, and a capture that others read.

use std::net::UdpSocket;
use std::os::unix::net::UnixDatagram;
use std::process::Command;

use framewright_tests::peers;
use framewright_tests::server::PATIENCE;

use crate::board::Board;
use crate::client::Client;

/// The board's address, as QEMU and the firmware's `config` have it; ours on the same network.
const BOARD: ([u8; 6], [u8; 4]) = ([0x52, 0x54, 0, 0x12, 0x34, 0x56], [10, 0, 2, 15]);
const OURS: ([u8; 6], [u8; 4]) = ([0x02, 0, 0, 0, 0, 0x77], [10, 0, 2, 77]);

/// What follows another protocol's header.
const ICMP: u8 = 1;
const MORE_FRAGMENTS: u16 = 0x2000;

fn ethernet(kind: u16, payload: &[u8]) -> Vec<u8> {
    [&BOARD.0[..], &OURS.0, &kind.to_be_bytes(), payload].concat()
}

/// The question for the board's address, from which it learns ours.
fn who_has_the_board() -> Vec<u8> {
    let head = [0, 1, 8, 0, 6, 4, 0, 1];
    ethernet(0x0806, &[&head[..], &OURS.0, &OURS.1, &[0; 6], &BOARD.1].concat())
}

/// An IPv4 packet; `place` is its flags and the offset of the fragment, in units of 8 bytes.
fn ipv4(protocol: u8, place: u16, payload: &[u8]) -> Vec<u8> {
    let len = u16::try_from(20 + payload.len()).expect("a packet of a frame");
    let mut header = [0x45, 0, 0, 0, 0x12, 0x34, 0, 0, 64, protocol, 0, 0];
    header[2..4].copy_from_slice(&len.to_be_bytes());
    header[6..8].copy_from_slice(&place.to_be_bytes());
    let mut header = [&header[..], &OURS.1, &BOARD.1].concat();
    let sum = checksum(&header).to_be_bytes();
    header[10..12].copy_from_slice(&sum);
    ethernet(0x0800, &[&header, payload].concat())
}

fn echo_request(number: u16, payload: &[u8]) -> Vec<u8> {
    let mut request = [&[8, 0, 0, 0, 0x77, 0x77][..], &number.to_be_bytes(), payload].concat();
    let sum = checksum(&request).to_be_bytes();
    request[2..4].copy_from_slice(&sum);
    request
}

/// The Internet's checksum.
fn checksum(bytes: &[u8]) -> u16 {
    let word = |pair: &[u8]| u32::from(pair[0]) << 8 | u32::from(pair.get(1).copied().unwrap_or(0));
    let mut sum: u32 = bytes.chunks(2).map(word).sum();
    while sum > 0xffff {
        sum = (sum >> 16) + (sum & 0xffff);
    }
    !u16::try_from(sum).expect("16 bits")
}

/// Takes frames off the wire up to the answer to the echo request of this number: its payload.
fn pong(wire: &UnixDatagram, number: u16) -> Vec<u8> {
    let mut frame = [0; 2048];
    loop {
        let n = wire.recv(&mut frame).expect("an answer");
        let (ethernet, packet) = frame[..n].split_at(14.min(n));
        if !ethernet.starts_with(&OURS.0) || packet.get(9) != Some(&ICMP) || packet.get(20) != Some(&0) {
            continue;
        }
        assert_eq!(checksum(&packet[..20]), 0);
        let len = usize::from(u16::from_be_bytes([packet[2], packet[3]]));
        let message = &packet[20..len];
        assert_eq!(checksum(message), 0);
        if message[6..8] == number.to_be_bytes() {
            return message[8..].to_vec();
        }
    }
}

#[test]
fn pings_are_answered_and_those_of_death_do_no_harm() {
    let Some(board) = Board::with_wire() else { return };
    let wire = board.wire.as_ref().expect("it was asked for");
    let send = |frame: &[u8]| assert_eq!(wire.send(frame).expect("QEMU reads"), frame.len());
    let mut client = Client::connect(board.address("echo"));
    send(&who_has_the_board());
    // 1,472 bytes make the longest packet of a frame.
    for (number, len) in [(1, 0), (2, 56), (3, 1471), (4, 1472)] {
        let payload: Vec<u8> = (0..=250).cycle().take(len).collect();
        send(&ipv4(ICMP, 0, &echo_request(number, &payload)));
        assert!(pong(wire, number) == payload, "a ping of {len} bytes");
    }

    // The ping of death: fragments that add up to more than the 65,535 bytes that a packet can have.
    let piece = [0xAA; 1480];
    for round in 0..5 {
        send(&ipv4(ICMP, MORE_FRAGMENTS, &echo_request(100 + round, &piece[8..])));
        for offset in (185..8190).step_by(185) {
            send(&ipv4(ICMP, MORE_FRAGMENTS | offset, &piece));
        }
        send(&ipv4(ICMP, 8190, &piece));
        // Ones that overlap, the last one first.
        send(&ipv4(ICMP, 1, &piece));
        send(&ipv4(ICMP, MORE_FRAGMENTS, &piece));
    }
    assert_eq!(client.ask(b"alive"), b"alive");

    // Frames shorter and longer than frames are, headers that promise more than there is, and less.
    let good = ipv4(ICMP, 0, &echo_request(5, &[0; 64]));
    // Not 0: to QEMU, that is the end of the wire.
    for len in 1..good.len() {
        send(&good[..len]);
    }
    for len in [1515, 1518, 1519, 1600, 2000, 2041] {
        send(&ethernet(0x0800, &vec![0x45; len - 14]));
    }
    for byte in 0..38 {
        for flip in [0x01, 0x0f, 0x80, 0xff] {
            let mut bad = good.clone();
            bad[byte] ^= flip;
            send(&bad);
        }
    }
    send(&ipv4(ICMP, 0, &echo_request(6, b"still there")));
    assert_eq!(pong(wire, 6), b"still there");
    assert_eq!(client.ask(b"unharmed"), b"unharmed");
}

#[test]
fn a_flood_of_frames_does_not_keep_clients_from_their_answers() {
    let Some(board) = Board::with_wire() else { return };
    let wire = board.wire.as_ref().expect("it was asked for");
    let mut client = Client::connect(board.address("echo"));
    let frames = [
        // To a port that nobody serves, and opening connections from a machine that is not there.
        ipv4(17, 0, &[[0; 8].as_slice(), &[0x55; 1400]].concat()),
        ipv4(6, 0, &[0x12, 0x34, 0x30, 0x39, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 4, 0, 0, 0, 0, 0]),
        ethernet(0x86dd, &[0x60; 100]),
        vec![0xff; 60],
    ];
    for round in 0..500_u32 {
        for frame in &frames {
            wire.send(frame).expect("QEMU reads");
        }
        if round % 50 == 0 {
            assert_eq!(client.ask(&round.to_be_bytes()), round.to_be_bytes());
        }
    }
    assert_eq!(client.ask(b"unharmed"), b"unharmed");
}

#[test]
fn datagrams_longer_than_a_frame_are_dropped_and_do_no_harm() {
    let Some(board) = Board::start() else { return };
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    socket.set_read_timeout(Some(PATIENCE)).expect("not zero");
    socket.connect(board.address("udp-echo")).expect("an address");
    let mut client = Client::connect(board.address("echo"));
    for len in [1473, 1480, 2960, 4000, 30_000, 65_507] {
        // QEMU's network cuts it into fragments; it may refuse the longest.
        let _ = socket.send(&vec![0xAA; len]);
        socket.send(&len.to_be_bytes()).expect("QEMU listens");
        let mut got = [0; 2000];
        let n = socket.recv(&mut got).expect("an answer to the short one");
        assert_eq!(got[..n], len.to_be_bytes());
        assert_eq!(client.ask(b"unharmed"), b"unharmed");
    }
}

#[test]
fn tshark_finds_nothing_wrong_with_what_the_board_sends() {
    let Some(tshark) = peers::find("tshark", "tshark") else { return };
    let Some(mut board) = Board::with_capture() else { return };
    let mut echo = Client::connect(board.address("echo"));
    for len in [0, 1, 1000, 1460, 5000, 20_000] {
        let payload = vec![b'x'; len];
        assert!(echo.ask(&payload) == payload);
    }
    let mut kv = Client::connect(board.address("kv"));
    assert_eq!(kv.line("SET a b"), "OK");
    Client::connect(board.address("time")).rest();
    let udp = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    udp.set_read_timeout(Some(PATIENCE)).expect("not zero");
    udp.connect(board.address("udp-echo")).expect("an address");
    udp.send(&[7; 1472]).expect("QEMU listens");
    assert_eq!(udp.recv(&mut [0; 2000]).expect("an answer"), 1472);
    echo.close_write();
    echo.rest();
    let file = board.capture();
    drop((echo, kv));
    board.wait_for_log(", port: 6380 }: PeerClosed");

    let frames = |filter: &str| {
        let mut command = Command::new(&tshark);
        command.arg("-r").arg(&file).args(["-Y", &format!("ip.src == 10.0.2.15 && ({filter})")]);
        for option in ["ip.check_checksum", "tcp.check_checksum", "udp.check_checksum"] {
            command.args(["-o", &format!("{option}:TRUE")]);
        }
        let output = peers::run(&mut command, b"", 0);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let sent = frames("tcp.len > 0").len();
    assert!(sent > 20, "{sent} segments");
    assert_eq!(frames("udp.length == 1480").len(), 1);
    assert!(!frames("tcp.flags.fin == 1").is_empty());
    for wrong in [
        "ip.checksum.status == 0 || tcp.checksum.status == 0 || udp.checksum.status == 0",
        "_ws.malformed || _ws.expert.severity == error",
        "frame.len > 1514",
        "tcp.len > 1460",
        "tcp.flags.reset == 1",
        "tcp.analysis.retransmission",
    ] {
        let found = frames(wrong);
        assert!(found.is_empty(), "{wrong}: {found:#?}");
    }
    // All checksums were looked at: what is not wrong is good.
    assert_eq!(frames("tcp.len > 0 && ip.checksum.status == 1 && tcp.checksum.status == 1").len(), sent);
}
