//! Whatever happens in whatever order: what is shown as open is bound, and nothing else is.

use std::{collections::HashSet, net::TcpListener};

use api::{AddForward, ForwardState, MoveForward, RemoveForward};
use proptest::prelude::*;
use protocol::{GuestListener, ListenerOrigin, Publication, PublicationFrame, Transport};

use super::fake::{Publications, World, free_port, localhost, snapshot, tcp};

/// Indices of ports, publications and containers.
#[derive(Clone, Debug)]
enum Step {
    Ask {
        id: u64,
        port: usize,
        container: usize,
        awaited: bool,
    },
    Release {
        id: u64,
    },
    Listen {
        ports: Vec<usize>,
    },
    Add {
        container: usize,
        port: usize,
    },
    Move {
        container: usize,
        from: usize,
        to: usize,
    },
    Remove {
        container: usize,
        port: usize,
    },
    Run {
        running: [bool; 2],
    },
    Reconnect {
        boot: u8,
        again: Vec<(u64, usize, usize)>,
    },
    Down,
}

const PORTS: usize = 4;
const CONTAINERS: [(&str, &str, &str); 2] = [("c0", "web", "172.17.0.2"), ("c1", "db", "172.17.0.3")];

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let (id, port, container) = (0..4u64, 0..PORTS, 0..2usize);
    let again = proptest::collection::vec((id.clone(), port.clone(), container.clone()), 0..3);
    let step = prop_oneof![
        6 => (id.clone(), port.clone(), container.clone(), any::<bool>())
            .prop_map(|(id, port, container, awaited)| Step::Ask { id, port, container, awaited }),
        3 => id.prop_map(|id| Step::Release { id }),
        2 => proptest::collection::vec(port.clone(), 0..3).prop_map(|ports| Step::Listen { ports }),
        3 => (container.clone(), port.clone()).prop_map(|(container, port)| Step::Add { container, port }),
        3 => (container.clone(), port.clone(), port.clone())
            .prop_map(|(container, from, to)| Step::Move { container, from, to }),
        3 => (container, port).prop_map(|(container, port)| Step::Remove { container, port }),
        3 => any::<[bool; 2]>().prop_map(|running| Step::Run { running }),
        2 => (1..3u8, again).prop_map(|(boot, again)| Step::Reconnect { boot, again }),
        1 => Just(Step::Down),
    ];
    proptest::collection::vec(step, 1..25)
}

struct Random {
    world: World,
    guest: Publications,
    ports: Vec<u16>,
}

impl Random {
    fn publication(&self, id: u64, port: usize, container: usize, awaited: bool) -> Publication {
        let target = format!("{}:80", CONTAINERS[container].2).parse().unwrap();
        Publication {
            awaited,
            ..tcp(id, localhost(self.ports[port]), target)
        }
    }

    async fn run(&mut self, step: Step) {
        let name = |container: usize| CONTAINERS[container].1.to_owned();
        let protocol = "tcp".to_owned();
        match step {
            Step::Ask {
                id,
                port,
                container,
                awaited,
            } => {
                // Refusals are fine: what counts is what is shown.
                let publication = self.publication(id, port, container, awaited);
                drop(self.guest.ask(publication).await);
            }
            Step::Release { id } => self.guest.send(PublicationFrame::Released { id }).await,
            Step::Listen { ports } => {
                let listeners = ports.into_iter().map(|port| GuestListener {
                    transport: Transport::Tcp,
                    address: localhost(self.ports[port]),
                    origin: ListenerOrigin::HostNetwork,
                });
                let frame = PublicationFrame::Listeners(listeners.collect());
                self.guest.send(frame).await;
            }
            Step::Add { container, port } => {
                let request = AddForward {
                    container: name(container),
                    protocol,
                    host: Some("127.0.0.1".to_owned()),
                    host_port: self.ports[port],
                    container_port: 80,
                };
                drop(self.world.forwards.add(request).await);
            }
            Step::Move { container, from, to } => {
                let request = MoveForward {
                    container: name(container),
                    protocol,
                    from_host_port: self.ports[from],
                    to_host_port: self.ports[to],
                    to_host: None,
                };
                drop(self.world.forwards.move_to(request).await);
            }
            Step::Remove { container, port } => {
                let request = RemoveForward {
                    container: name(container),
                    protocol,
                    host_port: self.ports[port],
                };
                drop(self.world.forwards.remove(request).await);
            }
            Step::Run { running } => {
                let rows = CONTAINERS
                    .iter()
                    .zip(running)
                    .map(|((id, name, address), running)| {
                        (*id, *name, running, running.then(|| address.parse().unwrap()))
                    });
                self.world.containers.send_replace(Some(rows.collect()));
            }
            Step::Reconnect { boot, again } => {
                self.world.lose_link();
                self.guest = self.world.connect(boot).await;
                for (id, port, container) in again {
                    let publication = self.publication(id, port, container, false);
                    drop(self.guest.ask(publication).await);
                }
                self.guest.send(PublicationFrame::Synced).await;
            }
            Step::Down => {
                let state = machine::MachineState::Stopped;
                self.world.snapshots.send_replace(snapshot(state));
                self.world
                    .until(|list| list.iter().all(|forward| forward.state == ForwardState::Closed))
                    .await;
                self.world
                    .snapshots
                    .send_replace(snapshot(machine::MachineState::Running));
                self.world.lose_link();
                self.guest = self.world.connect(1).await;
                self.guest.send(PublicationFrame::Synced).await;
            }
        }
        self.check().await;
    }

    /// Compares what is shown with the host, when everything sent before was taken in.
    async fn check(&mut self) {
        // Asked and answered after all that came before on the same stream; nobody has that address.
        let marker = tcp(99, "192.0.2.7:9".parse().unwrap(), localhost(9));
        self.guest.ask(marker).await.unwrap_err();
        self.world.until(|list| self.agrees(list)).await;
    }

    fn agrees(&self, list: &[api::Forward]) -> bool {
        let open: Vec<&String> = list
            .iter()
            .filter(|forward| forward.state == ForwardState::Open)
            .map(|forward| &forward.host)
            .collect();
        let distinct: HashSet<_> = open.iter().copied().collect();
        assert_eq!(distinct.len(), open.len(), "bound twice: {open:?}");
        self.ports.iter().all(|port| {
            let host = localhost(*port);
            // Looks by binding itself, for a moment.
            let bound = TcpListener::bind(host).is_err();
            bound == distinct.contains(&host.to_string())
        })
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn forwards_shown_as_open_are_bound_and_no_others(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut world = World::new().await;
            let guest = world.connect(1).await;
            let ports = (0..PORTS).map(|_| free_port()).collect();
            let mut random = Random { world, guest, ports };
            random.run(Step::Run { running: [true; 2] }).await;
            for step in steps {
                random.run(step).await;
            }
            let ports = random.ports.clone();
            drop(random);
            // Whoever ends leaves nothing bound.
            for port in ports {
                while TcpListener::bind(localhost(port)).is_err() {
                    tokio::task::yield_now().await;
                }
            }
        });
    }
}
