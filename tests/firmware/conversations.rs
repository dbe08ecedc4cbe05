//! The conversations on the board.

use framewright::service::Refusal;
use framewright::{CloseReason, DecodeError, DecodeErrorKind, Recovery};
use framewright_tests::conversation::{Conversation, Deed, Ending, Service, Stage};
use framewright_tests::conversations::all;

use crate::board::Board;
use crate::client::Client;

/// What the firmware accepts; see its `config`.
const MAX_FRAME: u64 = 16 << 20;

/// A board in the middle of a conversation.
struct Playing<'b> {
    board: &'b Board,
    service: Service,
    clients: Vec<Client>,
    /// How long the log was when it began: ports of clients come again.
    log_from: usize,
}

impl Stage for Playing<'_> {
    fn connect(&mut self) {
        self.clients.push(Client::connect(self.board.address(self.service.name())));
    }

    fn send(&mut self, client: usize, piece: &[u8]) {
        self.clients[client].send(piece);
    }

    fn receive(&mut self, client: usize, n: usize) -> Vec<u8> {
        self.clients[client].receive(n)
    }

    fn close_write(&mut self, client: usize) {
        self.clients[client].close_write();
    }

    fn reset(&mut self, client: usize) {
        self.clients[client].reset();
    }

    fn stop(&mut self) {
        unreachable!("the firmware does not stop");
    }

    fn rest(&mut self, client: usize) -> (Vec<u8>, Ending) {
        let rest = self.clients[client].rest();
        self.close_write(client);
        rest
    }

    fn reason(&mut self, client: usize) -> String {
        // QEMU's network lets a client of this machine keep its port.
        let known_as = format!("10.0.2.2:{}, port: ", self.clients[client].local.port());
        let logged = self.board.wait_for_log_from(self.log_from, &known_as);
        let (_, reason) = logged.split_once("}: ").unwrap_or_default();
        if self.clients[client].is_reset() && reason.starts_with("Truncated") {
            // QEMU's network passes a reset on as an end of the stream, where it notices while it writes to the client.
            return CloseReason::Reset.to_string();
        }
        in_words(reason)
    }
}

/// The reason in the log, which is printed as the type is written, in the words that other front ends use.
fn in_words(logged: &str) -> String {
    let numbers: Vec<u64> =
        logged.split(|c: char| !c.is_ascii_digit()).filter_map(|digits| digits.parse().ok()).collect();
    let begins = |text: &str| logged.starts_with(text);
    let reason = match numbers[..] {
        [have, need, ..] if begins("Truncated") && logged.contains("Some") => {
            CloseReason::Truncated { have, need: Some(need) }
        }
        [have, ..] if begins("Truncated") => CloseReason::Truncated { have, need: None },
        [len, limit, offset, ..] if begins("BadFrame(DecodeError { kind: TooLong { len: Some(") => {
            let kind = DecodeErrorKind::TooLong { len: Some(len), limit };
            CloseReason::BadFrame(DecodeError { kind, offset, recovery: Recovery::Stops })
        }
        [_, offset, ..] if begins("Refused { refusal: InvalidUtf8") => {
            CloseReason::Refused { refusal: Refusal::InvalidUtf8, offset }
        }
        _ if begins("PeerClosed ") => CloseReason::PeerClosed,
        _ if begins("Reset ") => CloseReason::Reset,
        _ => panic!("a reason that no conversation expects: {logged}"),
    };
    reason.to_string()
}

/// Whether the board can hold it: it does not stop, and has one limit of messages, fixed when it is compiled.
fn can_be_held(conversation: &Conversation) -> bool {
    let stops = conversation.steps.iter().any(|step| matches!(step.deed, Deed::Stop));
    !stops && conversation.max_frame == MAX_FRAME
}

/// Holds all of them with one board: for buffers of so many bytes, the sizes in the messages are those around that.
fn play_all(buffer: usize) {
    let Some(board) = Board::start() else { return };
    let (held, left_out): (Vec<_>, Vec<_>) = all(buffer).into_iter().partition(can_be_held);
    // Of echo and of trim each three that stop, and two with another limit.
    assert_eq!(left_out.len(), 10);
    for conversation in &held {
        let log_from = board.log().len();
        conversation.play(&mut Playing { board: &board, service: conversation.service, clients: Vec::new(), log_from });
    }
    assert!(held.len() > 100);
}

#[test]
fn the_conversations_are_held_around_the_size_of_a_sessions_input() {
    play_all(448);
}

#[test]
fn the_conversations_are_held_around_the_size_of_a_sessions_output() {
    play_all(704);
}

#[test]
fn the_conversations_are_held_around_the_size_of_a_segment() {
    play_all(1460);
}
