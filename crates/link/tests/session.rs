//! Sessions: loss, return, generations, the heart, carriers.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod pair;

use std::time::Duration;

use link::{Carrier, HostAddress, Lane, LaneState, Link, LinkError, Side, host_listener, unix_dialer};
use pair::{Never, connect, given, unix_pair, up};
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio::net::UnixStream;

async fn down(link: &Link) -> String {
    let mut states = link.lane_state(Lane::Data);
    let state = states
        .wait_for(|state| matches!(state, LaneState::Down { .. }))
        .await
        .unwrap();
    match &*state {
        LaneState::Down { reason } => reason.clone(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn lane_lost_aborts_all_streams_and_returns_with_a_new_session() {
    let (to_host, host_carrier) = given();
    let (to_guest, guest_carrier) = given();
    let (host_end, relay_host) = duplex(1000);
    let (guest_end, relay_guest) = duplex(1000);
    assert!(to_host.send(Box::new(host_end)).is_ok() && to_guest.send(Box::new(guest_end)).is_ok());
    let relaying = tokio::spawn(async move {
        let (mut relay_host, mut relay_guest) = (relay_host, relay_guest);
        let _ = tokio::io::copy_bidirectional(&mut relay_host, &mut relay_guest).await;
    });
    let mut pair = up(host_carrier, guest_carrier).await;
    let before = pair.host.wait_up(Lane::Data).await;
    let mut streams = Vec::new();
    for port in 0..20 {
        streams.push(pair.host.dial(Lane::Data, port).await.unwrap());
        streams.push(pair.at_guest.next().await.unwrap().stream);
    }
    let stuck = tokio::spawn({
        let mut stream = pair.host.dial(Lane::Data, 99).await.unwrap();
        async move { stream.write_all(&vec![0; 10_000_000]).await }
    });
    relaying.abort();
    for stream in &mut streams {
        assert_eq!(
            stream.read_u8().await.unwrap_err().kind(),
            std::io::ErrorKind::ConnectionReset
        );
        assert!(stream.write_all(&vec![0; 1_000_000]).await.is_err());
    }
    assert_eq!(
        stuck.await.unwrap().unwrap_err().kind(),
        std::io::ErrorKind::ConnectionReset
    );
    down(&pair.host).await;
    assert_eq!(
        pair.host.dial(Lane::Data, 1).await.unwrap_err(),
        LinkError::Down { lane: Lane::Data }
    );
    let (host_end, guest_end) = duplex(1000);
    assert!(to_host.send(Box::new(host_end)).is_ok() && to_guest.send(Box::new(guest_end)).is_ok());
    assert_ne!(pair.host.wait_up(Lane::Data).await, before);
    pair.host.dial(Lane::Data, 1).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn other_generation_is_told_to_both_and_replacement_comes_up() {
    let (to_host, host_carrier) = given();
    let (host, _at_host) = Link::new(Side::Host, 2, vec![(Lane::Data, host_carrier)]);
    for (generation, compatible) in [(1, false), (2, true)] {
        let (host_end, guest_end) = duplex(1000);
        let (to_guest, guest_carrier) = given();
        assert!(to_host.send(Box::new(host_end)).is_ok() && to_guest.send(Box::new(guest_end)).is_ok());
        let (guest, _at_guest) = Link::new(Side::Guest, generation, vec![(Lane::Data, guest_carrier)]);
        if compatible {
            host.wait_up(Lane::Data).await;
            guest.wait_up(Lane::Data).await;
        } else {
            let mut states = host.lane_state(Lane::Data);
            states
                .wait_for(|state| *state == LaneState::Incompatible { theirs: 1 })
                .await
                .unwrap();
            let mut states = guest.lane_state(Lane::Data);
            states
                .wait_for(|state| *state == LaneState::Incompatible { theirs: 2 })
                .await
                .unwrap();
        }
    }
}

/// A relay that stops carrying bytes when told, and keeps the connections open.
async fn with_frozen_relay(run: impl AsyncFnOnce(&pair::Pair, &dyn Fn(bool))) {
    let (to_host, host_carrier) = given();
    let (to_guest, guest_carrier) = given();
    let (freeze, frozen) = tokio::sync::watch::channel(false);
    let (host_end, mut relay_host) = duplex(1000);
    let (guest_end, mut relay_guest) = duplex(1000);
    assert!(to_host.send(Box::new(host_end)).is_ok() && to_guest.send(Box::new(guest_end)).is_ok());
    tokio::spawn(async move {
        let (mut one, mut other) = (vec![0; 1000], vec![0; 1000]);
        let mut frozen = frozen;
        while async { frozen.wait_for(|frozen| !*frozen).await.is_ok() }.await {
            tokio::select! {
                count = relay_host.read(&mut one) => relay_guest.write_all(&one[..count.unwrap()]).await.unwrap(),
                count = relay_guest.read(&mut other) => relay_host.write_all(&other[..count.unwrap()]).await.unwrap(),
                _ = async { frozen.wait_for(|frozen| *frozen).await.is_ok() } => {}
            }
        }
    });
    let pair = up(host_carrier, guest_carrier).await;
    run(&pair, &|frozen| freeze.send(frozen).unwrap()).await;
}

/// Freezes a lane that was at rest for so long; returns how long its death took to be seen.
async fn time_to_notice_a_hang(after: Duration) -> Duration {
    let took = std::cell::Cell::new(Duration::ZERO);
    with_frozen_relay(async |pair, freeze| {
        tokio::time::sleep(after).await;
        assert!(matches!(
            *pair.host.lane_state(Lane::Data).borrow(),
            LaneState::Up { .. }
        ));
        freeze(true);
        let begin = tokio::time::Instant::now();
        assert!(down(&pair.host).await.contains("silent"));
        took.set(begin.elapsed());
    })
    .await;
    took.get()
}

#[tokio::test(start_paused = true)]
async fn silence_of_five_seconds_ends_the_session() {
    for after_ms in [60_000, 60_001, 60_500, 61_000, 61_500, 61_999] {
        let took = time_to_notice_a_hang(Duration::from_millis(after_ms)).await;
        assert!(
            took >= Duration::from_secs(4) && took <= Duration::from_millis(6010),
            "{after_ms}: {took:?}"
        );
    }
}

/// Which moments (in ms) bytes went through a relay that counts, toward the host and the guest.
type Heard = std::sync::Arc<std::sync::Mutex<[Vec<u128>; 2]>>;

/// A carrier to each end of a lane, and when bytes went between them.
fn listened() -> (Box<dyn Carrier>, Box<dyn Carrier>, Heard) {
    let (to_host, host_carrier) = given();
    let (to_guest, guest_carrier) = given();
    let (host_end, mut host) = duplex(1000);
    let (guest_end, mut guest) = duplex(1000);
    assert!(to_host.send(Box::new(host_end)).is_ok() && to_guest.send(Box::new(guest_end)).is_ok());
    let heard = Heard::default();
    let noted = std::sync::Arc::clone(&heard);
    tokio::spawn(async move {
        // Kept: a carrier whose sender is gone gives no more streams, and these are the only ones.
        let _senders = (to_host, to_guest);
        let begin = tokio::time::Instant::now();
        let (mut one, mut other) = ([0; 1000], [0; 1000]);
        loop {
            let (toward, end, bytes) = tokio::select! {
                count = guest.read(&mut one) => (0, &mut host, &one[..count.unwrap()]),
                count = host.read(&mut other) => (1, &mut guest, &other[..count.unwrap()]),
            };
            if bytes.is_empty() {
                return;
            }
            end.write_all(bytes).await.unwrap();
            noted.lock().unwrap()[toward].push(begin.elapsed().as_millis());
        }
    });
    (host_carrier, guest_carrier, heard)
}

#[tokio::test(start_paused = true)]
async fn beats_of_all_lanes_and_their_answers_fall_together() {
    let (host_data, guest_data, on_data) = listened();
    let (host_files, guest_files, on_files) = listened();
    let (host, _at_host) = Link::new(
        Side::Host,
        1,
        vec![(Lane::Data, host_data), (Lane::Files, host_files)],
    );
    // The lanes come up at different times.
    let (guest, _at_guest) = Link::new(Side::Guest, 1, vec![(Lane::Data, guest_data)]);
    host.wait_up(Lane::Data).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let (other_guest, _at_other_guest) = Link::new(Side::Guest, 1, vec![(Lane::Files, guest_files)]);
    host.wait_up(Lane::Files).await;
    for heard in [&on_data, &on_files] {
        *heard.lock().unwrap() = Default::default();
    }
    tokio::time::sleep(Duration::from_secs(60)).await;
    let [to_host, to_guest] = on_data.lock().unwrap().clone();
    assert!((29..=31).contains(&to_guest.len()), "{to_guest:?}");
    assert_eq!(
        to_host, to_guest,
        "a beat is not answered at once, or one came unasked"
    );
    assert_eq!(*on_files.lock().unwrap(), [to_host, to_guest]);
    drop((host, guest, other_guest));
}

#[tokio::test(start_paused = true)]
async fn lane_in_use_beats_every_second() {
    let (host_carrier, guest_carrier, heard) = listened();
    let mut pair = up(host_carrier, guest_carrier).await;
    let mut ours = pair.host.dial(Lane::Data, 1).await.unwrap();
    let _theirs = pair.at_guest.next().await.unwrap();
    *heard.lock().unwrap() = Default::default();
    for _ in 0..60 {
        ours.write_all(b"x").await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    // The guest has nothing to say but answers to beats.
    let [to_host, _] = heard.lock().unwrap().clone();
    assert!((59..=61).contains(&to_host.len()), "{to_host:?}");
}

#[tokio::test(start_paused = true)]
async fn guest_that_hears_no_beat_beats_by_itself_and_then_gives_up() {
    let (host_carrier, guest_carrier, heard) = listened();
    let pair = up(host_carrier, guest_carrier).await;
    pair.host.suspend_heartbeat(true);
    *heard.lock().unwrap() = Default::default();
    let begin = tokio::time::Instant::now();
    assert!(down(&pair.guest).await.contains("silent"));
    assert!(
        begin.elapsed() <= Duration::from_millis(6010),
        "{:?}",
        begin.elapsed()
    );
    let [to_host, to_guest] = heard.lock().unwrap().clone();
    assert!(
        to_host.len() == 2 && to_guest.is_empty(),
        "{to_host:?} {to_guest:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn suspended_heartbeat_survives_any_silence_and_counts_anew() {
    with_frozen_relay(async |pair, freeze| {
        let session = pair.host.wait_up(Lane::Data).await;
        pair.host.suspend_heartbeat(true);
        pair.guest.suspend_heartbeat(true);
        freeze(true);
        tokio::time::sleep(Duration::from_secs(3600)).await;
        pair.host.suspend_heartbeat(false);
        pair.guest.suspend_heartbeat(false);
        tokio::time::sleep(Duration::from_secs(3)).await;
        freeze(false);
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(
            *pair.host.lane_state(Lane::Data).borrow(),
            LaneState::Up { session }
        );
        assert_eq!(
            *pair.guest.lane_state(Lane::Data).borrow(),
            LaneState::Up { session }
        );
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn peer_that_takes_nothing_but_speaks_is_alive() {
    let mut pair = connect().await;
    let mut ours = pair.host.dial(Lane::Data, 1).await.unwrap();
    let unread = pair.at_guest.next().await.unwrap();
    let writer = tokio::spawn(async move { ours.write_all(&vec![0; 5_000_000]).await });
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert!(!writer.is_finished());
    assert!(matches!(
        *pair.host.lane_state(Lane::Data).borrow(),
        LaneState::Up { .. }
    ));
    drop(unread);
    assert!(writer.await.unwrap().is_err());
}

#[tokio::test]
async fn close_and_last_drop_end_everything_on_both_sides() {
    for close in [true, false] {
        let mut pair = connect().await;
        let _ours = pair.host.dial(Lane::Data, 1).await.unwrap();
        let mut theirs = pair.at_guest.next().await.unwrap().stream;
        let mut states = pair.host.lane_state(Lane::Data);
        if close {
            pair.host.close();
        } else {
            drop(pair.host);
        }
        assert!(pair.at_host.next().await.is_none());
        assert!(
            states
                .wait_for(|state| matches!(state, LaneState::Down { .. }))
                .await
                .is_ok()
        );
        assert_eq!(
            theirs.read_u8().await.unwrap_err().kind(),
            std::io::ErrorKind::ConnectionReset
        );
        assert!(down(&pair.guest).await.contains("closed the link"));
    }
}

#[tokio::test]
async fn host_listener_accepts_once_then_listens_anew() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data.sock");
    // A stale socket of a process that is gone.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let mut listener = host_listener(HostAddress::Unix(path.clone())).unwrap();
    assert_eq!(
        std::fs::symlink_metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    for _ in 0..2 {
        let dialled = {
            let path = path.clone();
            tokio::spawn(async move { unix_dialer(path).connect().await.unwrap() })
        };
        let stream = listener.connect().await.unwrap();
        drop((dialled.await.unwrap(), stream));
        assert!(!path.exists());
        assert!(UnixStream::connect(&path).await.is_err());
    }
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn host_listener_expecting_another_process_refuses() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data.sock");
    let mut listener = host_listener(HostAddress::Unix(path.clone())).unwrap();
    let expected = listener.expected_pid();
    expected.set(u32::MAX);
    let accepting = tokio::spawn(async move { listener.connect().await });
    let mut refused = UnixStream::connect(&path).await.unwrap();
    assert_eq!(refused.read(&mut [0; 1]).await.unwrap(), 0);
    expected.set(std::process::id());
    let _accepted = UnixStream::connect(&path).await.unwrap();
    accepting.await.unwrap().unwrap();
}

#[tokio::test]
async fn host_replaced_on_a_unix_socket_both_come_up_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data.sock");
    let pair = unix_pair(&path).await;
    let before = pair.guest.wait_up(Lane::Data).await;
    drop((pair.host, pair.at_host));
    down(&pair.guest).await;
    let listener = host_listener(HostAddress::Unix(path)).unwrap();
    let (host, _at_host) = Link::new(Side::Host, 1, vec![(Lane::Data, Box::new(listener))]);
    let after = host.wait_up(Lane::Data).await;
    assert_ne!(before, after);
    assert_eq!(pair.guest.wait_up(Lane::Data).await, after);
}

#[tokio::test]
async fn vsock_bridge_retries_until_ok_and_leaves_the_lane_its_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vsock.sock");
    let listener = tokio::net::UnixListener::bind(&path).unwrap();
    let device = tokio::spawn(async move {
        // Nobody listens in the guest: the device hangs up.
        let (mut first, _) = listener.accept().await.unwrap();
        let mut line = [0; 13];
        first.read_exact(&mut line).await.unwrap();
        assert_eq!(&line, b"CONNECT 5102\n");
        drop(first);
        let (mut second, _) = listener.accept().await.unwrap();
        second.read_exact(&mut line).await.unwrap();
        second.write_all(b"OK 1024\nbytes").await.unwrap();
    });
    let mut stream = link::vsock_bridge(path, Lane::Data).connect().await.unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.unwrap();
    assert_eq!(bytes, b"bytes");
    device.await.unwrap();
}

#[tokio::test]
async fn wait_up_on_a_lane_without_a_peer_waits() {
    let (host, _at_host) = Link::new(Side::Host, 1, vec![(Lane::Data, Box::new(Never))]);
    assert!(
        tokio::time::timeout(Duration::from_millis(20), host.wait_up(Lane::Data))
            .await
            .is_err()
    );
}
