//! Ports that users add, move and remove.

use std::{
    net::{SocketAddr, TcpListener, TcpStream},
    sync::Arc,
};

use api::{AddForward, ApiError, Code, Forward, ForwardOrigin, ForwardState, MoveForward, RemoveForward};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::fake::{Row, World, free_port, localhost, tcp};
use engine_proxy::rewrite::OpenOn;

const WEB: Row = ("c1", "web", true, None);
const ADDRESS: &str = "172.17.0.2";

fn add(host_port: u16, container_port: u16) -> AddForward {
    AddForward {
        container: "web".to_owned(),
        protocol: "tcp".to_owned(),
        host: Some("127.0.0.1".to_owned()),
        host_port,
        container_port,
    }
}

async fn world_with(rows: Vec<Row>) -> World {
    let world = World::new().await;
    world.containers.send_replace(Some(rows));
    world
}

async fn move_to(world: &World, from: u16, to: u16) -> Result<Vec<Forward>, ApiError> {
    let request = MoveForward {
        container: "web".to_owned(),
        protocol: "tcp".to_owned(),
        from_host_port: from,
        to_host_port: to,
        to_host: None,
    };
    world.forwards.move_to(request).await
}

async fn remove(world: &World, port: u16) -> Result<Vec<Forward>, ApiError> {
    let request = RemoveForward {
        container: "web".to_owned(),
        protocol: "tcp".to_owned(),
        host_port: port,
    };
    world.forwards.remove(request).await
}

fn connects(host: &str) -> bool {
    TcpStream::connect(host.parse::<SocketAddr>().unwrap()).is_ok()
}

#[tokio::test]
async fn added_port_leads_into_the_container_and_is_closed_by_remove() {
    let mut world = world_with(vec![WEB]).await;
    let _guest = world.connect(1).await;
    let server = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let added = world
        .forwards
        .add(add(0, server.local_addr().unwrap().port()))
        .await
        .unwrap();
    assert_eq!((added.len(), added[0].state), (1, ForwardState::Open));
    assert_eq!(
        (added[0].origin, added[0].container.as_deref()),
        (ForwardOrigin::Live, Some("web"))
    );
    let host: SocketAddr = added[0].host.parse().unwrap();
    let mut client = tokio::net::TcpStream::connect(host).await.unwrap();
    let (mut served, _) = server.accept().await.unwrap();
    client.write_all(b"x").await.unwrap();
    assert_eq!(served.read_u8().await.unwrap(), b'x');
    let closed = remove(&world, host.port()).await.unwrap();
    assert_eq!(
        (closed[0].id.as_str(), closed[0].state),
        (added[0].id.as_str(), ForwardState::Closed)
    );
    // Its connections are broken off, and its port is free.
    assert!(client.read_u8().await.is_err());
    assert!(world.forwards.list().is_empty());
    TcpListener::bind(host).unwrap();
    assert_eq!(
        remove(&world, host.port()).await.unwrap_err().code,
        Code::NotFound
    );
}

#[tokio::test]
async fn add_without_an_address_is_localhost_of_each_family_at_one_port() {
    let world = world_with(vec![WEB]).await;
    let request = AddForward {
        host: None,
        ..add(0, 80)
    };
    let added = world.forwards.add(request).await.unwrap();
    let hosts: Vec<SocketAddr> = added
        .iter()
        .map(|forward| forward.host.parse().unwrap())
        .collect();
    assert!(
        hosts
            .iter()
            .all(|host| host.ip().is_loopback() && host.port() == hosts[0].port())
    );
    assert!(hosts[0].is_ipv4() && hosts[1..].iter().all(SocketAddr::is_ipv6));
    assert!(added.iter().all(|forward| connects(&forward.host)));
}

#[tokio::test]
async fn add_of_what_cannot_be_is_refused_with_a_code_and_keeps_nothing() {
    let world = world_with(vec![WEB]).await;
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let cases = [
        (add(port, 80), Code::Conflict),
        (add(0, 0), Code::BadRequest),
        (
            AddForward {
                protocol: "sctp".to_owned(),
                ..add(0, 80)
            },
            Code::BadRequest,
        ),
        (
            AddForward {
                host: Some("localhost.".to_owned()),
                ..add(0, 80)
            },
            Code::BadRequest,
        ),
        (
            AddForward {
                container: "nobody".to_owned(),
                ..add(0, 80)
            },
            Code::NotFound,
        ),
    ];
    for (request, code) in cases {
        let error = world.forwards.add(request.clone()).await.unwrap_err();
        assert_eq!(error.code, code, "{request:?} {error}");
    }
    assert!(world.forwards.list().is_empty());
    world.containers.send_replace(None);
    assert_eq!(
        world.forwards.add(add(0, 80)).await.unwrap_err().code,
        Code::NotRunning
    );
}

