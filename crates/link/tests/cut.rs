//! A lane that is cut at every byte of an exchange, in all the ways a carrier can be cut: whatever is lost and whatever
//! stale comes first, open streams end in an abort, no wrong byte is delivered, and new streams work.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod pair;

use std::time::Duration;

use link::{Incoming, Lane, Link, RawStream, Side, Stream};
use pair::given;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::mpsc;

const PORT: u16 = 9;
const PIECES: usize = 4;
const PIECE_BYTES: usize = 90;
const LIMIT: Duration = Duration::from_secs(120);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Toward {
    Host,
    Guest,
}

/// Who gets a new connection when the lane is cut. The other one notices nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Replaced {
    Host,
    Guest,
    Both,
}

#[derive(Clone, Copy, Debug)]
struct Cut {
    toward: Toward,
    /// Bytes that get through in that direction. What follows in the same moment is lost.
    after_bytes: usize,
    replaced: Replaced,
}

fn pattern() -> Vec<u8> {
    (0..PIECES * PIECE_BYTES)
        .map(|at| (at * 37 + at / 7) as u8)
        .collect()
}

/// Sends the pattern in pieces, each answered, and stays open. Panics on a wrong byte or a clean end.
async fn talk(stream: Stream) {
    let pattern = pattern();
    let (mut read, mut write) = tokio::io::split(stream);
    let mut got = Vec::new();
    for piece in pattern.chunks(PIECE_BYTES) {
        if write.write_all(piece).await.is_err() || write.flush().await.is_err() {
            break;
        }
        let mut buffer = [0; PIECE_BYTES];
        let mut filled = 0;
        while filled < PIECE_BYTES {
            match read.read(&mut buffer[filled..]).await {
                Ok(0) => panic!("a clean end that nobody sent"),
                Ok(count) => filled += count,
                Err(error) => {
                    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
                    break;
                }
            }
        }
        got.extend_from_slice(&buffer[..filled]);
        assert!(pattern.starts_with(&got), "a wrong byte was delivered");
    }
    let mut rest = Vec::new();
    let end = read.read_to_end(&mut rest).await.map(|_| ());
    assert_eq!(end.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
    got.extend_from_slice(&rest);
    assert!(pattern.starts_with(&got), "a wrong byte was delivered");
}

struct Ends {
    to_host: mpsc::UnboundedSender<RawStream>,
    to_guest: mpsc::UnboundedSender<RawStream>,
}

fn new_end(to: &mpsc::UnboundedSender<RawStream>) -> DuplexStream {
    let (end, relayed) = duplex(64 * 1024);
    assert!(to.send(Box::new(end)).is_ok());
    relayed
}

/// Carries bytes between both ends and cuts once. Returns how many went each way, when both are idle for long.
async fn relay(ends: &Ends, mut cut: Option<Cut>, counted: &std::sync::Mutex<[usize; 2]>) {
    let (mut host, mut guest) = (new_end(&ends.to_host), new_end(&ends.to_guest));
    let (mut from_host, mut from_guest) = (vec![0; 4096], vec![0; 4096]);
    loop {
        let (toward, bytes) = tokio::select! {
            count = host.read(&mut from_host) => (Toward::Guest, &from_host[..count.unwrap_or(0)]),
            count = guest.read(&mut from_guest) => (Toward::Host, &from_guest[..count.unwrap_or(0)]),
        };
        let before = {
            let mut counted = counted.lock().unwrap();
            let before = counted[toward as usize];
            counted[toward as usize] += bytes.len();
            before
        };
        // An end that closed its connection gets another, as a carrier would give it.
        let closed = bytes.is_empty();
        let mut through = bytes;
        let mut replaced = match (closed, toward) {
            (false, _) => None,
            (true, Toward::Guest) => Some(Replaced::Host),
            (true, Toward::Host) => Some(Replaced::Guest),
        };
        if let Some(now) = cut
            && now.toward == toward
            && before + bytes.len() >= now.after_bytes
        {
            through = &bytes[..now.after_bytes - before.min(now.after_bytes)];
            replaced = Some(now.replaced);
            cut = None;
        }
        let onward = match toward {
            Toward::Host => &mut host,
            Toward::Guest => &mut guest,
        };
        let _ = onward.write_all(through).await;
        if let Some(replaced) = replaced {
            if replaced != Replaced::Guest {
                host = new_end(&ends.to_host);
            }
            if replaced != Replaced::Host {
                guest = new_end(&ends.to_guest);
            }
        }
    }
}

/// Tries until a stream carries a question and an answer.
async fn prove(host: &Link, arrivals: &mut mpsc::UnboundedReceiver<Stream>) {
    loop {
        host.wait_up(Lane::Data).await;
        let attempt = async {
            let mut ours = host.dial(Lane::Data, PORT + 1).await.ok()?;
            ours.write_all(b"are you there").await.ok()?;
            ours.shutdown().await.ok()?;
            let mut answer = Vec::new();
            ours.read_to_end(&mut answer).await.ok()?;
            assert_eq!(answer, b"are you there");
            Some(())
        };
        let serve = async {
            loop {
                let Some(mut theirs) = arrivals.recv().await else {
                    std::future::pending().await
                };
                let mut question = Vec::new();
                if theirs.read_to_end(&mut question).await.is_ok() {
                    let _ = theirs.write_all(&question).await;
                    let _ = theirs.shutdown().await;
                }
            }
        };
        let done = tokio::select! { done = attempt => done, () = serve => None };
        if done.is_some() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Runs one exchange with one cut; returns the bytes that went toward the host and the guest.
async fn exchange(cut: Option<Cut>) -> [usize; 2] {
    let (to_host, host_carrier) = given();
    let (to_guest, guest_carrier) = given();
    let (host, _at_host) = Link::new(Side::Host, 1, vec![(Lane::Data, host_carrier)]);
    let (guest, at_guest) = Link::new(Side::Guest, 1, vec![(Lane::Data, guest_carrier)]);
    let counted = std::sync::Arc::new(std::sync::Mutex::new([0; 2]));
    let relay_counted = std::sync::Arc::clone(&counted);
    let relaying = tokio::spawn(async move { relay(&Ends { to_host, to_guest }, cut, &relay_counted).await });
    let mut talks = tokio::task::JoinSet::new();
    let (proofs, mut to_prove) = mpsc::unbounded_channel();
    let accepting = tokio::spawn(accept(at_guest, proofs));
    if let Ok(stream) = dial_first(&host).await {
        talks.spawn(talk(stream));
    }
    if cut.is_none() {
        // Long enough for the whole exchange, short enough for no beat.
        tokio::time::sleep(Duration::from_millis(900)).await;
        let counted = *counted.lock().unwrap();
        relaying.abort();
        accepting.abort();
        return counted;
    }
    prove(&host, &mut to_prove).await;
    // Ends what a cut after the exchange's last byte left open.
    host.close();
    guest.close();
    while let Some(ended) = talks.join_next().await {
        ended.unwrap();
    }
    accepting.await.unwrap();
    relaying.abort();
    *counted.lock().unwrap()
}

async fn dial_first(host: &Link) -> Result<Stream, link::LinkError> {
    host.wait_up(Lane::Data).await;
    host.dial(Lane::Data, PORT).await
}

async fn accept(mut at_guest: Incoming, proofs: mpsc::UnboundedSender<Stream>) {
    let mut talks = tokio::task::JoinSet::new();
    while let Some(arrival) = at_guest.next().await {
        if arrival.port == PORT {
            talks.spawn(talk(arrival.stream));
        } else {
            let _ = proofs.send(arrival.stream);
        }
    }
    while let Some(ended) = talks.join_next().await {
        ended.unwrap();
    }
}

async fn cut_everywhere(replaced: Replaced) {
    let lengths = exchange(None).await;
    assert!(lengths.iter().all(|length| *length > 500), "{lengths:?}");
    for toward in [Toward::Host, Toward::Guest] {
        for after_bytes in 0..=lengths[toward as usize] {
            let cut = Cut {
                toward,
                after_bytes,
                replaced,
            };
            let done = tokio::time::timeout(LIMIT, tokio::spawn(exchange(Some(cut)))).await;
            assert!(matches!(done, Ok(Ok(_))), "{cut:?}: {done:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn cut_at_every_byte_host_replaced_guest_did_not_notice() {
    cut_everywhere(Replaced::Host).await;
}

#[tokio::test(start_paused = true)]
async fn cut_at_every_byte_guest_replaced_host_did_not_notice() {
    cut_everywhere(Replaced::Guest).await;
}

#[tokio::test(start_paused = true)]
async fn cut_at_every_byte_both_see_the_end() {
    cut_everywhere(Replaced::Both).await;
}
