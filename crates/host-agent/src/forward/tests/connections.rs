//! Bytes through a published port.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use api::ForwardState;
use engine_proxy::rewrite::OpenOn;
use machine::MachineState;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};

use super::{
    super::Room,
    fake::{LIMIT, Publications, World, free_port, localhost, snapshot, tcp},
};

/// A world with one published port, and the server that it leads to.
async fn published() -> (World, Publications, TcpListener, SocketAddr) {
    published_in(World::new().await).await
}

async fn published_in(mut world: World) -> (World, Publications, TcpListener, SocketAddr) {
    let mut guest = world.connect(1).await;
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = localhost(free_port());
    guest
        .ask(tcp(1, host, server.local_addr().unwrap()))
        .await
        .unwrap();
    (world, guest, server, host)
}

async fn pair(server: &TcpListener, host: SocketAddr) -> (TcpStream, TcpStream) {
    let client = TcpStream::connect(host).await.unwrap();
    let (served, _) = timeout(LIMIT, server.accept()).await.unwrap().unwrap();
    (client, served)
}

async fn read_all(socket: &mut TcpStream) -> std::io::Result<String> {
    let mut text = String::new();
    timeout(LIMIT, socket.read_to_string(&mut text)).await.unwrap()?;
    Ok(text)
}

#[tokio::test]
async fn end_of_one_direction_leaves_the_other_open() {
    let (world, _guest, server, host) = published().await;
    let (mut client, mut served) = pair(&server, host).await;
    world.until_connections(1).await;
    client.write_all(b"question").await.unwrap();
    client.shutdown().await.unwrap();
    assert_eq!(read_all(&mut served).await.unwrap(), "question");
    served.write_all(b"answer").await.unwrap();
    served.shutdown().await.unwrap();
    assert_eq!(read_all(&mut client).await.unwrap(), "answer");
    world.until_connections(0).await;
}

#[tokio::test]
async fn abort_of_either_side_is_an_abort_on_the_other() {
    let (world, _guest, server, host) = published().await;
    for client_aborts in [true, false] {
        let (client, served) = pair(&server, host).await;
        let (aborting, mut other) = if client_aborts {
            (client, served)
        } else {
            (served, client)
        };
        aborting.set_zero_linger().unwrap();
        drop(aborting);
        let error = read_all(&mut other).await.unwrap_err();
        assert_eq!(
            error.kind(),
            std::io::ErrorKind::ConnectionReset,
            "{client_aborts}"
        );
    }
    world.until_connections(0).await;
}

#[tokio::test]
async fn target_that_nobody_has_is_a_reset() {
    let (_world, _guest, server, host) = published().await;
    drop(server);
    let mut client = TcpStream::connect(host).await.unwrap();
    assert!(read_all(&mut client).await.is_err());
}

#[tokio::test]
async fn release_frees_the_port_and_leaves_connections_to_the_guest() {
    let (world, mut guest, server, host) = published().await;
    let (mut client, mut served) = pair(&server, host).await;
    guest.send(protocol::PublicationFrame::Released { id: 1 }).await;
    world.until(|list| list.is_empty()).await;
    drop(std::net::TcpListener::bind(host).unwrap());
    served.write_all(b"last words").await.unwrap();
    drop(served);
    client.shutdown().await.unwrap();
    assert_eq!(read_all(&mut client).await.unwrap(), "last words");
}

#[tokio::test]
async fn connection_without_a_link_waits_and_a_lost_link_aborts() {
    let (mut world, guest, server, host) = published().await;
    let (mut client, served) = pair(&server, host).await;
    world.lose_link();
    assert!(read_all(&mut client).await.is_err());
    drop((guest, served));
    // The port stays, and what is said now is heard when the guest is back.
    let mut client = TcpStream::connect(host).await.unwrap();
    client.write_all(b"early").await.unwrap();
    client.shutdown().await.unwrap();
    let _guest = world.connect(1).await;
    let (mut served, _) = timeout(LIMIT, server.accept()).await.unwrap().unwrap();
    assert_eq!(read_all(&mut served).await.unwrap(), "early");
}

#[tokio::test]
async fn connection_to_a_guest_that_stands_still_waits() {
    let (world, _guest, server, host) = published().await;
    world.joins.send_replace(false);
    let mut client = TcpStream::connect(host).await.unwrap();
    client.write_all(b"patience").await.unwrap();
    client.shutdown().await.unwrap();
    world.until_connections(1).await;
    assert_eq!(world.forwards.list()[0].state, ForwardState::Open);
    world.joins.send_replace(true);
    let (mut served, _) = timeout(LIMIT, server.accept()).await.unwrap().unwrap();
    assert_eq!(read_all(&mut served).await.unwrap(), "patience");
}

