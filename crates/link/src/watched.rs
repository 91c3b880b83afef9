//! A stream whose writes are counted when they make no progress.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep_until},
};

use crate::stalls::{Seat, Stalls};

/// A stream, or its writing half, that [`Stalls`] watches. One task writes at a time.
///
/// A write, flush or shutdown that is given up, so that others may wait, fails with [`io::ErrorKind::TimedOut`], and so
/// does every later one: the stream is to be broken off.
#[derive(Debug)]
pub struct Watched<S> {
    stream: S,
    stalls: Stalls,
    /// When the write that waits now began to.
    since: Option<Instant>,
    /// Made at the first wait and then kept: it may go off early, and never late.
    timer: Option<Pin<Box<Sleep>>>,
    seat: Option<Seat>,
    evicted: bool,
}

impl<S> Watched<S> {
    pub(crate) fn new(stalls: Stalls, stream: S) -> Self {
        Self {
            stream,
            stalls,
            since: None,
            timer: None,
            seat: None,
            evicted: false,
        }
    }

    /// Takes note of how a write went.
    fn note<T>(&mut self, cx: &mut Context<'_>, polled: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if polled.is_ready() {
            (self.since, self.seat) = (None, None);
            return polled;
        }
        ready!(self.poll_evicted(cx));
        self.evicted = true;
        self.seat = None;
        Poll::Ready(Err(given_up()))
    }

    /// Resolves when the write that waits is to be given up.
    fn poll_evicted(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let since = *self.since.get_or_insert_with(Instant::now);
        let seat = match &self.seat {
            Some(seat) => seat,
            None => {
                let timer = match &mut self.timer {
                    Some(timer) => timer,
                    none => none.insert(Box::pin(sleep_until(self.stalls.due(since)))),
                };
                loop {
                    ready!(timer.as_mut().poll(cx));
                    // It may have been set for an earlier write.
                    let due = self.stalls.due(since);
                    if due <= Instant::now() {
                        break;
                    }
                    timer.as_mut().reset(due);
                }
                self.seat.insert(self.stalls.enter(since, cx.waker()))
            }
        };
        seat.poll_evicted(cx)
    }

    fn usable(&self) -> io::Result<()> {
        if self.evicted { Err(given_up()) } else { Ok(()) }
    }
}

