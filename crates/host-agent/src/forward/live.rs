//! What users ask: ports that are added, moved and removed while containers run; and what follows from containers that
//! start, stop and go.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use api::{ApiError, Code, Forward};
use protocol::{ForwardTarget, Transport};
use tokio_util::sync::CancellationToken;

use super::{
    MOST_FORWARDS,
    bind_all::{Wish, bind_all},
    containers::Containers,
    entry::{Entry, Origin, State, Why, protocol_name},
    input::{Add, Move, Named, Remove, Reply},
    kept::Live,
    task::Task,
};
use crate::failure::hinted;

/// Why a request was not done.
pub(super) enum Refused {
    /// It cannot be done.
    Because(ApiError),
    /// A port could not be bound.
    Unbound {
        transport: Transport,
        host: SocketAddr,
        error: io::Error,
    },
}

impl From<ApiError> for Refused {
    fn from(error: ApiError) -> Self {
        Self::Because(error)
    }
}

type Outcome = Result<Vec<Forward>, Refused>;

impl Task {
    /// Answers a request, once it is known who has a port that could not be bound.
    pub(super) fn answer(&self, outcome: Outcome, reply: Reply) {
        match outcome {
            Ok(forwards) => reply.send(Ok(forwards)).unwrap_or_default(),
            Err(Refused::Because(error)) => reply.send(Err(error)).unwrap_or_default(),
            Err(Refused::Unbound {
                transport,
                host,
                error,
            }) => self.explain(transport, host, error, async move |reason| {
                let hint = "choose another port of the host, or 0 for any that is free";
                reply
                    .send(Err(hinted(Code::Conflict, reason, hint)))
                    .unwrap_or_default();
            }),
        }
    }

