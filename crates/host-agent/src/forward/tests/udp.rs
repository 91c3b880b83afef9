//! Datagrams through a published port.

use std::{net::SocketAddr, time::Duration};

use protocol::{Publication, Transport};
use tokio::{
    net::UdpSocket,
    time::{advance, pause, resume, timeout},
};

use super::fake::{LIMIT, Publications, World, free_port, localhost, tcp};

/// A world with one published port, and a server that answers each datagram with its bytes reversed.
async fn published() -> (World, Publications, SocketAddr) {
    let mut world = World::new().await;
    let mut guest = world.connect(1).await;
    let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let host = localhost(free_port());
    let publication = Publication {
        transport: Transport::Udp,
        ..tcp(1, host, server.local_addr().unwrap())
    };
    guest.ask(publication).await.unwrap();
    tokio::spawn(async move {
        let mut datagram = vec![0; 1 << 16];
        while let Ok((length, from)) = server.recv_from(&mut datagram).await {
            datagram[..length].reverse();
            server.send_to(&datagram[..length], from).await.unwrap();
        }
    });
    (world, guest, host)
}

async fn client(host: SocketAddr) -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.connect(host).await.unwrap();
    socket
}

/// A question and its answer. Asks again as a resolver does, since a datagram may be lost.
async fn exchange(socket: &UdpSocket, question: &[u8]) {
    let mut expected = question.to_vec();
    expected.reverse();
    let mut answer = vec![0; 1 << 16];
    let answered = async {
        loop {
            socket.send(question).await.unwrap();
            let waited = timeout(Duration::from_millis(300), socket.recv(&mut answer)).await;
            // An answer to an earlier question may come late.
            if let Ok(Ok(length)) = waited
                && answer[..length] == expected
            {
                return;
            }
        }
    };
    timeout(LIMIT, answered).await.unwrap();
}

#[tokio::test]
async fn datagrams_of_any_size_come_whole_and_to_their_own_peer() {
    let (world, _guest, host) = published().await;
    let mut clients = Vec::new();
    for number in 0..100u16 {
        let client = client(host).await;
        exchange(&client, &[number.to_be_bytes(), *b"? "].concat()).await;
        clients.push(client);
    }
    world.until_connections(100).await;
    for size in [0, 1, 512, 1_232, 4_096, 65_507] {
        let question: Vec<u8> = (0..size).map(|byte| byte as u8).collect();
        exchange(&clients[size % 100], &question).await;
    }
}

#[tokio::test]
async fn peers_beyond_the_room_take_the_place_of_silent_ones() {
    let (world, _guest, host) = published().await;
    let mut clients = Vec::new();
    for number in 0..300u16 {
        let client = client(host).await;
        exchange(&client, &number.to_be_bytes()).await;
        clients.push(client);
    }
    let peers: u64 = world
        .forwards
        .list()
        .iter()
        .map(|forward| forward.connections)
        .sum();
    assert!(peers <= 256, "{peers}");
    // The first lost its place, and gets another.
    exchange(&clients[0], b"again").await;
}

#[tokio::test]
async fn peer_that_is_silent_for_a_minute_is_forgotten() {
    let (world, _guest, host) = published().await;
    let client = client(host).await;
    exchange(&client, b"one").await;
    world.until_connections(1).await;
    pause();
    advance(Duration::from_secs(59)).await;
    resume();
    exchange(&client, b"two").await;
    pause();
    advance(Duration::from_secs(59)).await;
    resume();
    // It is there, as its second question is younger than a minute.
    assert_eq!(world.forwards.list()[0].connections, 1);
    pause();
    advance(Duration::from_secs(2)).await;
    resume();
    world.until_connections(0).await;
    exchange(&client, b"three").await;
}

#[tokio::test]
async fn port_is_free_when_it_is_released() {
    let (world, mut guest, host) = published().await;
    exchange(&client(host).await, b"one").await;
    guest.send(protocol::PublicationFrame::Released { id: 1 }).await;
    world.until(|list| list.is_empty()).await;
    UdpSocket::bind(host).await.unwrap();
}
