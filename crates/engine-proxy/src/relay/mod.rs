//! One client's connection: requests one after another, each passed to the engine, until one of them makes it raw.
//!
//! The engine's connection belongs to the client's: opened for the first request, kept for the next, closed when idle.
//! Nothing is asked twice, except a `GET` or `HEAD` that found a connection which the engine had just closed.

mod answer;
mod asked;
mod exchange;
mod inlet;
mod pump;
mod tunnel;
mod whole_body;
mod witness;

#[cfg(test)]
mod tests;

use std::{sync::Arc, task::Poll, time::Duration};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::Semaphore;
use tracing::debug;

use self::{
    answer::{After, answer, drain},
    asked::{Asked, Declined},
    exchange::{Broke, Exchanged, Side, exchange},
    inlet::{Inlet, NoHead},
    witness::Witness,
};
use crate::{
    Io, Upstream,
    guard::{Attachment, Client},
    http::{HeadError, RequestHead},
    rewrite::Rewrite,
};

/// How long the engine's connection is kept for the next request.
const IDLE_LIMIT: Duration = Duration::from_secs(5);

/// A client's connection whose end can be told from the end of its input.
pub(crate) trait ClientStream: Io {
    /// Resolves when the client has closed both directions or died, whoever reads and writes the stream meanwhile.
    fn gone(&self) -> impl Future<Output = ()> + Send + 'static;
}

type Half<S> = Side<ReadHalf<S>, WriteHalf<S>>;
type EngineSide = Half<Box<dyn Io>>;

fn side<S: Io>(stream: S) -> Half<S> {
    let (reader, writer) = tokio::io::split(stream);
    Side {
        inlet: Inlet::new(reader),
        writer,
    }
}

/// What the requests of a connection have in common.
pub(crate) struct Relay {
    pub(crate) upstream: Arc<dyn Upstream>,
    /// Places for connections to the engine that nobody uses just now, of all clients together.
    pub(crate) idle: Arc<Semaphore>,
    pub(crate) rewrite: Arc<dyn Rewrite>,
    pub(crate) guard: Client,
}

/// What follows a request.
enum Next {
    Request,
    Close,
    Raw(EngineSide, Option<Attachment>),
}

impl Relay {
    /// Serves one client until it or the engine ends the connection.
    pub(crate) async fn serve<S: ClientStream>(&self, stream: S) {
        let mut client = side(stream);
        let mut engine = None;
        loop {
            let request = match self.next_request(&mut client, &mut engine).await {
                Ok(request) => request,
                Err(NoHead::End | NoHead::Broken(_)) => return,
                Err(NoHead::Bad(error)) => {
                    let status = if error == HeadError::TooLong { 431 } else { 400 };
                    return refuse(&mut client, status, &error.to_string()).await;
                }
            };
            let next = match Asked::take_in(request, &mut client, &*self.rewrite, &*self.upstream).await {
                Ok(asked) => self.request(&asked, &mut client, &mut engine).await,
                Err(declined) => decline(declined, &mut client).await,
            };
            match next {
                Next::Request => {}
                Next::Close => return,
                Next::Raw(engine, attachment) => return raw(client, engine, attachment).await,
            }
        }
    }

    /// Waits for the next request. An engine's connection that nobody used for a while is closed meanwhile.
    async fn next_request<S: Io>(
        &self,
        client: &mut Half<S>,
        engine: &mut Option<EngineSide>,
    ) -> Result<RequestHead, NoHead> {
        client.inlet.rest();
        // There are fewer streams to the engine than there may be clients that asked once and stay.
        let place = self.idle.try_acquire();
        if place.is_err() {
            *engine = None;
        }
        if engine.is_some() {
            match tokio::time::timeout(IDLE_LIMIT, client.inlet.request_head()).await {
                Ok(head) => return head,
                Err(_) => *engine = None,
            }
        }
        drop(place);
        client.inlet.request_head().await
    }

    async fn request<S: Io>(
        &self,
        asked: &Asked,
        client: &mut Half<S>,
        kept: &mut Option<EngineSide>,
    ) -> Next {
        let witness = Witness::new(&self.guard, asked);
        if let Some(mut engine) = kept.take()
            && is_open(&mut engine.inlet).await
        {
            match exchange(asked, &witness, client, &mut engine).await {
                Err(Broke::NoAnswer { unheard: true, .. }) if asked.may_repeat() => {}
                exchanged => return after(exchanged, client, engine, kept).await,
            }
        }
        match self.upstream.open().await {
            Ok(stream) => {
                let mut engine = side(stream);
                let exchanged = exchange(asked, &witness, client, &mut engine).await;
                after(exchanged, client, engine, kept).await
            }
            Err(unavailable) => {
                refuse(client, 503, &unavailable.0).await;
                Next::Close
            }
        }
    }
}

async fn after<S: Io>(
    exchanged: Result<Exchanged, Broke>,
    client: &mut Half<S>,
    engine: EngineSide,
    kept: &mut Option<EngineSide>,
) -> Next {
    match exchanged {
        Ok(Exchanged::Raw(attachment)) => return Next::Raw(engine, attachment),
        Ok(Exchanged::Answered { goes_on: true }) => {
            *kept = Some(engine);
            return Next::Request;
        }
        Ok(Exchanged::Answered { goes_on: false }) => {
            let _ = client.writer.shutdown().await;
            drain(&mut client.inlet).await;
        }
        Err(Broke::BadRequest(message)) => refuse(client, 400, &message).await,
        Err(Broke::NoAnswer { error, .. }) => {
            debug!(%error, "engine did not answer");
            let message =
                "the connection to the engine was lost before it answered; what was asked may have been done";
            refuse(client, 502, message).await;
        }
        Err(Broke::BadAnswer(message)) => {
            let message = format!("the engine's answer is malformed: {message}");
            refuse(client, 502, &message).await;
        }
        Err(broke @ (Broke::Client | Broke::Cut)) => debug!(?broke, "exchange ended early"),
    }
    Next::Close
}

async fn raw<S: ClientStream>(client: Half<S>, mut engine: EngineSide, attachment: Option<Attachment>) {
    let Side {
        inlet: Inlet { reader, buffer, .. },
        writer,
    } = client;
    let stream = reader.unsplit(writer);
    let gone = stream.gone();
    let mut client = side(stream);
    client.inlet.buffer = buffer;
    tunnel::tunnel(&mut client, &mut engine, attachment, gone).await;
}

async fn decline<S: Io>(declined: Declined, client: &mut Half<S>) -> Next {
    match declined {
        Declined::Client => Next::Close,
        Declined::Refused {
            status,
            message,
            goes_on: true,
        } => match answer(&mut client.writer, status, &message, After::Request).await {
            Ok(()) => Next::Request,
            Err(_) => Next::Close,
        },
        Declined::Refused { status, message, .. } => {
            refuse(client, status, &message).await;
            Next::Close
        }
    }
}

async fn refuse<S: Io>(client: &mut Half<S>, status: u16, message: &str) {
    if answer(&mut client.writer, status, message, After::End)
        .await
        .is_ok()
    {
        drain(&mut client.inlet).await;
    }
}

/// Whether a kept connection is still there: nothing can be read from it, not even its end.
async fn is_open<R: AsyncRead + Unpin>(inlet: &mut Inlet<R>) -> bool {
    let mut byte = [0; 1];
    let mut read = std::pin::pin!(inlet.reader.read(&mut byte));
    inlet.buffer.is_empty()
        && std::future::poll_fn(|context| Poll::Ready(read.as_mut().poll(context).is_pending())).await
}
