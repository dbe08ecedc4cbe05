//! The scripted clients: lets them play their parts, and looks at what they heard.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use super::parts::{Hears, Part, parts};
use super::report::{Fault, Row};
use super::scenes::{self, Played};
use crate::device::ImpairCounts;
use crate::loopback::{ClientId, ClientState, Instruments, Loopback, LoopbackConfig, LoopbackError};
use crate::services::ServiceName;

/// The virtual time that a whole run may take.
const LIMIT: Duration = Duration::from_hours(1);

/// A client at work.
struct Actor {
    part: &'static str,
    id: ClientId,
    answers: usize,
    hears: Hears,
}

/// Lets all clients talk to all services at once. One row for each service, and what went wrong on the way.
///
/// # Errors
/// The network cannot be built.
pub(super) fn run(
    config: &LoopbackConfig,
    instruments: &Instruments,
) -> Result<(Vec<Row>, ImpairCounts), LoopbackError> {
    let mut world = Loopback::with_instruments(config, instruments)?;
    let port_of = |name| config.services.iter().find(|(service, _)| *service == name).map(|(_, port)| *port);
    let mut actors: HashMap<u16, Vec<Actor>> = HashMap::new();
    let mut faults: HashMap<u16, Vec<Fault>> = HashMap::new();
    // One wave after the other, so that there are never more clients than slots; and when somebody reads along, one client.
    let at_once = if instruments.trace.is_some() { 1 } else { config.slots };
    let mut waiting: VecDeque<_> = config
        .services
        .iter()
        .flat_map(|(service, port)| parts(*service, config.buffer).into_iter().map(|part| (*port, part)))
        .collect();
    while !waiting.is_empty() {
        for (port, part) in waiting.drain(..at_once.min(waiting.len())) {
            let actor = Actor::begin(&mut world, port, part);
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
    let mut rows = Vec::new();
    for &(service, port) in &config.services {
        let actors = actors.remove(&port).unwrap_or_default();
        let mut faults = faults.remove(&port).unwrap_or_default();
        faults.extend(actors.iter().filter_map(|actor| actor.fault(&world)));
        let scene = match service {
            ServiceName::Chat => scenes::chat(&mut world, port),
            ServiceName::Message => match port_of(ServiceName::Kv) {
                Some(kv) => scenes::search(&mut world, kv, port),
                None => Played::default(),
            },
            ServiceName::UdpEcho => scenes::datagrams(&mut world, port),
            _ => Played::default(),
        };
        faults.extend(scene.faults);
        rows.push(Row {
            segment: config.segment,
            service,
            clients: actors.len() + scene.clients,
            answers: actors.iter().map(|actor| actor.answers).sum::<usize>() + scene.answers,
            counts: world.counts(port),
            faults,
        });
    }
    Ok((rows, world.impair_counts()))
}

fn is_over(state: ClientState) -> bool {
    matches!(state, ClientState::Closed | ClientState::Broken | ClientState::Refused)
}

impl Actor {
    fn begin(world: &mut Loopback, port: u16, role: Part) -> Self {
        let id = world.connect(port);
        world.send(id, &role.says);
        world.close_write(id);
        Self { part: role.name, id, answers: role.answers, hears: role.hears }
    }

    /// What was not as it should be.
    fn fault(&self, world: &Loopback) -> Option<Fault> {
        let what = if let Some(what) = self.hears.fault(world.received(self.id)) {
            what
        } else if world.state(self.id) != ClientState::Closed {
            format!("the connection is {:?} and should be closed", world.state(self.id))
        } else {
            return None;
        };
        Some(Fault { part: self.part, what })
    }
}
