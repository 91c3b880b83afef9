//! Prints what a lane over a Unix socket pair carries: bulk throughput, round trips, and round trips beside bulk.
#![expect(clippy::print_stdout, reason = "its output is its purpose")]

use std::time::{Duration, Instant};

use link::{Carrier, Lane, Link, RawStream, Side, Stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

const BULK_BYTES: usize = 1 << 30;
const PINGS: usize = 5_000;
const SINK: u16 = 1;
const ECHO: u16 = 2;

struct Once(Option<UnixStream>);

#[async_trait::async_trait]
impl Carrier for Once {
    async fn connect(&mut self) -> std::io::Result<RawStream> {
        match self.0.take() {
            Some(stream) => Ok(Box::new(stream)),
            None => std::future::pending().await,
        }
    }
}

async fn serve(port: u16, stream: Stream) -> std::io::Result<()> {
    let (mut read, mut write) = tokio::io::split(stream);
    if port == ECHO {
        tokio::io::copy(&mut read, &mut write).await?;
    } else {
        let mut buffer = vec![0; 256 * 1024];
        while read.read(&mut buffer).await? > 0 {}
    }
    write.shutdown().await
}

async fn bulk(link: &Link) -> std::io::Result<Duration> {
    let mut stream = link.dial(Lane::Data, SINK).await.map_err(std::io::Error::other)?;
    let begin = Instant::now();
    let piece = vec![7; 256 * 1024];
    for _ in 0..BULK_BYTES / piece.len() {
        stream.write_all(&piece).await?;
    }
    stream.shutdown().await?;
    stream.read_to_end(&mut Vec::new()).await?;
    Ok(begin.elapsed())
}

async fn pings(link: &Link, count: usize) -> std::io::Result<Vec<Duration>> {
    let mut stream = link.dial(Lane::Data, ECHO).await.map_err(std::io::Error::other)?;
    let mut times = Vec::new();
    for _ in 0..count {
        let begin = Instant::now();
        stream.write_all(&[1; 64]).await?;
        stream.flush().await?;
        stream.read_exact(&mut [0; 64]).await?;
        times.push(begin.elapsed());
    }
    times.sort();
    Ok(times)
}

fn line(what: &str, times: &[Duration]) {
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    println!(
        "{what}: median {:?}, p99 {:?}, worst {:?}",
        at(0.5),
        at(0.99),
        at(1.0)
    );
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let (ours, theirs) = UnixStream::pair()?;
    let (host, _at_host) = Link::new(Side::Host, 1, vec![(Lane::Data, Box::new(Once(Some(ours))))]);
    let (guest, mut at_guest) = Link::new(Side::Guest, 1, vec![(Lane::Data, Box::new(Once(Some(theirs))))]);
    tokio::spawn(async move {
        while let Some(arrival) = at_guest.next().await {
            tokio::spawn(serve(arrival.port, arrival.stream));
        }
    });
    host.wait_up(Lane::Data).await;
    guest.wait_up(Lane::Data).await;
    let took = bulk(&host).await?;
    println!(
        "one stream: {:.0} MB/s",
        BULK_BYTES as f64 / 1e6 / took.as_secs_f64()
    );
    line("64-byte round trip, idle lane", &pings(&host, PINGS).await?);
    let beside = host.clone();
    let bulk_task = tokio::spawn(async move { bulk(&beside).await });
    let mut times = Vec::new();
    while !bulk_task.is_finished() {
        times.extend(pings(&host, 20).await?);
    }
    times.sort();
    line("64-byte round trip beside one bulk stream", &times);
    Ok(())
}
