//! Streams over one link, end to end.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod pair;

use std::time::Duration;

use link::{Lane, LaneState, Link, LinkError, Side, Stream};
use pair::{Pair, connect, unix_pair};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const LIMIT: Duration = Duration::from_secs(60);

async fn open(pair: &mut Pair, port: u16) -> (Stream, Stream) {
    let ours = pair.host.dial(Lane::Data, port).await.unwrap();
    let arrival = pair.at_guest.next().await.unwrap();
    assert_eq!((arrival.lane, arrival.port), (Lane::Data, port));
    (ours, arrival.stream)
}

async fn read_all(stream: &mut Stream) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.map(|_| bytes)
}

fn is_abort<T: std::fmt::Debug>(result: std::io::Result<T>) {
    assert_eq!(result.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn half_close_then_data_the_other_way_arrives_both_directions() {
    let mut pair = connect().await;
    for guest_first in [false, true] {
        let (ours, theirs) = open(&mut pair, 7).await;
        let (mut first, mut second) = if guest_first {
            (theirs, ours)
        } else {
            (ours, theirs)
        };
        first.write_all(b"question").await.unwrap();
        first.shutdown().await.unwrap();
        assert_eq!(read_all(&mut second).await.unwrap(), b"question");
        assert_eq!(
            first.write_all(b"more").await.unwrap_err().kind(),
            std::io::ErrorKind::BrokenPipe
        );
        let answer = vec![42; 1_000_000];
        let (sent, got) = tokio::join!(
            async {
                second.write_all(&answer).await.unwrap();
                second.shutdown().await
            },
            read_all(&mut first)
        );
        sent.unwrap();
        assert!(got.unwrap() == answer);
        assert_eq!(first.read(&mut [0; 8]).await.unwrap(), 0);
    }
}

#[tokio::test]
async fn drop_without_shutdown_peer_reads_data_then_reset() {
    let mut pair = connect().await;
    let (mut ours, mut theirs) = open(&mut pair, 7).await;
    ours.write_all(b"part").await.unwrap();
    ours.flush().await.unwrap();
    drop(ours);
    let mut part = [0; 4];
    theirs.read_exact(&mut part).await.unwrap();
    assert_eq!(&part, b"part");
    is_abort(theirs.read(&mut part).await);
    is_abort(theirs.read(&mut part).await);
    is_abort(theirs.write_all(&vec![0; 1_000_000]).await);

    let (ours, mut theirs) = open(&mut pair, 8).await;
    ours.abort();
    is_abort(read_all(&mut theirs).await);
}

#[tokio::test]
async fn drop_after_shutdown_peer_reads_a_clean_end_and_its_writer_stops() {
    let mut pair = connect().await;
    let (mut ours, mut theirs) = open(&mut pair, 7).await;
    ours.write_all(&vec![1; 200_000]).await.unwrap();
    ours.shutdown().await.unwrap();
    drop(ours);
    // Nobody reads any more: more than any window must fail rather than hang.
    is_abort(
        tokio::time::timeout(LIMIT, theirs.write_all(&vec![0; 2_000_000]))
            .await
            .unwrap(),
    );
    assert_eq!(read_all(&mut theirs).await.unwrap().len(), 200_000);
}

#[tokio::test]
async fn write_without_flush_arrives_while_only_reading() {
    let mut pair = connect().await;
    let (mut ours, mut theirs) = open(&mut pair, 7).await;
    let server = tokio::spawn(async move {
        let mut question = vec![0; 300_000];
        theirs.read_exact(&mut question).await.unwrap();
        theirs.write_all(b"!").await.unwrap();
        theirs.flush().await.unwrap();
        theirs
    });
    ours.write_all(&vec![5; 300_000]).await.unwrap();
    assert_eq!(
        tokio::time::timeout(LIMIT, ours.read_u8())
            .await
            .unwrap()
            .unwrap(),
        b'!'
    );
    drop(server.await.unwrap());
}

#[tokio::test]
async fn dial_without_session_fails_at_once() {
    let (host, _incoming) = Link::new(Side::Host, 1, vec![(Lane::Data, Box::new(pair::Never))]);
    assert_eq!(
        host.dial(Lane::Data, 1).await.unwrap_err(),
        LinkError::Down { lane: Lane::Data }
    );
    assert_eq!(
        host.dial(Lane::Files, 1).await.unwrap_err(),
        LinkError::Down { lane: Lane::Files }
    );
    assert!(matches!(
        *host.lane_state(Lane::Data).borrow(),
        LaneState::Down { .. }
    ));
}

#[tokio::test]
async fn dial_more_than_the_limit_is_refused_and_ended_streams_make_room() {
    let mut pair = connect().await;
    let mut open_ones = Vec::new();
    let error = loop {
        match pair.host.dial(Lane::Data, 1).await {
            Ok(stream) => open_ones.push((stream, pair.at_guest.next().await.unwrap())),
            Err(error) => break error,
        }
    };
    assert_eq!(
        error,
        LinkError::TooManyStreams {
            lane: Lane::Data,
            limit: open_ones.len()
        }
    );
    assert!(open_ones.len() >= 1024);
    let (first, second) = open_ones.last_mut().unwrap();
    first.write_all(b"x").await.unwrap();
    assert_eq!(second.stream.read_u8().await.unwrap(), b'x');
    open_ones.truncate(500);
    open(&mut pair, 2).await;
}

async fn many_streams(mut pair: Pair) {
    const STREAMS: usize = 200;
    let echo = tokio::spawn(async move {
        let mut echoes = tokio::task::JoinSet::new();
        for _ in 0..STREAMS {
            let stream = pair.at_guest.next().await.unwrap().stream;
            echoes.spawn(async move {
                let (mut read, mut write) = tokio::io::split(stream);
                tokio::io::copy(&mut read, &mut write).await.unwrap();
                write.shutdown().await.unwrap();
            });
        }
        echoes.join_all().await;
        pair.at_guest
    });
    let mut clients = tokio::task::JoinSet::new();
    for index in 0..STREAMS {
        let host = pair.host.clone();
        clients.spawn(async move {
            // Sizes from nothing to 400 kB, spread without order.
            let size = (index * 7919) % 400_000;
            let sent: Vec<u8> = (0..size).map(|at| (at * 31 + index) as u8).collect();
            let digest = Sha256::digest(&sent);
            let (mut read, mut write) = tokio::io::split(host.dial(Lane::Data, 3).await.unwrap());
            let writer = tokio::spawn(async move {
                for piece in sent.chunks(1 + index * 97) {
                    write.write_all(piece).await.unwrap();
                }
                write.shutdown().await.unwrap();
            });
            let mut got = Vec::new();
            read.read_to_end(&mut got).await.unwrap();
            writer.await.unwrap();
            assert_eq!(got.len(), size);
            assert_eq!(Sha256::digest(&got), digest);
        });
    }
    tokio::time::timeout(LIMIT * 2, clients.join_all()).await.unwrap();
    echo.await.unwrap();
}

#[tokio::test]
async fn many_streams_on_one_thread_arrive_intact() {
    many_streams(connect().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_streams_on_unix_sockets_and_threads_arrive_intact() {
    let folder = tempfile::tempdir().unwrap();
    many_streams(unix_pair(&folder.path().join("data.sock")).await).await;
}

#[tokio::test]
async fn slow_reader_does_not_stall_others() {
    let mut pair = connect().await;
    let (mut stuck, _unread) = open(&mut pair, 1).await;
    let stuck_writer = tokio::spawn(async move { stuck.write_all(&vec![0; 50_000_000]).await });
    for port in 2..20 {
        let (mut ours, mut theirs) = open(&mut pair, port).await;
        let transfer = async {
            let writer = tokio::spawn(async move {
                ours.write_all(&vec![9; 1_000_000]).await.unwrap();
                ours.shutdown().await.unwrap();
                ours
            });
            assert_eq!(read_all(&mut theirs).await.unwrap().len(), 1_000_000);
            drop(writer.await.unwrap());
        };
        tokio::time::timeout(LIMIT, transfer).await.unwrap();
    }
    assert!(!stuck_writer.is_finished());
    stuck_writer.abort();
}