#[tokio::test]
async fn add_twice_is_the_same_and_of_another_port_a_conflict() {
    let world = world_with(vec![WEB]).await;
    let port = free_port();
    let first = world.forwards.add(add(port, 80)).await.unwrap();
    assert_eq!(world.forwards.add(add(port, 80)).await.unwrap(), first);
    assert_eq!(
        world.forwards.add(add(port, 81)).await.unwrap_err().code,
        Code::Conflict
    );
}

#[tokio::test]
async fn added_port_follows_its_container_and_is_forgotten_with_it() {
    let world = world_with(vec![WEB]).await;
    let port = free_port();
    world.forwards.add(add(port, 80)).await.unwrap();
    let stopped = ("c1", "web", false, None);
    world.containers.send_replace(Some(vec![stopped]));
    let closed = world.until_state(ForwardState::Closed).await;
    assert_eq!(closed.reason.as_deref(), Some("the container is stopped"));
    TcpListener::bind(localhost(port)).unwrap();
    // A new name, and it runs again.
    world
        .containers
        .send_replace(Some(vec![("c1", "site", true, None)]));
    let open = world.until_state(ForwardState::Open).await;
    assert_eq!((open.container.as_deref(), open.id), (Some("site"), closed.id));
    // An engine that cannot be asked forgets nothing.
    world.containers.send_replace(None);
    let again = World::with(OpenOn::Localhost, Arc::clone(&world.folder));
    assert_eq!(
        again.until_state(ForwardState::Closed).await.container.as_deref(),
        Some("site")
    );
    again.containers.send_replace(Some(Vec::new()));
    again.until(|list| list.is_empty()).await;
    let later = World::with(OpenOn::Localhost, Arc::clone(&world.folder));
    assert!(later.forwards.list().is_empty());
}

#[tokio::test]
async fn added_port_is_open_again_in_the_next_life_of_the_host_agent() {
    let world = world_with(vec![WEB]).await;
    let port = free_port();
    world.forwards.add(add(port, 80)).await.unwrap();
    let World { folder, forwards, .. } = world;
    drop(forwards);
    while TcpListener::bind(localhost(port)).is_err() {
        tokio::task::yield_now().await;
    }
    let again = World::with(OpenOn::Localhost, folder);
    again.containers.send_replace(Some(vec![WEB]));
    let open = again.until_state(ForwardState::Open).await;
    assert_eq!(open.host, localhost(port).to_string());
}

#[tokio::test]
async fn moved_port_keeps_its_connections_and_frees_the_old_port() {
    let mut world = world_with(vec![WEB]).await;
    let _guest = world.connect(1).await;
    let server = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let [from, to] = [free_port(), free_port()];
    world
        .forwards
        .add(add(from, server.local_addr().unwrap().port()))
        .await
        .unwrap();
    let mut client = tokio::net::TcpStream::connect(localhost(from)).await.unwrap();
    let (mut served, _) = server.accept().await.unwrap();
    let taken = TcpListener::bind(localhost(to)).unwrap();
    assert_eq!(move_to(&world, from, to).await.unwrap_err().code, Code::Conflict);
    assert!(connects(&localhost(from).to_string()), "nothing was moved");
    drop(server.accept().await.unwrap());
    drop(taken);
    let moved = move_to(&world, from, to).await.unwrap();
    assert_eq!(
        (moved[0].host.clone(), moved[0].state),
        (localhost(to).to_string(), ForwardState::Open)
    );
    TcpListener::bind(localhost(from)).unwrap();
    client.write_all(b"y").await.unwrap();
    assert_eq!(served.read_u8().await.unwrap(), b'y');
    assert_eq!(move_to(&world, from, to).await.unwrap_err().code, Code::NotFound);
    assert_eq!(
        move_to(&world, to, to).await.unwrap()[0].state,
        ForwardState::Open
    );
}

