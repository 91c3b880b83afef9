//! What ends a watch, and what does not.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs::Permissions,
    future::{Future, poll_fn},
    io::Write,
    net::Shutdown,
    os::unix::{fs::PermissionsExt, net::UnixStream},
    path::Path,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

use super::*;
use crate::{LocalAddress, LocalListener, test_program};

/// Far more than any step takes on a busy machine.
const LIMIT: Duration = Duration::from_secs(30);
/// How long nothing must happen.
const QUIET: Duration = Duration::from_millis(150);

struct Place {
    folder: tempfile::TempDir,
    listener: LocalListener,
}

impl Place {
    fn new() -> Self {
        let closed = Permissions::from_mode(0o700);
        let folder = tempfile::Builder::new().permissions(closed).tempdir().unwrap();
        let address = LocalAddress::unix(folder.path().join("a.sock"));
        let listener = LocalListener::bind(&address).unwrap();
        Self { folder, listener }
    }

    async fn pair(&mut self) -> (LocalStream, UnixStream) {
        let client = UnixStream::connect(self.folder.path().join("a.sock")).unwrap();
        (self.listener.accept().await.unwrap(), client)
    }
}

async fn is_gone(watch: &PeerWatch) {
    timeout(LIMIT, watch.gone()).await.unwrap();
    // And stays so.
    timeout(LIMIT, watch.gone()).await.unwrap();
}

async fn is_there(watch: &PeerWatch) {
    assert!(timeout(QUIET, watch.gone()).await.is_err());
}

/// Fills the way to the peer.
async fn fill(stream: &mut LocalStream) {
    let bytes = [1; 64 << 10];
    while timeout(QUIET, stream.write(&bytes)).await.is_ok() {}
}

#[tokio::test]
async fn gone_peer_that_closes_resolves() {
    let mut place = Place::new();
    let (stream, client) = place.pair().await;
    let watch = stream.watch_peer().unwrap();
    is_there(&watch).await;
    drop(client);
    is_gone(&watch).await;
}

#[tokio::test]
async fn gone_peer_that_closed_before_the_watch_resolves() {
    let mut place = Place::new();
    let (stream, client) = place.pair().await;
    drop(client);
    is_gone(&stream.watch_peer().unwrap()).await;
}

#[tokio::test]
async fn gone_peer_that_closes_with_unread_bytes_both_ways_resolves() {
    let mut place = Place::new();
    let (mut stream, mut client) = place.pair().await;
    client.write_all(&[2; 4096]).unwrap();
    fill(&mut stream).await;
    let watch = stream.watch_peer().unwrap();
    is_there(&watch).await;
    drop(client);
    is_gone(&watch).await;
}

#[tokio::test]
async fn gone_half_close_does_not_resolve_and_the_close_after_it_does() {
    let mut place = Place::new();
    let (mut stream, client) = place.pair().await;
    let watch = stream.watch_peer().unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
    is_there(&watch).await;
    fill(&mut stream).await;
    is_there(&watch).await;
    drop(client);
    is_gone(&watch).await;
}

#[tokio::test]
async fn gone_our_own_half_close_does_not_resolve_and_the_peers_close_does() {
    let mut place = Place::new();
    let (mut stream, client) = place.pair().await;
    let watch = stream.watch_peer().unwrap();
    stream.shutdown().await.unwrap();
    is_there(&watch).await;
    drop(client);
    is_gone(&watch).await;
}

#[tokio::test]
async fn gone_peer_that_closes_both_directions_resolves() {
    let mut place = Place::new();
    let (stream, client) = place.pair().await;
    let watch = stream.watch_peer().unwrap();
    client.shutdown(Shutdown::Both).unwrap();
    is_gone(&watch).await;
}

#[tokio::test]
async fn gone_peer_process_that_is_killed_resolves() {
    let mut place = Place::new();
    let path = place.folder.path().join("a.sock");
    let command = test_program::command("peer_watch::tests::peer", path.to_str().unwrap());
    let started = tokio::task::spawn_blocking(|| test_program::start_until(command, "connected"));
    let mut stream = timeout(LIMIT, place.listener.accept()).await.unwrap().unwrap();
    let (mut peer, _output, _) = timeout(LIMIT, started).await.unwrap().unwrap();
    let watch = stream.watch_peer().unwrap();
    fill(&mut stream).await;
    is_there(&watch).await;
    peer.kill().unwrap();
    peer.wait().unwrap();
    is_gone(&watch).await;
}

#[test]
#[ignore = "a part of gone_peer_process_that_is_killed_resolves"]
fn peer() {
    let Some(path) = test_program::argument() else {
        return;
    };
    let mut stream = UnixStream::connect(Path::new(&path)).unwrap();
    stream.write_all(b"unread").unwrap();
    println!("connected");
    // Until killed: nobody writes here.
    let _ = std::io::Read::read(&mut std::io::stdin(), &mut [0]);
}

#[tokio::test]
async fn gone_while_bytes_flow_both_ways_wakes_rarely() {
    const BYTES: usize = 10 << 20;
    let mut place = Place::new();
    let (mut stream, client) = place.pair().await;
    let watch = stream.watch_peer().unwrap();
    let wakes = Arc::new(AtomicUsize::new(0));
    let watching = tokio::spawn({
        let wakes = Arc::clone(&wakes);
        async move {
            let mut gone = pin!(watch.gone());
            poll_fn(|context| {
                wakes.fetch_add(1, Ordering::Relaxed);
                gone.as_mut().poll(context)
            })
            .await;
        }
    });
    client.set_nonblocking(true).unwrap();
    let mut client = tokio::net::UnixStream::from_std(client).unwrap();
    let echo = tokio::spawn(async move {
        let mut bytes = vec![0; 16 << 10];
        let mut echoed = 0;
        while echoed < BYTES {
            let length = client.read(&mut bytes).await.unwrap();
            client.write_all(&bytes[..length]).await.unwrap();
            echoed += length;
        }
        client
    });
    let (mut read, mut write) = tokio::io::split(&mut stream);
    let sent = vec![3; BYTES];
    let mut got = vec![0; BYTES];
    let (written, read) = tokio::join!(write.write_all(&sent), read.read_exact(&mut got));
    written.unwrap();
    assert_eq!(read.unwrap(), BYTES);
    let client = timeout(LIMIT, echo).await.unwrap().unwrap();
    // The first poll, and at most a few that mean nothing; never one for each of hundreds of chunks.
    let so_far = wakes.load(Ordering::Relaxed);
    assert!(so_far <= 16, "{so_far} wakes");
    drop(client);
    timeout(LIMIT, watching).await.unwrap().unwrap();
}

#[tokio::test]
async fn drop_stream_and_watch_peer_sees_the_end() {
    let mut place = Place::new();
    let (stream, client) = place.pair().await;
    let watch = stream.watch_peer().unwrap();
    drop(stream);
    drop(watch);
    client.set_nonblocking(false).unwrap();
    assert_eq!(std::io::Read::read(&mut &client, &mut [0]).unwrap(), 0);
}
