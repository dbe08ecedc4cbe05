//! Many clients of one board: all its places taken, clients that vanish, clients that do not read.

use std::io::{ErrorKind, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use framewright_tests::conversation::message;
use framewright_tests::server::PATIENCE;

use crate::board::Board;
use crate::client::Client;

/// Places for TCP clients on the board.
const SLOTS: usize = 8;

/// All places taken, by clients that are being served. A place whose last client is gone is free when TCP has ended too, so this
/// tries until it is let in.
pub(crate) fn crowd(board: &Board) -> Vec<Client> {
    let deadline = Instant::now() + PATIENCE;
    let mut clients = Vec::new();
    while clients.len() < SLOTS {
        let mut client = Client::connect(board.address("echo"));
        let hello = message(format!("client {}", clients.len()).as_bytes());
        client.send(&hello);
        let answer = client.receive(hello.len());
        if answer.is_empty() {
            assert!(Instant::now() < deadline, "only {} places are free", clients.len());
        } else {
            assert_eq!(answer, hello);
            clients.push(client);
        }
    }
    clients
}

fn all_are_served(clients: &mut [Client]) {
    for (number, client) in clients.iter_mut().enumerate() {
        client.send(&message(format!("still {number}").as_bytes()));
    }
    for (number, client) in clients.iter_mut().enumerate().rev() {
        assert_eq!(client.receive_message(), format!("still {number}").as_bytes());
    }
}

#[test]
fn eight_clients_are_served_at_once_and_a_ninth_is_refused_until_one_leaves() {
    let Some(board) = Board::start() else { return };
    let mut clients = crowd(&board);
    let mut ninth = Client::connect(board.address("trim"));
    let (got, _) = ninth.rest();
    assert_eq!(got, b"");
    board.wait_for_log(&format!("10.0.2.2:{}, port: 4567 }}: refused, Full", ninth.local.port()));
    all_are_served(&mut clients);

    let mut first = clients.remove(0);
    let gone = format!("10.0.2.2:{}, port: 12345 }}: PeerClosed", first.local.port());
    first.close_write();
    first.rest();
    board.wait_for_log(&gone);
    // Its place is free when TCP has ended too, a moment later.
    let deadline = Instant::now() + PATIENCE;
    loop {
        let mut tenth = Client::connect(board.address("trim"));
        tenth.send(&message(b"Four score and seven years ago"));
        let answer = tenth.receive(24);
        if !answer.is_empty() {
            assert_eq!(answer, message(b" and seven years ago"));
            break;
        }
        assert!(Instant::now() < deadline, "the place of the first client is not free");
    }
    all_are_served(&mut clients);
}

#[test]
fn clients_that_vanish_give_their_places_back() {
    let Some(mut board) = Board::start() else { return };
    let vanished = crowd(&board);
    // No end and no reset comes through; the board has to ask, and finds out within 40 seconds.
    board.set_cable(false);
    for client in &vanished {
        board.wait_for_log(&format!("10.0.2.2:{}, port: 12345 }}: Reset", client.local.port()));
    }
    board.set_cable(true);
    let mut clients = crowd(&board);
    all_are_served(&mut clients);
}

#[test]
fn clients_that_break_off_in_the_middle_leave_nothing_behind() {
    let Some(board) = Board::start() else { return };
    for round in 0..5 {
        let mut clients = crowd(&board);
        let log_from = board.log().len();
        for client in &mut clients {
            client.send(&message(&[b'x'; 2000])[..300 + round]);
            client.reset();
        }
        for client in &clients {
            board.wait_for_log_from(log_from, &format!("10.0.2.2:{}, port", client.local.port()));
        }
    }
}

#[test]
fn a_client_that_does_not_read_delays_nobody() {
    let Some(board) = Board::start() else { return };
    let mut deaf = TcpStream::connect(board.address("echo")).expect("QEMU listens");
    deaf.set_write_timeout(Some(Duration::from_millis(500))).expect("not zero");
    // Up to where nobody takes more: the board, QEMU, and the two sockets of this machine are full.
    let much = message(&vec![b'x'; 16 << 20]);
    let error = deaf.write_all(&much).expect_err("the board takes no more than it can answer");
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
    let mut other = Client::connect(board.address("echo"));
    for number in 0..500 {
        let text = format!("number {number}");
        assert_eq!(other.ask(text.as_bytes()), text.as_bytes());
    }
}

#[test]
fn bytes_one_at_a_time_and_a_hundred_messages_in_one_piece_are_answered_alike() {
    let Some(board) = Board::start() else { return };
    let messages: Vec<Vec<u8>> = (0..100).map(|i| format!("0123456789 message {i}").into_bytes()).collect();
    let stream: Vec<u8> = messages.iter().flat_map(|payload| message(payload)).collect();
    let answers: Vec<u8> = messages.iter().flat_map(|payload| message(&payload[10..])).collect();
    let address = board.address("trim");
    thread::scope(|scope| {
        for piece in [1, 7, 1460, stream.len()] {
            let (stream, answers) = (&stream, &answers);
            scope.spawn(move || {
                let mut client = Client::connect(address);
                stream.chunks(piece).for_each(|bytes| client.send(bytes));
                client.close_write();
                assert_eq!(client.rest().0.escape_ascii().to_string(), answers.escape_ascii().to_string());
            });
        }
    });
}
