//! The conversations on a session alone: no socket, no thread, no clock.

use std::collections::VecDeque;

use framewright::service::{Echo, Trim};
use framewright::{Instant, Session, SessionConfig};
use framewright_tests::conversation::{Conversation, Ending, Service, Stage};
use framewright_tests::conversations::{BUFFER_SIZES, all};

const NOW: Instant = Instant::ZERO;

/// How bytes go in and out.
#[derive(Clone, Copy, Debug)]
struct Manner {
    input: Input,
    /// The most bytes that a write takes.
    write: usize,
}

#[derive(Clone, Copy, Debug)]
enum Input {
    /// By `handle_input`.
    Lend,
    /// By `input_mut` and `handle_filled`.
    Read,
}

/// Sessions with the service `V`.
struct Alone<V: framewright::Service> {
    make: fn() -> V,
    buffer: usize,
    config: SessionConfig,
    manner: Manner,
    clients: Vec<Client<V>>,
}

struct Client<V: framewright::Service> {
    session: Session<V, Vec<u8>, Vec<u8>>,
    /// Sent, and not taken by the session yet.
    outbox: VecDeque<u8>,
    inbox: VecDeque<u8>,
    sending: Sending,
}

#[derive(Clone, Copy, PartialEq)]
enum Sending {
    Open,
    /// To be closed when everything was taken.
    Closing,
    Closed,
}

impl<V: framewright::Service<Framing: Clone + Default>> Client<V> {
    /// Moves everything that can be moved.
    fn run(&mut self, manner: Manner) {
        loop {
            let mut moved = false;
            loop {
                let output = self.session.poll_output(NOW);
                let n = output.len().min(manner.write);
                if n == 0 {
                    break;
                }
                self.inbox.extend(&output[..n]);
                self.session.sent(n, NOW);
                moved = true;
            }
            let offered = self.outbox.as_slices().0;
            let n = match manner.input {
                Input::Lend => self.session.handle_input(offered, NOW),
                Input::Read if self.session.wants_input() => {
                    let place = self.session.input_mut();
                    let n = place.len().min(offered.len());
                    place[..n].copy_from_slice(&offered[..n]);
                    self.session.handle_filled(n, NOW);
                    n
                }
                Input::Read => 0,
            };
            self.outbox.drain(..n);
            moved |= n > 0;
            if self.sending == Sending::Closing && self.outbox.is_empty() {
                self.sending = Sending::Closed;
                self.session.handle_end(NOW);
                moved = true;
            }
            if !moved {
                return;
            }
        }
    }
}

impl<V: framewright::Service<Framing: Clone + Default>> Stage for Alone<V> {
    fn connect(&mut self) {
        let buffer = || vec![0; self.buffer];
        let session =
            Session::new((self.make)(), buffer(), buffer(), self.config, NOW).expect("buffers that are large enough");
        let mut client = Client { session, outbox: VecDeque::new(), inbox: VecDeque::new(), sending: Sending::Open };
        client.run(self.manner);
        self.clients.push(client);
    }

    fn send(&mut self, client: usize, piece: &[u8]) {
        let client = &mut self.clients[client];
        client.outbox.extend(piece);
        client.run(self.manner);
    }

    fn receive(&mut self, client: usize, n: usize) -> Vec<u8> {
        let inbox = &mut self.clients[client].inbox;
        let n = n.min(inbox.len());
        inbox.drain(..n).collect()
    }

    fn close_write(&mut self, client: usize) {
        let client = &mut self.clients[client];
        if client.sending == Sending::Open {
            client.sending = Sending::Closing;
        }
        client.run(self.manner);
    }

    fn reset(&mut self, client: usize) {
        self.clients[client].session.handle_reset(NOW);
    }

    fn stop(&mut self) {
        for client in &mut self.clients {
            client.session.shutdown(NOW);
            client.run(self.manner);
        }
    }

    fn rest(&mut self, client: usize) -> (Vec<u8>, Ending) {
        let ended = self.clients[client].session.is_output_finished();
        self.close_write(client);
        let rest = self.clients[client].inbox.drain(..).collect();
        (rest, if ended { Ending::Closed } else { Ending::Broken })
    }

    fn reason(&mut self, client: usize) -> String {
        self.clients[client].session.close_reason().map_or("it is open".to_owned(), |reason| reason.to_string())
    }
}

fn play(conversation: &Conversation, buffer: usize, manner: Manner) {
    let config = SessionConfig { max_frame: conversation.max_frame, ..SessionConfig::default() };
    match conversation.service {
        Service::Echo => {
            conversation.play(&mut Alone { make: Echo::new, buffer, config, manner, clients: Vec::new() });
        }
        Service::Trim => {
            conversation.play(&mut Alone { make: Trim::default, buffer, config, manner, clients: Vec::new() });
        }
    }
}

fn play_all(manner: Manner) {
    for buffer in BUFFER_SIZES {
        for conversation in all(buffer) {
            play(&conversation, buffer, manner);
        }
    }
}

#[test]
fn the_conversations_are_held_with_bytes_that_are_lent() {
    play_all(Manner { input: Input::Lend, write: usize::MAX });
}

#[test]
fn the_conversations_are_held_with_bytes_that_are_read_into_the_session() {
    play_all(Manner { input: Input::Read, write: usize::MAX });
}

#[test]
fn the_conversations_are_held_when_every_write_takes_one_byte() {
    play_all(Manner { input: Input::Lend, write: 1 });
    play_all(Manner { input: Input::Read, write: 1 });
}