#[tokio::test]
async fn published_port_that_was_moved_is_so_at_every_start_of_its_container() {
    let running = ("c1", "web", true, Some(ADDRESS.parse().unwrap()));
    let mut world = world_with(vec![running]).await;
    let mut guest = world.connect(1).await;
    let [asked, to] = [free_port(), free_port()];
    let target = SocketAddr::new(ADDRESS.parse().unwrap(), 80);
    guest.ask(tcp(1, localhost(asked), target)).await.unwrap();
    let moved = move_to(&world, asked, to).await.unwrap();
    assert_eq!(moved[0].host, localhost(to).to_string());
    guest.send(protocol::PublicationFrame::Released { id: 1 }).await;
    world.until(|list| list.is_empty()).await;
    world
        .containers
        .send_replace(Some(vec![("c1", "web", false, None)]));
    // What it asks for is taken by now, which is why it was moved.
    let taken = TcpListener::bind(localhost(asked)).unwrap();
    guest.ask(tcp(2, localhost(asked), target)).await.unwrap();
    world.containers.send_replace(Some(vec![running]));
    let at_new = |list: &[Forward]| list[0].container.is_some() && list[0].host == localhost(to).to_string();
    world.until(at_new).await;
    // Another container that asks for the same is not the one that was moved.
    drop(taken);
    let other = SocketAddr::new("172.17.0.3".parse().unwrap(), 80);
    guest.ask(tcp(3, localhost(asked), other)).await.unwrap();
    let list = world.until(|list| list.len() == 2).await;
    assert_eq!(list[1].host, localhost(asked).to_string());
}

#[tokio::test]
async fn publication_taken_for_a_moved_one_is_put_right() {
    let running = ("c1", "web", true, Some(ADDRESS.parse().unwrap()));
    let mut world = world_with(vec![running]).await;
    let mut guest = world.connect(1).await;
    let [asked, to] = [free_port(), free_port()];
    let target = SocketAddr::new(ADDRESS.parse().unwrap(), 80);
    guest.ask(tcp(1, localhost(asked), target)).await.unwrap();
    move_to(&world, asked, to).await.unwrap();
    guest.send(protocol::PublicationFrame::Released { id: 1 }).await;
    world.until(|list| list.is_empty()).await;
    // The moved one is stopped, and another one asks.
    let other: SocketAddr = "172.17.0.3:80".parse().unwrap();
    guest.ask(tcp(2, localhost(asked), other)).await.unwrap();
    let rows = vec![
        ("c1", "web", false, None),
        ("c2", "other", true, Some(other.ip())),
    ];
    world.containers.send_replace(Some(rows));
    let list = world
        .until(|list| list[0].container.as_deref() == Some("other"))
        .await;
    assert_eq!(
        (list[0].host.clone(), list[0].state),
        (localhost(asked).to_string(), ForwardState::Open)
    );
    assert!(connects(&list[0].host));
}

#[tokio::test]
async fn published_port_that_was_removed_is_back_when_its_container_starts() {
    let running = ("c1", "web", true, Some(ADDRESS.parse().unwrap()));
    let mut world = world_with(vec![running]).await;
    let mut guest = world.connect(1).await;
    let port = free_port();
    let target = SocketAddr::new(ADDRESS.parse().unwrap(), 80);
    guest.ask(tcp(1, localhost(port), target)).await.unwrap();
    assert_eq!(remove(&world, port).await.unwrap()[0].state, ForwardState::Closed);
    TcpListener::bind(localhost(port)).unwrap();
    // Closed it stays, whatever the engine or a new link tells.
    world
        .containers
        .send_replace(Some(vec![("c1", "renamed", true, Some(target.ip()))]));
    world
        .until(|list| list[0].container.as_deref() == Some("renamed"))
        .await;
    world.lose_link();
    let mut guest = world.connect(1).await;
    guest.ask(tcp(1, localhost(port), target)).await.unwrap();
    assert_eq!(world.forwards.list()[0].state, ForwardState::Closed);
    guest.send(protocol::PublicationFrame::Released { id: 1 }).await;
    guest.ask(tcp(2, localhost(port), target)).await.unwrap();
    world.until_state(ForwardState::Open).await;
}
