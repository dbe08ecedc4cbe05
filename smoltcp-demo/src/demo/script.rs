//! The scripted clients: what they say, and what they must hear.
//!
//! The right answers are worked out here from what the services promise, by code that has nothing in common with theirs.

use std::collections::HashMap;
use std::time::Duration;

use super::report::{Fault, Row};
use crate::device::ImpairCounts;
use crate::loopback::{ClientId, ClientState, Loopback, LoopbackConfig, LoopbackError};
use crate::services::ServiceName;

/// The virtual time that a whole run may take.
const LIMIT: Duration = Duration::from_hours(1);

/// What one client sends on one connection, closing its half behind it.
struct Part {
    name: &'static str,
    messages: Vec<Vec<u8>>,
}

/// A client at work.
struct Actor {
    part: &'static str,
    id: ClientId,
    messages: usize,
    expected: Vec<u8>,
}

/// Lets all clients talk to all services at once. One row for each service, and what went wrong on the way.
///
/// # Errors
/// The network cannot be built.
pub(super) fn run(config: &LoopbackConfig) -> Result<(Vec<Row>, ImpairCounts), LoopbackError> {
    let mut world = Loopback::new(config)?;
    let mut actors: HashMap<u16, Vec<Actor>> = HashMap::new();
    let mut faults: HashMap<u16, Vec<Fault>> = HashMap::new();
    // One wave after the other, so that there are never more clients than slots.
    let mut waiting: Vec<_> = config
        .services
        .iter()
        .flat_map(|(service, port)| parts(config.buffer).into_iter().map(|part| (*service, *port, part)))
        .collect();
    while !waiting.is_empty() {
        let wave = waiting.split_off(waiting.len().saturating_sub(config.slots));
        for (service, port, part) in wave {
            let actor = Actor::begin(&mut world, service, port, &part);
            actors.entry(port).or_default().push(actor);
        }
        let all_over = |world: &Loopback| {
            let over = |actor: &Actor| is_over(world.state(actor.id));
            actors.values().flatten().all(over) && world.free_slots() == world.slots()
        };
        if let Err(error) = world.run_until(all_over, LIMIT) {
            faults.entry(config.services[0].1).or_default().push(Fault { part: "", what: error.to_string() });
            break;
        }
    }
    let rows = config.services.iter().map(|&(service, port)| {
        let actors = actors.remove(&port).unwrap_or_default();
        let mut faults = faults.remove(&port).unwrap_or_default();
        faults.extend(actors.iter().filter_map(|actor| actor.fault(&world)));
        Row {
            segment: config.segment,
            service,
            clients: actors.len(),
            answers: actors.iter().map(|actor| actor.messages).sum(),
            counts: world.counts(port),
            faults,
        }
    });
    let rows = rows.collect();
    Ok((rows, world.impair_counts()))
}

fn is_over(state: ClientState) -> bool {
    matches!(state, ClientState::Closed | ClientState::Broken | ClientState::Refused)
}

impl Actor {
    fn begin(world: &mut Loopback, service: ServiceName, port: u16, role: &Part) -> Self {
        let id = world.connect(port);
        let mut expected = Vec::new();
        for message in &role.messages {
            world.send(id, &framed(message));
            expected.extend(framed(&answer(service, message)));
        }
        world.close_write(id);
        Self { part: role.name, id, messages: role.messages.len(), expected }
    }

    /// What was not as it should be.
    fn fault(&self, world: &Loopback) -> Option<Fault> {
        let received = world.received(self.id);
        let what = if let Some(at) = received.iter().zip(&self.expected).position(|(a, b)| a != b) {
            format!("byte {at} of the answers is {:#04x} and should be {:#04x}", received[at], self.expected[at])
        } else if received.len() != self.expected.len() {
            format!("{} bytes of answers came, {} should have", received.len(), self.expected.len())
        } else if world.state(self.id) != ClientState::Closed {
            format!("the connection is {:?} and should be closed", world.state(self.id))
        } else {
            return None;
        };
        Some(Fault { part: self.part, what })
    }
}

/// The parts that are played, for a server whose sessions have buffers of so many bytes.
fn parts(buffer: usize) -> Vec<Part> {
    let text = |len: usize| -> Vec<u8> { (0..len).map(|n| b' ' + u8::try_from(n % 95).unwrap_or(0)).collect() };
    let one = |name, message: Vec<u8>| Part { name, messages: Vec::from([message]) };
    Vec::from([
        one("one message", b"Four score and seven years ago".to_vec()),
        one("an empty message", Vec::new()),
        one("characters of one to four bytes", "aé€🙂 aé€🙂 aé€🙂 aé€🙂".as_bytes().to_vec()),
        one("a message that just fits", text(buffer - 4)),
        one("a message slightly longer than the buffer", text(buffer + 1)),
        one("a message several times longer", text(5 * buffer)),
        Part { name: "three at once", messages: Vec::from([text(200), text(0), text(2000)]) },
        Part { name: "a hundred in one go", messages: (0..100).map(|n| text(n % 23)).collect() },
    ])
}

/// A message as it goes over the wire.
fn framed(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).expect("the script's messages are short");
    [&length.to_be_bytes()[..], message].concat()
}

/// What a service must answer.
fn answer(service: ServiceName, message: &[u8]) -> Vec<u8> {
    match service {
        ServiceName::Trim => String::from_utf8_lossy(message).chars().skip(10).collect::<String>().into_bytes(),
        ServiceName::Echo => message.to_vec(),
    }
}
