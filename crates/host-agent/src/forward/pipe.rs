//! Bytes between a socket of the host and a stream to the guest, both ways at once.
//!
//! A connection at rest has no buffer. Bytes are read into space on the stack, and only when the other side can take
//! some; the rest that it did not take is kept until it can.

use std::{
    future::poll_fn,
    io,
    mem::MaybeUninit,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes at once: fewer than a frame of the link holds, so that a stream takes them whole.
const PIECE_BYTES: usize = 16 * 1024;

/// Copies until both directions have ended. The end of one is passed on as an end, and the other goes on.
///
/// Fails when either side broke off; then the other one is to be broken off as well. What the guest sent before it broke
/// off is delivered first. Fails with [`io::ErrorKind::TimedOut`] when one of [`link::Stalls`] gave a write up.
pub async fn carry<S, G>(socket: &mut S, guest: &mut G) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
    G: AsyncRead + AsyncWrite + Unpin,
{
    let (mut up, mut down) = (Direction::default(), Direction::default());
    let mut broken = None;
    poll_fn(|cx| {
        if broken.is_none() {
            match up.poll(cx, socket, guest) {
                Poll::Ready(Err(Broken::Reader(error))) => return Poll::Ready(Err(error)),
                // It was given up from here: the guest may say more for as long as it likes.
                Poll::Ready(Err(Broken::Writer(error))) if error.kind() == io::ErrorKind::TimedOut => {
                    return Poll::Ready(Err(error));
                }
                Poll::Ready(Err(Broken::Writer(error))) => broken = Some(error),
                Poll::Ready(Ok(())) | Poll::Pending => {}
            }
        }
        match down.poll(cx, guest, socket) {
            Poll::Ready(Err(Broken::Reader(error) | Broken::Writer(error))) => Poll::Ready(Err(error)),
            Poll::Ready(Ok(())) => match broken.take() {
                Some(error) => Poll::Ready(Err(error)),
                None if up.step == Step::Done => Poll::Ready(Ok(())),
                None => Poll::Pending,
            },
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// Which side of a direction broke off.
enum Broken {
    Reader(io::Error),
    Writer(io::Error),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Step {
    #[default]
    Copying,
    Ending,
    Done,
}

/// One direction.
#[derive(Debug, Default)]
struct Direction {
    step: Step,
    /// What the writer did not take at once.
    rest: Vec<u8>,
    sent: usize,
}

impl Direction {
    fn poll<R, W>(&mut self, cx: &mut Context<'_>, reader: &mut R, writer: &mut W) -> Poll<Result<(), Broken>>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        loop {
            match self.step {
                Step::Copying => {
                    ready!(self.poll_rest(cx, writer)).map_err(Broken::Writer)?;
                    // What the writer holds goes first: to read on would only fill memory.
                    ready!(Pin::new(&mut *writer).poll_flush(cx)).map_err(Broken::Writer)?;
                    let mut space = [MaybeUninit::uninit(); PIECE_BYTES];
                    let mut piece = ReadBuf::uninit(&mut space);
                    ready!(Pin::new(&mut *reader).poll_read(cx, &mut piece)).map_err(Broken::Reader)?;
                    let bytes = piece.filled();
                    if bytes.is_empty() {
                        self.step = Step::Ending;
                        continue;
                    }
                    let taken = match Pin::new(&mut *writer).poll_write(cx, bytes) {
                        Poll::Ready(taken) => taken.map_err(Broken::Writer)?,
                        Poll::Pending => 0,
                    };
                    self.rest.extend_from_slice(&bytes[taken..]);
                }
                Step::Ending => {
                    ready!(Pin::new(&mut *writer).poll_shutdown(cx)).map_err(Broken::Writer)?;
                    self.step = Step::Done;
                }
                Step::Done => return Poll::Ready(Ok(())),
            }
        }
    }

    fn poll_rest<W: AsyncWrite + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        writer: &mut W,
    ) -> Poll<io::Result<()>> {
        while self.sent < self.rest.len() {
            let count = ready!(Pin::new(&mut *writer).poll_write(cx, &self.rest[self.sent..]))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.sent += count;
        }
        if self.sent > 0 {
            (self.rest, self.sent) = (Vec::new(), 0);
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _, duplex},
        time::timeout,
    };

    use super::*;

    const LIMIT: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn carry_passes_ends_on_one_by_one() {
        let (mut client, mut socket) = duplex(64);
        let (mut guest, mut server) = duplex(64);
        let carrying = tokio::spawn(async move { carry(&mut socket, &mut guest).await });
        client.write_all(b"question").await.unwrap();
        client.shutdown().await.unwrap();
        let mut asked = String::new();
        timeout(LIMIT, server.read_to_string(&mut asked))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(asked, "question");
        server.write_all(b"answer").await.unwrap();
        server.shutdown().await.unwrap();
        let mut answered = String::new();
        timeout(LIMIT, client.read_to_string(&mut answered))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(answered, "answer");
        timeout(LIMIT, carrying).await.unwrap().unwrap().unwrap();
    }

    #[tokio::test]
    async fn carry_reads_no_more_than_the_other_side_takes() {
        let (mut client, mut socket) = duplex(1 << 20);
        let (mut guest, mut server) = duplex(1000);
        tokio::spawn(async move { carry(&mut socket, &mut guest).await });
        let sent: Vec<u8> = (0..1_500_000u32).map(|number| number as u8).collect();
        let writing = tokio::spawn({
            let sent = sent.clone();
            async move {
                client.write_all(&sent).await.unwrap();
                client.shutdown().await.unwrap();
                client
            }
        });
        // More than what lies between: the writer cannot be done before somebody reads.
        tokio::task::yield_now().await;
        assert!(!writing.is_finished());
        let mut came = Vec::new();
        timeout(LIMIT, server.read_to_end(&mut came))
            .await
            .unwrap()
            .unwrap();
        assert!(came == sent);
    }

    #[tokio::test(start_paused = true)]
    async fn carry_whose_write_is_given_up_ends_whatever_the_other_side_does() {
        const AFTER: Duration = Duration::from_secs(10);
        for client_writes in [true, false] {
            let stalls = link::Stalls::new(1, AFTER);
            let stuck = || {
                let (mut client, socket) = duplex(64);
                let (guest, mut server) = duplex(64);
                let (mut socket, mut guest) = (stalls.watch(socket), stalls.watch(guest));
                let carrying = tokio::spawn(async move { carry(&mut socket, &mut guest).await });
                let writing = tokio::spawn(async move {
                    let writer = if client_writes { &mut client } else { &mut server };
                    let ended = writer.write_all(&[7; 1 << 20]).await;
                    (client, server, ended)
                });
                (carrying, writing)
            };
            let (first, first_writing) = stuck();
            tokio::time::sleep(AFTER * 2).await;
            assert_eq!(stalls.count(), 1);
            assert!(!first.is_finished());
            let (second, _second_writing) = stuck();
            let error = timeout(LIMIT, first).await.unwrap().unwrap().unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::TimedOut);
            let (_, _, ended) = timeout(LIMIT, first_writing).await.unwrap().unwrap();
            ended.unwrap_err();
            assert!(!second.is_finished());
        }
    }

    #[tokio::test]
    async fn carry_of_a_side_that_broke_off_fails() {
        struct Reset;
        impl AsyncRead for Reset {
            fn poll_read(
                self: Pin<&mut Self>,
                _: &mut Context<'_>,
                _: &mut ReadBuf<'_>,
            ) -> Poll<io::Result<()>> {
                Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()))
            }
        }
        impl AsyncWrite for Reset {
            fn poll_write(
                self: Pin<&mut Self>,
                _: &mut Context<'_>,
                bytes: &[u8],
            ) -> Poll<io::Result<usize>> {
                Poll::Ready(Ok(bytes.len()))
            }
            fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready(Ok(()))
            }
            fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready(Ok(()))
            }
        }
        let (_client, mut socket) = duplex(64);
        let error = timeout(LIMIT, carry(&mut socket, &mut Reset))
            .await
            .unwrap()
            .unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
        let error = timeout(LIMIT, carry(&mut Reset, &mut socket))
            .await
            .unwrap()
            .unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    }
}