/// More than there is room for: those beyond wait for their turn, and nobody is turned away.
#[tokio::test]
async fn connections_beyond_the_room_wait_for_others() {
    const CLIENTS: usize = 1_500;

    platform::raise_descriptor_limit();
    let (world, _guest, server, host) = published().await;
    let serving = tokio::spawn(async move {
        loop {
            let (mut served, _) = server.accept().await.unwrap();
            tokio::spawn(async move {
                let mut word = [0; 4];
                served.read_exact(&mut word).await.unwrap();
                served.write_all(&word).await.unwrap();
                // Idle until the client goes.
                drop(served.read(&mut word).await);
            });
        }
    });
    let mut clients = Vec::with_capacity(CLIENTS);
    for _ in 0..CLIENTS {
        clients.push(TcpStream::connect(host).await.unwrap());
    }
    world.until_connections(CLIENTS as u64).await;
    // The first are joined, and go one by one.
    for (number, mut client) in clients.into_iter().enumerate() {
        let word = (number as u32).to_be_bytes();
        client.write_all(&word).await.unwrap();
        let mut echo = [0; 4];
        timeout(LIMIT, client.read_exact(&mut echo))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(echo, word);
    }
    world.until_connections(0).await;
    serving.abort();
}

#[tokio::test]
async fn bulk_that_nobody_reads_delays_no_other_connection() {
    let (_world, _guest, server, host) = published().await;
    let (mut bulk, _unread) = pair(&server, host).await;
    let writing = tokio::spawn(async move {
        let piece = vec![7; 1 << 20];
        for _ in 0..64 {
            bulk.write_all(&piece).await.unwrap();
        }
    });
    for _ in 0..50 {
        let (mut client, mut served) = pair(&server, host).await;
        client.write_all(b"ping").await.unwrap();
        client.shutdown().await.unwrap();
        assert_eq!(read_all(&mut served).await.unwrap(), "ping");
    }
    assert!(!writing.is_finished(), "64 MiB lie somewhere");
    writing.abort();
}

/// A world whose connections may hardly stand still.
async fn impatient() -> (World, Publications, TcpListener, SocketAddr) {
    let room = Room {
        stalled: 1,
        stalled_after: Duration::from_millis(1),
        ..Room::default()
    };
    published_in(World::with_room(
        OpenOn::Localhost,
        Arc::new(tempfile::tempdir().unwrap()),
        room,
    ))
    .await
}

/// A connection on which one side writes and the other reads nothing: both sides, and what comes of the writing.
fn stuck(
    mut writer: TcpStream,
    reader: TcpStream,
) -> (TcpStream, tokio::task::JoinHandle<std::io::Result<()>>) {
    let writing = tokio::spawn(async move {
        loop {
            writer.write_all(&[7; 1 << 16]).await?;
        }
    });
    (reader, writing)
}

#[tokio::test]
async fn connection_that_stands_still_is_reset_when_too_many_do() {
    for client_writes in [true, false] {
        let (world, _guest, server, host) = impatient().await;
        let mut all = Vec::new();
        for _ in 0..2 {
            let (client, served) = pair(&server, host).await;
            all.push(if client_writes {
                stuck(client, served)
            } else {
                stuck(served, client)
            });
        }
        // One goes, whichever; then the other has all the room there is.
        world.until_connections(1).await;
        let ends = all.iter_mut().map(|(_, writing)| Box::pin(writing));
        let (ended, _, _) = timeout(LIMIT, futures_util::future::select_all(ends))
            .await
            .unwrap();
        let error = ended.unwrap().unwrap_err();
        assert!(
            matches!(
                error.kind(),
                std::io::ErrorKind::ConnectionReset | std::io::ErrorKind::BrokenPipe
            ),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn connections_of_a_paused_machine_may_all_stand_still() {
    let (world, _guest, server, host) = impatient().await;
    world.snapshots.send_replace(snapshot(MachineState::Paused));
    let mut all = Vec::new();
    for _ in 0..3 {
        let (client, served) = pair(&server, host).await;
        all.push(stuck(client, served));
    }
    // One that moves lets the others' time pass many times over.
    for _ in 0..200 {
        let (mut client, mut served) = pair(&server, host).await;
        client.write_all(b"ping").await.unwrap();
        client.shutdown().await.unwrap();
        assert_eq!(read_all(&mut served).await.unwrap(), "ping");
    }
    assert!(all.iter().all(|(_, writing)| !writing.is_finished()));
    world.snapshots.send_replace(snapshot(MachineState::Running));
    world.until_connections(1).await;
}
