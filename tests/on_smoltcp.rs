//! The conversations over smoltcp: two stacks in one process, on virtual time, with segments of every size.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::time::Duration;

use framewright::SessionConfig;
use framewright_tests::conversation::{Conversation, Ending, Service, Stage};
use framewright_tests::conversations::all;
use smoltcp_demo::loopback::{ClientId, ClientState, Loopback, LoopbackConfig, Step};
use smoltcp_demo::pool::Event;
use smoltcp_demo::services::{Client, ServiceName};

const PORT: u16 = 4000;
/// How long anything may take, in virtual time.
const LIMIT: Duration = Duration::from_mins(10);

/// A network with one server.
struct Virtual {
    world: Loopback,
    clients: Vec<Connected>,
}

struct Connected {
    id: ClientId,
    /// As the server knows it.
    known_as: Client,
    inbox: VecDeque<u8>,
    /// How the stream from the server ended: what a program that reads all the time sees first.
    ending: Option<Ending>,
}

impl Virtual {
    fn build(conversation: &Conversation, buffer: usize, segment: Option<usize>) -> Self {
        let service = match conversation.service {
            Service::Echo => ServiceName::Echo,
            Service::Trim => ServiceName::Trim,
        };
        let world = Loopback::new(&LoopbackConfig {
            services: vec![(service, PORT)],
            slots: 4,
            ring: buffer,
            buffer,
            session: SessionConfig { max_frame: conversation.max_frame, ..SessionConfig::default() },
            segment: segment.and_then(NonZeroUsize::new),
            ..LoopbackConfig::default()
        });
        Self { world: world.expect("a network"), clients: Vec::new() }
    }

    /// Lets time pass until it is so. Where it never is, what is missing shows in what was received.
    fn run_until(&mut self, holds: impl Fn(&Self) -> bool) {
        let deadline = self.world.now() + LIMIT;
        while !holds(self) && self.world.now() < deadline && self.step() != Step::Idle {}
    }

    /// Lets everything happen that can happen now.
    fn settle(&mut self) {
        while self.step() == Step::Moved {}
    }

    fn step(&mut self) -> Step {
        let step = self.world.step();
        for client in &mut self.clients {
            if client.ending.is_none() {
                client.ending = match self.world.state(client.id) {
                    ClientState::Connecting | ClientState::Open => None,
                    ClientState::ServerClosed | ClientState::Closed => Some(Ending::Closed),
                    ClientState::Refused | ClientState::Broken => Some(Ending::Broken),
                };
            }
        }
        step
    }

    /// The clients that the server has let in.
    fn opened(&self) -> Vec<Client> {
        let opened = |event: &Event| match event {
            Event::Opened { client } => Some(*client),
            _ => None,
        };
        self.events().filter_map(opened).collect()
    }

    fn events(&self) -> impl Iterator<Item = &Event> {
        self.world.events().iter().map(|(_, event)| event)
    }
}

impl Stage for Virtual {
    fn connect(&mut self) {
        let before = self.opened().len();
        let id = self.world.connect(PORT);
        self.run_until(|stage| stage.opened().len() > before);
        let known_as = *self.opened().get(before).expect("the server opens the connection");
        self.clients.push(Connected { id, known_as, inbox: VecDeque::new(), ending: None });
    }

    fn send(&mut self, client: usize, piece: &[u8]) {
        let id = self.clients[client].id;
        self.world.send(id, piece);
        self.run_until(|stage| stage.world.unsent(id) == 0 || stage.clients[client].ending.is_some());
        self.settle();
    }

    fn receive(&mut self, client: usize, n: usize) -> Vec<u8> {
        let Connected { id, inbox, .. } = &self.clients[client];
        let (id, missing) = (*id, n.saturating_sub(inbox.len()));
        self.run_until(|stage| stage.world.received(id).len() >= missing || stage.clients[client].ending.is_some());
        let inbox = &mut self.clients[client].inbox;
        inbox.extend(self.world.take_received(id));
        let n = n.min(inbox.len());
        inbox.drain(..n).collect()
    }

    fn close_write(&mut self, client: usize) {
        self.world.close_write(self.clients[client].id);
        self.settle();
    }

    fn reset(&mut self, client: usize) {
        self.world.abort(self.clients[client].id);
        self.settle();
    }

    fn stop(&mut self) {
        self.settle();
        self.world.shutdown();
        self.settle();
    }

    fn rest(&mut self, client: usize) -> (Vec<u8>, Ending) {
        let id = self.clients[client].id;
        self.run_until(|stage| stage.clients[client].ending.is_some());
        let ending = self.clients[client].ending.unwrap_or(Ending::Broken);
        self.close_write(client);
        let inbox = &mut self.clients[client].inbox;
        inbox.extend(self.world.take_received(id));
        (inbox.drain(..).collect(), ending)
    }

    fn reason(&mut self, client: usize) -> String {
        let known_as = self.clients[client].known_as;
        let closed = |event: &Event| match event {
            Event::Closed { client, reason, .. } if *client == known_as => Some(reason.to_string()),
            _ => None,
        };
        self.run_until(|stage| stage.events().any(|event| closed(event).is_some()));
        let reason = self.events().find_map(closed);
        reason.unwrap_or_else(|| "it is open".to_owned())
    }
}

fn play_all(buffer: usize, segment: Option<usize>) {
    for conversation in all(buffer) {
        let mut stage = Virtual::build(&conversation, buffer, segment);
        conversation.play(&mut stage);
        // Nothing is left behind: every slot can serve again, unless the server was stopped.
        stage.run_until(|stage| stage.world.free_slots() == stage.world.slots());
        assert_eq!(stage.world.free_slots(), stage.world.slots(), "{conversation}");
    }
}

#[test]
fn the_conversations_are_held_in_segments_as_they_come() {
    for buffer in [64, 1024, 4096] {
        play_all(buffer, None);
    }
}

#[test]
fn the_conversations_are_held_in_segments_of_one_byte() {
    play_all(64, Some(1));
}

#[test]
fn the_conversations_are_held_in_segments_of_seven_bytes() {
    play_all(64, Some(7));
    play_all(1024, Some(7));
}

#[test]
fn the_conversations_are_held_in_segments_of_536_bytes() {
    play_all(1024, Some(536));
    play_all(4096, Some(536));
}
