//! What is bound, and when.

use std::net::{Ipv6Addr, SocketAddr, TcpListener, TcpStream};

use api::{ForwardOrigin, ForwardState};
use machine::MachineState;
use protocol::{GuestListener, ListenerOrigin, Publication, PublicationFrame, Transport};

use super::fake::{World, free_port, localhost, snapshot, tcp};

const TARGET: &str = "172.17.0.2:80";

fn target() -> SocketAddr {
    TARGET.parse().unwrap()
}

#[tokio::test]
async fn thousand_ports_are_bound_and_freed() {
    platform::raise_descriptor_limit();
    let mut world = World::new().await;
    let mut guest = world.connect(1).await;
    let ports: Vec<u16> = (0..1_000).map(|_| free_port()).collect();
    for (id, port) in ports.iter().enumerate() {
        guest
            .send(PublicationFrame::Asked(tcp(
                id as u64,
                localhost(*port),
                target(),
            )))
            .await;
    }
    for _ in &ports {
        assert_eq!(guest.answer().await.result, Ok(()));
    }
    let list = world.until(|list| list.len() == ports.len()).await;
    assert!(list.iter().all(|forward| forward.state == ForwardState::Open));
    for port in &ports {
        TcpStream::connect(localhost(*port)).unwrap();
    }
    guest.send(PublicationFrame::Synced).await;
    for id in 0..ports.len() as u64 {
        guest.send(PublicationFrame::Released { id }).await;
    }
    world.until(|list| list.is_empty()).await;
    for port in ports {
        TcpListener::bind(localhost(port)).unwrap();
    }
}

#[tokio::test]
async fn both_families_are_bound_side_by_side() {
    let mut world = World::new().await;
    let mut guest = world.connect(1).await;
    let port = free_port();
    guest.ask(tcp(1, localhost(port), target())).await.unwrap();
    // Fine also where the host has no IPv6.
    guest
        .ask(tcp(2, (Ipv6Addr::LOCALHOST, port).into(), target()))
        .await
        .unwrap();
    for forward in world.forwards.list() {
        TcpStream::connect(forward.host.parse::<SocketAddr>().unwrap()).unwrap();
        assert_eq!(
            (forward.target.as_str(), forward.origin),
            (TARGET, ForwardOrigin::Published)
        );
    }
}

#[tokio::test]
async fn port_of_another_container_is_refused_with_its_name() {
    let mut world = World::new().await;
    world
        .containers
        .send_replace(Some(vec![("c1", "web", true, Some(target().ip()))]));
    let mut guest = world.connect(1).await;
    let host = localhost(free_port());
    guest.ask(tcp(1, host, target())).await.unwrap();
    world
        .until(|list| list[0].container.as_deref() == Some("web"))
        .await;
    let reason = guest.ask(tcp(2, host, target())).await.unwrap_err();
    assert_eq!(
        reason,
        format!("Bind for {host} failed: port is already allocated (by the container web)")
    );
    // Somebody waited for it, so its container does not start.
    assert_eq!(world.forwards.list().len(), 1);
}

#[tokio::test]
async fn address_that_the_host_does_not_have_is_refused() {
    let mut world = World::new().await;
    let mut guest = world.connect(1).await;
    let host: SocketAddr = "192.0.2.7:8080".parse().unwrap();
    let reason = guest.ask(tcp(1, host, target())).await.unwrap_err();
    assert!(reason.contains("does not have the address 192.0.2.7"), "{reason}");
}

#[tokio::test]
async fn failure_that_nobody_waits_for_is_kept_and_tried_again() {
    let mut world = World::new().await;
    let mut guest = world.connect(1).await;
    let host = localhost(free_port());
    let taken = TcpListener::bind(host).unwrap();
    let publication = Publication {
        awaited: false,
        ..tcp(1, host, target())
    };
    guest.ask(publication).await.unwrap_err();
    let failed = world.until_state(ForwardState::Failed).await;
    assert!(failed.reason.unwrap().contains("port is already allocated"));
    drop(taken);
    let open = world.until_state(ForwardState::Open).await;
    assert_eq!((open.id, open.reason), (failed.id, None));
}