fn given_up() -> io::Error {
    io::Error::new(
        io::ErrorKind::TimedOut,
        "nothing was taken for too long, while too many connections stand still",
    )
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.usable()?;
        let polled = Pin::new(&mut this.stream).poll_write(cx, bytes);
        this.note(cx, polled)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.usable()?;
        let polled = Pin::new(&mut this.stream).poll_flush(cx);
        this.note(cx, polled)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.usable()?;
        let polled = Pin::new(&mut this.stream).poll_shutdown(cx);
        this.note(cx, polled)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex},
        task::JoinHandle,
        time::{advance, sleep},
    };

    use super::*;

    const AFTER: Duration = Duration::from_secs(10);

    /// A task that writes two bytes where one has room, and who is to read them.
    fn stalling(stalls: &Stalls) -> (DuplexStream, JoinHandle<io::Result<()>>) {
        let (ours, theirs) = duplex(1);
        let mut ours = stalls.watch(ours);
        (theirs, tokio::spawn(async move { ours.write_all(&[1, 2]).await }))
    }

    /// Lets the time pass, and everybody see it.
    async fn pass(time: Duration) {
        // What is due is done first: until nobody but us waits, the time stands.
        sleep(Duration::from_millis(1)).await;
        advance(time - Duration::from_millis(2)).await;
        sleep(Duration::from_millis(1)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn write_that_nobody_takes_is_stalled_after_its_time_until_somebody_does() {
        let stalls = Stalls::new(2, AFTER);
        let (mut reader, writing) = stalling(&stalls);
        pass(AFTER - Duration::from_secs(1)).await;
        assert_eq!(stalls.count(), 0);
        pass(Duration::from_secs(2)).await;
        assert_eq!(stalls.count(), 1);
        // However long: there is room for it.
        pass(AFTER * 100).await;
        assert!(!writing.is_finished());
        reader.read_exact(&mut [0; 2]).await.unwrap();
        writing.await.unwrap().unwrap();
        assert_eq!(stalls.count(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn write_that_is_taken_slowly_is_never_stalled() {
        let stalls = Stalls::new(1, AFTER);
        let (ours, mut reader) = duplex(1);
        let mut ours = stalls.watch(ours);
        let writing = tokio::spawn(async move { ours.write_all(&[0; 20]).await });
        for _ in 0..20 {
            pass(AFTER - Duration::from_secs(1)).await;
            assert_eq!(stalls.count(), 0);
            reader.read_exact(&mut [0]).await.unwrap();
        }
        writing.await.unwrap().unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn stall_beyond_the_most_evicts_the_longest() {
        let stalls = Stalls::new(2, AFTER);
        let (mut all, mut readers) = (Vec::new(), Vec::new());
        for _ in 0..3 {
            let (reader, writing) = stalling(&stalls);
            all.push(writing);
            readers.push(reader);
            pass(Duration::from_secs(4)).await;
        }
        // 12, 8 and 4 seconds.
        assert_eq!(stalls.count(), 1);
        pass(AFTER - Duration::from_secs(5)).await;
        assert_eq!(stalls.count(), 2);
        assert!(all.iter().all(|writing| !writing.is_finished()));
        pass(Duration::from_secs(2)).await;
        assert_eq!(stalls.count(), 2);
        let error = all.remove(0).await.unwrap().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(all.iter().all(|writing| !writing.is_finished()));
        for (reader, writing) in readers[1..].iter_mut().zip(all) {
            reader.read_exact(&mut [0; 2]).await.unwrap();
            writing.await.unwrap().unwrap();
        }
        assert_eq!(stalls.count(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn stalled_write_that_is_dropped_makes_room() {
        let stalls = Stalls::new(1, AFTER);
        let (_first, writing) = stalling(&stalls);
        pass(AFTER * 2).await;
        assert_eq!(stalls.count(), 1);
        writing.abort();
        assert!(writing.await.unwrap_err().is_cancelled());
        assert_eq!(stalls.count(), 0);
        let (_second, writing) = stalling(&stalls);
        pass(AFTER * 2).await;
        assert_eq!(stalls.count(), 1);
        assert!(!writing.is_finished());
    }

    #[tokio::test(start_paused = true)]
    async fn write_after_an_eviction_fails_at_once() {
        let stalls = Stalls::new(1, AFTER);
        let (ours, mut reader) = duplex(1);
        let mut ours = stalls.watch(ours);
        let first = tokio::spawn(async move {
            let ended = ours.write_all(&[1, 2]).await;
            (ours, ended)
        });
        pass(Duration::from_secs(1)).await;
        let (_second, _writing) = stalling(&stalls);
        let (mut ours, ended) = first.await.unwrap();
        assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::TimedOut);
        reader.read_exact(&mut [0]).await.unwrap();
        for ended in [
            ours.write_all(&[3]).await,
            ours.flush().await,
            ours.shutdown().await,
        ] {
            assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::TimedOut);
        }
        assert_eq!(stalls.count(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn stream_at_rest_is_never_stalled() {
        let stalls = Stalls::new(1, AFTER);
        let (ours, mut theirs) = duplex(64);
        let mut ours = stalls.watch(ours);
        ours.write_all(b"all of it is taken").await.unwrap();
        ours.flush().await.unwrap();
        let reading = tokio::spawn(async move { ours.read(&mut [0; 8]).await });
        pass(AFTER * 10).await;
        assert_eq!(stalls.count(), 0);
        theirs.write_all(b"word").await.unwrap();
        assert_eq!(reading.await.unwrap().unwrap(), 4);
    }

    #[tokio::test(start_paused = true)]
    async fn suspended_writes_have_their_time_afterwards() {
        let stalls = Stalls::new(1, AFTER);
        let (_reader, writing) = stalling(&stalls);
        pass(AFTER / 2).await;
        stalls.suspend(true);
        pass(AFTER * 5).await;
        assert_eq!(stalls.count(), 0);
        stalls.suspend(false);
        pass(AFTER - Duration::from_secs(1)).await;
        assert_eq!(stalls.count(), 0);
        // While it was suspended the timer was set anew, perhaps a moment ago.
        pass(AFTER).await;
        assert_eq!(stalls.count(), 1);
        assert!(!writing.is_finished());
    }
}
