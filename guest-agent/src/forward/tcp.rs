//! A byte stream and a TCP connection, joined: bytes, the end of each direction, and resets.
//!
//! ```text
//!   both open ── one direction's end ──► half open ── the other's ──► both ended: close in order
//!       └──────────────┬────────────────────┘
//!                      └── any error, an abort, a reset ──► both aborted: RST on the one, abort on the other
//! ```

use std::{
    future::poll_fn,
    io,
    mem::MaybeUninit,
    pin::{Pin, pin},
    task::Poll,
    time::Duration,
};

use link::Stalls;
use rustix::net::sockopt::set_socket_linger;
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt, Interest, ReadBuf, Ready},
    net::{TcpStream, tcp::ReadHalf},
};

/// Bytes at once in each direction. A reader that is slow stops the writer: nothing else holds bytes back.
const PIECE_BYTES: usize = 16 * 1024;

/// Joins them until both directions have ended. After an error the connection is reset; the stream is the caller's to
/// abort. Writes that make no progress are counted by `stalls`, which may give one up: that is an error too.
pub async fn join(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    first: &[u8],
    mut server: TcpStream,
    stalls: &Stalls,
) -> io::Result<()> {
    reset_when_dropped(&server)?;
    let (from_host, to_host) = tokio::io::split(stream);
    let (from_server, to_server) = server.split();
    let (to_host, mut to_server) = (stalls.watch(to_host), stalls.watch(to_server));
    to_server.write_all(first).await?;
    {
        let mut up = pin!(copy(from_host, to_server));
        let mut down = pin!(copy(from_server, to_host));
        tokio::select! {
            ended = &mut up => {
                ended?;
                down.await?;
            }
            ended = &mut down => {
                // Nothing more is read from the server, so that a reset would go unnoticed.
                let from_server = ended?;
                tokio::select! {
                    ended = &mut up => drop(ended?),
                    error = reset(&from_server) => return Err(error),
                }
            }
        }
    }
    close_in_order(&server);
    Ok(())
}

/// From now on dropping the connection resets it, at once and whatever was not sent.
pub fn reset_when_dropped(connection: &TcpStream) -> io::Result<()> {
    Ok(set_socket_linger(connection, Some(Duration::ZERO))?)
}

/// Takes [`reset_when_dropped`] back: what was sent still arrives.
pub fn close_in_order(connection: &TcpStream) {
    // It succeeded with a time a moment ago.
    let _ = set_socket_linger(connection, None);
}

/// Copies until the clean end and passes that on.
async fn copy<R: AsyncRead + Unpin>(mut from: R, mut to: impl AsyncWrite + Unpin) -> io::Result<R> {
    let mut piece = Vec::new();
    loop {
        read_piece(&mut from, &mut piece).await?;
        if piece.is_empty() {
            to.shutdown().await?;
            return Ok(from);
        }
        to.write_all(&piece).await?;
        to.flush().await?;
    }
}

/// Reads what is there into `piece`; nothing at the end. While nothing is there, no memory is held: of thousands of
/// connections most are at rest.
async fn read_piece(from: &mut (impl AsyncRead + Unpin), piece: &mut Vec<u8>) -> io::Result<()> {
    poll_fn(|cx| {
        let mut space = [MaybeUninit::uninit(); PIECE_BYTES];
        let mut read = ReadBuf::uninit(&mut space);
        match Pin::new(&mut *from).poll_read(cx, &mut read) {
            Poll::Ready(result) => {
                piece.clear();
                piece.extend_from_slice(read.filled());
                Poll::Ready(result)
            }
            Poll::Pending => {
                *piece = Vec::new();
                Poll::Pending
            }
        }
    })
    .await
}