#[tokio::test]
async fn failure_is_tried_again_at_once_when_another_forward_closes() {
    let mut world = World::new().await;
    let mut guest = world.connect(1).await;
    let host = localhost(free_port());
    guest.ask(tcp(1, host, target())).await.unwrap();
    let second = Publication {
        awaited: false,
        ..tcp(2, host, target())
    };
    guest.ask(second).await.unwrap_err();
    guest.send(PublicationFrame::Released { id: 1 }).await;
    world.until_state(ForwardState::Open).await;
}

#[tokio::test]
async fn reconnected_guest_keeps_what_it_tells_and_loses_the_rest() {
    let mut world = World::new().await;
    let mut guest = world.connect(1).await;
    let hosts: Vec<_> = (0..2).map(|_| localhost(free_port())).collect();
    for (id, host) in hosts.iter().enumerate() {
        guest.ask(tcp(id as u64, *host, target())).await.unwrap();
    }
    let before = world.forwards.list();
    world.lose_link();
    let mut guest = world.connect(1).await;
    guest.ask(tcp(1, hosts[1], target())).await.unwrap();
    assert_eq!(world.forwards.list(), before);
    guest.send(PublicationFrame::Synced).await;
    let after = world.until(|list| list.len() == 1).await;
    assert_eq!(after[0].id, before[1].id);
    TcpListener::bind(hosts[0]).unwrap();
    // Another boot counts anew: what was told before is gone, whatever its number.
    world.lose_link();
    let mut guest = world.connect(2).await;
    guest.ask(tcp(1, hosts[0], target())).await.unwrap();
    let list = world.until(|list| list.len() == 1).await;
    assert_eq!(list[0].host, hosts[0].to_string());
}

#[tokio::test]
async fn machine_that_is_down_has_no_ports() {
    let mut world = World::new().await;
    let mut guest = world.connect(1).await;
    let host = localhost(free_port());
    guest.ask(tcp(1, host, target())).await.unwrap();
    world.snapshots.send_replace(snapshot(MachineState::Paused));
    assert_eq!(world.forwards.list()[0].state, ForwardState::Open);
    world.snapshots.send_replace(snapshot(MachineState::Stopped));
    world.until(|list| list.is_empty()).await;
    TcpListener::bind(host).unwrap();
}

#[tokio::test]
async fn listeners_of_the_guest_are_bound_on_localhost_and_follow_it() {
    let mut world = World::new().await;
    let mut guest = world.connect(1).await;
    let [one, two] = [free_port(), free_port()];
    let listener = |address: &str, port: u16, origin| GuestListener {
        transport: Transport::Tcp,
        address: SocketAddr::new(address.parse().unwrap(), port),
        origin,
    };
    let listeners = vec![
        listener("0.0.0.0", one, ListenerOrigin::HostNetwork),
        listener("127.0.0.1", two, ListenerOrigin::Swarm),
    ];
    guest.send(PublicationFrame::Listeners(listeners.clone())).await;
    guest.send(PublicationFrame::Synced).await;
    let list = world.until(|list| list.len() >= 2).await;
    let find = |port: u16| {
        list.iter()
            .find(|forward| forward.host == localhost(port).to_string())
    };
    assert_eq!(find(one).unwrap().origin, ForwardOrigin::HostNetwork);
    assert_eq!(find(two).unwrap().origin, ForwardOrigin::Swarm);
    guest
        .send(PublicationFrame::Listeners(listeners[1..].to_vec()))
        .await;
    world.until_state(ForwardState::Open).await;
    TcpListener::bind(localhost(one)).unwrap();
    // A stream that tells of no listeners says that there are none.
    world.lose_link();
    let mut guest = world.connect(1).await;
    guest.send(PublicationFrame::Synced).await;
    world.until(|list| list.is_empty()).await;
}

#[tokio::test]
async fn guest_that_asks_for_too_much_is_refused() {
    let mut world = World::new().await;
    let mut guest = world.connect(1).await;
    guest.ask(tcp(1, localhost(0), target())).await.unwrap_err();
    // None of these can be bound, and nobody waits for them.
    let host = |id: u64| SocketAddr::from(([192, 0, 2, 7], 1 + id as u16));
    for id in 0..4_100 {
        let publication = Publication {
            awaited: false,
            ..tcp(id, host(id), target())
        };
        let reason = guest.ask(publication).await.unwrap_err();
        assert_eq!(
            reason.contains("the most there may be"),
            id >= 4_096,
            "{id} {reason}"
        );
    }
    assert_eq!(world.forwards.list().len(), 4_096);
}
