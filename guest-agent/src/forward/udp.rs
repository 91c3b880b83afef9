//! A stream of datagrams and a UDP socket, joined.
//!
//! ```text
//!   ┌───────────────┬──────────┐
//!   │ length u16 BE │ datagram │   0 ..= MAX_DATAGRAM_BYTES bytes
//!   └───────────────┴──────────┘
//! ```

use std::io;

use protocol::MAX_DATAGRAM_BYTES;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader},
    net::UdpSocket,
};

const LENGTH_BYTES: usize = 2;
/// Small datagrams come many in one read.
const BUFFER_BYTES: usize = 8 * 1024;

/// Joins them until the host ends its direction. The socket is connected to its peer.
pub async fn join(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    first: Vec<u8>,
    peer: UdpSocket,
) -> io::Result<()> {
    let (from_host, mut to_host) = tokio::io::split(stream);
    let from_host = io::Cursor::new(first).chain(BufReader::with_capacity(BUFFER_BYTES, from_host));
    tokio::select! {
        ended = send(from_host, &peer) => ended?,
        failed = receive(&peer, &mut to_host) => return failed,
    }
    to_host.shutdown().await
}

/// Sends what the host gives, until its clean end.
async fn send(mut from_host: impl AsyncRead + Unpin, peer: &UdpSocket) -> io::Result<()> {
    let mut datagram = Vec::new();
    loop {
        let mut length = [0; LENGTH_BYTES];
        if from_host.read(&mut length[..1]).await? == 0 {
            return Ok(());
        }
        from_host.read_exact(&mut length[1..]).await?;
        let length = usize::from(u16::from_be_bytes(length));
        if length > MAX_DATAGRAM_BYTES {
            return Err(io::ErrorKind::InvalidData.into());
        }
        datagram.resize(length, 0);
        from_host.read_exact(&mut datagram).await?;
        // A datagram that cannot be sent is lost, as on any network: too long for the way, or nobody there yet.
        let _ = peer.send(&datagram).await;
    }
}

/// Gives the host what the peer sends. Returns only with an error.
async fn receive(peer: &UdpSocket, to_host: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
    let mut framed = vec![0; LENGTH_BYTES + MAX_DATAGRAM_BYTES];
    loop {
        // An error tells that nobody listens there: a server may come yet.
        let Ok(length) = peer.recv(&mut framed[LENGTH_BYTES..]).await else {
            continue;
        };
        let field = u16::try_from(length).map_err(|_| io::ErrorKind::InvalidData)?;
        framed[..LENGTH_BYTES].copy_from_slice(&field.to_be_bytes());
        to_host.write_all(&framed[..LENGTH_BYTES + length]).await?;
        to_host.flush().await?;
    }
}

#[cfg(test)]
mod tests {
    use tokio::{io::DuplexStream, task::JoinHandle};

    use super::*;
    use crate::forward::dial;

    async fn joined(first: &[u8]) -> (DuplexStream, UdpSocket, JoinHandle<io::Result<()>>) {
        let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let peer = dial::udp(server.local_addr().unwrap()).await.unwrap();
        let (host, mut stream) = tokio::io::duplex(200_000);
        let first = first.to_vec();
        let task = tokio::spawn(async move { join(&mut stream, first, peer).await });
        (host, server, task)
    }

    fn framed(datagram: &[u8]) -> Vec<u8> {
        let length = u16::try_from(datagram.len()).unwrap();
        [&length.to_be_bytes(), datagram].concat()
    }

    #[tokio::test]
    async fn join_passes_datagrams_of_every_size_both_ways() {
        // The head came with the first half of a datagram.
        let begun = framed(b"begun");
        let (mut host, server, task) = joined(&begun[..4]).await;
        host.write_all(&begun[4..]).await.unwrap();
        let mut got = vec![0; MAX_DATAGRAM_BYTES + 1];
        let (length, client) = server.recv_from(&mut got).await.unwrap();
        assert_eq!(&got[..length], b"begun");

        for size in [0, 1, 1472, 9000, MAX_DATAGRAM_BYTES] {
            let datagram: Vec<u8> = (0..size).map(|at| u8::try_from(at % 251).unwrap()).collect();
            host.write_all(&framed(&datagram)).await.unwrap();
            let (length, from) = server.recv_from(&mut got).await.unwrap();
            assert_eq!((length, from), (size, client));
            assert!(got[..length] == datagram, "{size}");

            server.send_to(&datagram, client).await.unwrap();
            let mut back = vec![0; LENGTH_BYTES + size];
            host.read_exact(&mut back).await.unwrap();
            assert!(back == framed(&datagram), "{size}");
        }
        host.shutdown().await.unwrap();
        task.await.unwrap().unwrap();
        assert_eq!(host.read(&mut got).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn join_goes_on_when_nobody_listens_yet() {
        let (mut host, server, task) = joined(b"").await;
        let address = server.local_addr().unwrap();
        drop(server);
        host.write_all(&framed(b"lost")).await.unwrap();
        let server = UdpSocket::bind(address).await.unwrap();
        let mut got = [0; 16];
        // The refusal of the first one, and the second one with it, may come late.
        let resend = async {
            loop {
                host.write_all(&framed(b"heard")).await.unwrap();
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        };
        tokio::select! {
            () = resend => {}
            received = server.recv(&mut got) => assert!(received.unwrap() > 0),
        }
        drop(host);
        task.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn join_length_beyond_the_limit_or_an_end_inside_a_datagram_is_an_error() {
        for bytes in [&[0xff, 0xff][..], &[0, 5, 1], &[0]] {
            let (mut host, _server, task) = joined(bytes).await;
            host.shutdown().await.unwrap();
            assert!(task.await.unwrap().is_err(), "{bytes:?}");
        }
    }
}