    pub(super) async fn add(&mut self, add: Add) -> Outcome {
        let Named { id, name, running } = add.container;
        let hosts: Vec<IpAddr> = match add.host {
            Some(ip) => vec![ip],
            None => vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()],
        };
        if let Some(known) = self.added_before(&id, add.transport, &hosts, add.host_port) {
            let same = known.iter().all(|number| {
                matches!(
                    &self.entries[number].serving.target,
                    ForwardTarget::Container { port, .. } if *port == add.container_port
                )
            });
            if same {
                return Ok(self.shown(&known));
            }
            return Err(hinted(
                Code::Conflict,
                format!(
                    "{} port {} of the host leads to another port of {name}",
                    protocol_name(add.transport),
                    add.host_port
                ),
                "run `pinnace ports remove` first",
            )
            .into());
        }
        if self.entries.len() + hosts.len() > MOST_FORWARDS {
            return Err(hinted(
                Code::Conflict,
                format!("there are {MOST_FORWARDS} forwards, the most there may be"),
                "remove some, or stop containers that publish many ports",
            )
            .into());
        }
        let target = ForwardTarget::Container {
            id: id.clone(),
            port: add.container_port,
        };
        let wishes: Vec<Wish> = hosts
            .into_iter()
            .map(|ip| (ip, self.serving(target.clone())))
            .collect();
        let bound = bind_all(add.transport, &wishes, add.host_port).await?;
        let mut numbers = Vec::new();
        for ((_, serving), bound) in wishes.into_iter().zip(bound) {
            // This host has no IPv6.
            let Some(bound) = bound else { continue };
            let host = bound.address();
            let state = if running {
                State::Open(bound)
            } else {
                bound.close().await;
                State::Closed(Why::ContainerStopped)
            };
            self.kept.live.push(Live {
                container: id.clone(),
                name: name.clone(),
                protocol: add.transport,
                host,
                container_port: add.container_port,
            });
            numbers.push(self.insert(Entry {
                origin: Origin::Live,
                transport: add.transport,
                host,
                serving,
                container: Some((id.clone(), name.clone())),
                state,
            }));
        }
        self.kept.save().await;
        Ok(self.shown(&numbers))
    }

    /// The entries of an earlier, equal request.
    fn added_before(&self, id: &str, transport: Transport, hosts: &[IpAddr], port: u16) -> Option<Vec<u64>> {
        let known = self.entries.iter().filter(|(_, entry)| {
            entry.origin == Origin::Live
                && entry.is_at(id, transport, port)
                && hosts.contains(&entry.host.ip())
        });
        let known: Vec<u64> = known.map(|(number, _)| *number).collect();
        (port != 0 && !known.is_empty()).then_some(known)
    }

    pub(super) async fn move_to(&mut self, wanted: Move) -> Outcome {
        let id = &wanted.container.id;
        let mut chosen = self.at(&wanted.container, wanted.transport, wanted.from)?;
        if let Some(ip) = wanted.to_host {
            chosen.retain(|number| self.entries[number].host.is_ipv4() == ip.is_ipv4());
            if chosen.is_empty() {
                return Err(
                    nothing_at(&wanted.container, wanted.transport, wanted.from, "of that family").into(),
                );
            }
        }
        // What is closed because nothing runs is bound later.
        let asleep = |entry: &Entry| {
            matches!(
                entry.state,
                State::Closed(Why::MachineDown | Why::ContainerStopped)
            )
        };
        let wishes: Vec<Wish> = chosen
            .iter()
            .map(|number| &self.entries[number])
            .map(|entry| (wanted.to_host.unwrap_or(entry.host.ip()), entry.serving.clone()))
            .collect();
        if wanted.from == wanted.to {
            // Another address at the same port may be in the way of the old one.
            for number in &chosen {
                if !asleep(&self.entries[number]) {
                    self.set_state(*number, State::Closed(Why::User)).await;
                }
            }
        }
        let bound = match bind_all(wanted.transport, &wishes, wanted.to).await {
            Ok(bound) => bound,
            Err(refused) => {
                for number in &chosen {
                    if wanted.from == wanted.to && !asleep(&self.entries[number]) {
                        self.open(*number);
                    }
                }
                return Err(refused);
            }
        };
        for (number, bound) in chosen.iter().zip(bound) {
            let Some(bound) = bound else { continue };
            let (was, host) = (self.entries[number].host, bound.address());
            match self.entries[number].origin {
                Origin::Published { asked, .. } => self.kept.set_moved(id, wanted.transport, asked, host),
                Origin::Live | Origin::Listener(_) => {
                    if let Some(live) = self.kept.live_mut(id, wanted.transport, was) {
                        live.host = host;
                    }
                }
            }
            if asleep(&self.entries[number]) {
                bound.close().await;
            } else {
                self.set_state(*number, State::Open(bound)).await;
            }
            if let Some(entry) = self.entries.get_mut(number) {
                entry.host = host;
            }
        }
        self.kept.save().await;
        Ok(self.shown(&chosen))
    }

    pub(super) async fn remove_at(&mut self, remove: Remove) -> Outcome {
        let chosen = self.at(&remove.container, remove.transport, remove.port)?;
        for number in &chosen {
            self.set_state(*number, State::Closed(Why::User)).await;
            if let Some(entry) = self.entries.get_mut(number) {
                entry.serving.aborting.cancel();
                entry.serving.aborting = CancellationToken::new();
            }
        }
        let shown = self.shown(&chosen);
        for number in chosen {
            if self.entries[&number].origin == Origin::Live
                && let Some(entry) = self.forget(number).await
            {
                self.kept
                    .forget_live(&remove.container.id, entry.transport, entry.host);
            }
        }
        self.kept.save().await;
        Ok(shown)
    }

    /// What a container has at a host port.
    fn at(&self, container: &Named, transport: Transport, port: u16) -> Result<Vec<u64>, ApiError> {
        let found = self
            .entries
            .iter()
            .filter(|(_, entry)| entry.is_at(&container.id, transport, port));
        let found: Vec<u64> = found.map(|(number, _)| *number).collect();
        if found.is_empty() {
            return Err(nothing_at(container, transport, port, "there"));
        }
        Ok(found)
    }

    fn shown(&self, numbers: &[u64]) -> Vec<Forward> {
        let entries = numbers
            .iter()
            .filter_map(|number| Some((number, self.entries.get(number)?)));
        entries.map(|(number, entry)| entry.show(*number)).collect()
    }

    /// The engine's containers changed.
    pub(super) async fn take_containers(&mut self, containers: Containers) {
        self.containers = containers;
        let (live, moved) = (self.kept.live.len(), self.kept.moved.len());
        let known = &self.containers;
        self.kept.live.retain(|live| known.get(&live.container).is_some());
        self.kept
            .moved
            .retain(|moved| known.get(&moved.container).is_some());
        let mut changed = (self.kept.live.len(), self.kept.moved.len()) != (live, moved);
        for live in &mut self.kept.live {
            if let Some(container) = known.get(&live.container)
                && live.name != container.name
            {
                live.name.clone_from(&container.name);
                changed = true;
            }
        }
        if changed {
            self.kept.save().await;
        }
        for number in self.entries.keys().copied().collect::<Vec<_>>() {
            match self.entries[&number].origin {
                Origin::Live => self.follow_container(number).await,
                Origin::Published { asked, .. } => {
                    self.identify(number);
                    self.follow_moves(number, asked).await;
                }
                Origin::Listener(_) => {}
            }
        }
    }

    /// A live port is open while its container runs, and forgotten with it.
    async fn follow_container(&mut self, number: u64) {
        let entry = &self.entries[&number];
        let id = entry.container_id().unwrap_or_default();
        let Some(container) = self.containers.get(id) else {
            drop(self.forget(number).await);
            return;
        };
        let (running, closed) = (container.running, matches!(entry.state, State::Closed(_)));
        self.rename(number, id.to_owned(), container.name.clone());
        match (running, closed) {
            (true, true) => self.open(number),
            (false, _) => self.set_state(number, State::Closed(Why::ContainerStopped)).await,
            (true, false) => {}
        }
    }

    /// Finds a publication's container by its address.
    pub(super) fn identify(&mut self, number: u64) {
        let Some(entry) = self.entries.get(&number) else {
            return;
        };
        let ForwardTarget::Address(target) = entry.serving.target else {
            return;
        };
        if let Some((id, container)) = self.containers.with_address(target.ip()) {
            let (id, name) = (id.clone(), container.name.clone());
            self.rename(number, id, name);
        }
    }

    fn rename(&mut self, number: u64, id: String, name: String) {
        if let Some(entry) = self.entries.get_mut(&number) {
            entry.container = Some((id, name));
        }
    }

    /// A publication whose container is known is bound where a user moved it to, or where it asked.
    async fn follow_moves(&mut self, number: u64, asked: SocketAddr) {
        let entry = &self.entries[&number];
        let Some(id) = entry.container_id() else {
            return;
        };
        let moved = self.kept.moved_to(id, entry.transport, asked);
        let host = moved.unwrap_or(asked);
        if entry.host == host || matches!(entry.state, State::Closed(_)) {
            return;
        }
        self.set_state(number, State::Closed(Why::ContainerStopped)).await;
        if let Some(entry) = self.entries.get_mut(&number) {
            entry.host = host;
        }
        self.open(number);
    }
}

fn nothing_at(container: &Named, transport: Transport, port: u16, what: &str) -> ApiError {
    hinted(
        Code::NotFound,
        format!(
            "{} has nothing {what} at {} port {port} of the host",
            container.name.escape_debug(),
            protocol_name(transport)
        ),
        "see `pinnace ports`",
    )
}