/// Resolves when the connection was reset.
async fn reset(server: &ReadHalf<'_>) -> io::Error {
    let ready = server.ready(Interest::ERROR).await.unwrap_or(Ready::ERROR);
    debug_assert!(ready.is_error(), "{ready:?}");
    io::ErrorKind::ConnectionReset.into()
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt as _, DuplexStream},
        net::TcpListener,
        task::JoinHandle,
    };

    use super::*;

    /// The host's end, the server's end, and what comes of the join.
    async fn joined() -> (DuplexStream, TcpStream, JoinHandle<io::Result<()>>) {
        joined_with(&Stalls::default()).await
    }

    async fn joined_with(stalls: &Stalls) -> (DuplexStream, TcpStream, JoinHandle<io::Result<()>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let ours = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        let (host, mut stream) = tokio::io::duplex(1024);
        let stalls = stalls.clone();
        let task = tokio::spawn(async move { join(&mut stream, b"first ", ours, &stalls).await });
        (host, server, task)
    }

    async fn all_of(from: &mut (impl AsyncRead + Unpin)) -> String {
        let mut text = String::new();
        from.read_to_string(&mut text).await.unwrap();
        text
    }

    #[tokio::test]
    async fn join_ends_each_direction_by_itself_host_first() {
        let (mut host, mut server, task) = joined().await;
        host.write_all(b"question").await.unwrap();
        host.shutdown().await.unwrap();
        assert_eq!(all_of(&mut server).await, "first question");
        server.write_all(b"answer").await.unwrap();
        server.shutdown().await.unwrap();
        assert_eq!(all_of(&mut host).await, "answer");
        task.await.unwrap().unwrap();
        // No reset: a second end.
        assert_eq!(server.read(&mut [0; 8]).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn join_ends_each_direction_by_itself_server_first() {
        let (mut host, mut server, task) = joined().await;
        server.write_all(b"greeting").await.unwrap();
        server.shutdown().await.unwrap();
        assert_eq!(all_of(&mut host).await, "greeting");
        host.write_all(b"late").await.unwrap();
        host.shutdown().await.unwrap();
        assert_eq!(all_of(&mut server).await, "first late");
        task.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn join_reset_by_the_server_is_an_error() {
        let (mut host, server, task) = joined().await;
        host.write_all(b"unread").await.unwrap();
        server.set_zero_linger().unwrap();
        drop(server);
        let error = task.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    }

    #[tokio::test]
    async fn join_reset_after_the_servers_end_is_an_error() {
        let (mut host, mut server, task) = joined().await;
        server.shutdown().await.unwrap();
        assert_eq!(all_of(&mut host).await, "");
        server.set_zero_linger().unwrap();
        drop(server);
        let error = task.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    }

    #[tokio::test]
    async fn join_aborted_stream_resets_the_connection() {
        let (_host, mut server, task) = joined().await;
        let mut first = [0; 6];
        server.read_exact(&mut first).await.unwrap();
        // What a task that is dropped leaves behind is the same as after an error of the stream.
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
        let error = server.read(&mut [0; 8]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    }

    #[tokio::test]
    async fn join_error_of_the_stream_resets_the_connection() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let ours = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (mut server, _) = listener.accept().await.unwrap();
        let host = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(host.local_addr().unwrap()).await.unwrap();
        let (mut stream, _) = host.accept().await.unwrap();
        let task = tokio::spawn(async move { join(&mut stream, b"", ours, &Stalls::default()).await });
        client.write_all(b"x").await.unwrap();
        server.read_exact(&mut [0]).await.unwrap();
        client.set_zero_linger().unwrap();
        drop(client);
        task.await.unwrap().unwrap_err();
        let error = server.read(&mut [0; 8]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    }

    #[tokio::test]
    async fn join_whose_peer_reads_nothing_is_an_error_when_too_many_do() {
        const LIMIT: Duration = Duration::from_secs(60);
        for host_writes in [true, false] {
            let stalls = Stalls::new(1, Duration::from_millis(1));
            let mut ends = Vec::new();
            for _ in 0..2 {
                let (mut host, mut server, task) = joined_with(&stalls).await;
                ends.push(task);
                tokio::spawn(async move {
                    let piece = [7; 1 << 16];
                    // Both are kept, and one of them reads nothing.
                    while if host_writes {
                        host.write_all(&piece).await.is_ok()
                    } else {
                        server.write_all(&piece).await.is_ok()
                    } {}
                });
            }
            let [first, second] = &mut ends[..] else {
                unreachable!()
            };
            let ended = tokio::time::timeout(LIMIT, async {
                tokio::select! {
                    ended = first => ended,
                    ended = second => ended,
                }
            });
            let error = ended.await.unwrap().unwrap().unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::TimedOut, "{host_writes}");
            assert_eq!(ends.iter().filter(|task| !task.is_finished()).count(), 1);
        }
    }

    #[tokio::test]
    async fn join_slow_reader_stops_the_writer_and_all_bytes_arrive() {
        const LENGTH: usize = 8 << 20;
        let (mut host, mut server, task) = joined().await;
        let writer = tokio::spawn(async move {
            let block: Vec<u8> = (0..=u8::MAX).collect();
            for _ in 0..LENGTH / block.len() {
                server.write_all(&block).await.unwrap();
            }
            server.shutdown().await.unwrap();
            server
        });
        let mut got = Vec::new();
        host.read_to_end(&mut got).await.unwrap();
        assert_eq!(got.len(), LENGTH);
        assert!(
            got.iter()
                .enumerate()
                .all(|(at, byte)| *byte == u8::try_from(at % 256).unwrap())
        );
        host.shutdown().await.unwrap();
        let mut server = writer.await.unwrap();
        assert_eq!(all_of(&mut server).await, "first ");
        task.await.unwrap().unwrap();
    }
}
