//! One request and its answer.
//!
//! ```text
//!   client ── rest of the request's body ──► engine ┐ side by side: the engine may answer before it has read
//!   client ◄── interim heads, head, body ─── engine ┘ everything, and the client may go while it waits
//! ```

use std::{
    io,
    sync::atomic::{AtomicBool, Ordering},
};

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

use super::{
    asked::Asked,
    inlet::{Inlet, NoHead},
    pump::{PumpError, pump},
    witness::Witness,
};
use crate::{
    guard::{Attachment, ClosedBy},
    http::{BodyScanner, Framing},
};

/// One side of a connection in two halves.
#[derive(Debug)]
pub(super) struct Side<R, W> {
    pub(super) inlet: Inlet<R>,
    pub(super) writer: W,
}

/// What came of an exchange.
#[derive(Debug)]
pub(super) enum Exchanged {
    /// The answer went to the client whole.
    Answered {
        /// Whether both sides take another request.
        goes_on: bool,
    },
    /// From here on both directions are raw. The attachment, if it is one to a container or an exec.
    Raw(Option<Attachment>),
}

/// Why an exchange broke.
#[derive(Debug)]
pub(super) enum Broke {
    /// The client is gone, or cannot be written to.
    Client,
    /// The client sent what is no request.
    BadRequest(String),
    /// The engine ended or broke the connection. Nothing of an answer went to the client; `unheard`: it may never have
    /// seen the request.
    NoAnswer { unheard: bool, error: io::Error },
    /// The engine sent what is no answer, before anything went to the client.
    BadAnswer(String),
    /// An answer broke off. The client has to see that it did.
    Cut,
}

/// Passes one request to the engine, and its answer back.
pub(super) async fn exchange<CR, CW, ER, EW>(
    asked: &Asked,
    witness: &Witness<'_>,
    client: &mut Side<CR, CW>,
    engine: &mut Side<ER, EW>,
) -> Result<Exchanged, Broke>
where
    CR: AsyncRead + Unpin,
    CW: AsyncWrite + Unpin,
    ER: AsyncRead + Unpin,
    EW: AsyncWrite + Unpin,
{
    let mut lead = BytesMut::from(asked.encode().as_slice());
    let mut body = BodyScanner::new(asked.rest());
    let sent = AtomicBool::new(false);
    let received = {
        let sending = send(&mut lead, &mut client.inlet, &mut engine.writer, &mut body, &sent);
        let mut receiving = std::pin::pin!(receive(asked, witness, &mut engine.inlet, &mut client.writer));
        tokio::select! {
            biased;
            received = &mut receiving => received,
            broke = sending => match broke {
                // The engine may have answered early and closed; its answer counts.
                SendBroke::Engine => receiving.await,
                SendBroke::Client(broke) => Err(broke),
            },
        }
    };
    match received? {
        Received::Raw(attachment) => {
            client.inlet.put_back(lead);
            Ok(Exchanged::Raw(attachment))
        }
        Received::Whole { keeps } => Ok(Exchanged::Answered {
            goes_on: keeps && asked.head.keeps_alive() && sent.load(Ordering::Relaxed),
        }),
    }
}

enum SendBroke {
    Engine,
    Client(Broke),
}

/// Passes the request on, then the end of the client's direction if it comes. Returns only when it breaks.
async fn send<R: AsyncRead + Unpin, W: AsyncWrite + Unpin>(
    lead: &mut BytesMut,
    client: &mut Inlet<R>,
    engine: &mut W,
    body: &mut BodyScanner,
    sent: &AtomicBool,
) -> SendBroke {
    match pump(lead, client, engine, body, &mut ()).await {
        Ok(()) => sent.store(true, Ordering::Relaxed),
        Err(PumpError::Write(_)) => return SendBroke::Engine,
        Err(PumpError::Read) => return SendBroke::Client(Broke::Client),
        Err(PumpError::Bad(error)) => return SendBroke::Client(Broke::BadRequest(error.to_string())),
    }
    match client.end().await {
        // A client that goes cancels what it asked for: the engine sees the same end.
        Ok(()) => match engine.shutdown().await {
            Ok(()) => std::future::pending().await,
            Err(_) => SendBroke::Engine,
        },
        Err(_) => SendBroke::Client(Broke::Client),
    }
}

enum Received {
    Whole { keeps: bool },
    Raw(Option<Attachment>),
}

async fn receive<R: AsyncRead + Unpin, W: AsyncWrite + Unpin>(
    asked: &Asked,
    witness: &Witness<'_>,
    engine: &mut Inlet<R>,
    client: &mut W,
) -> Result<Received, Broke> {
    let mut answered = false;
    let head = loop {
        let head = match engine.response_head().await {
            Ok(head) => head,
            Err(_) if answered => return Err(Broke::Cut),
            Err(NoHead::End) => {
                return Err(Broke::NoAnswer {
                    unheard: true,
                    error: io::ErrorKind::UnexpectedEof.into(),
                });
            }
            Err(NoHead::Broken(error)) => {
                return Err(Broke::NoAnswer {
                    unheard: engine.buffer.is_empty(),
                    error,
                });
            }
            Err(NoHead::Bad(error)) => return Err(Broke::BadAnswer(error.to_string())),
        };
        if !head.is_interim() {
            break head;
        }
        write(client, &head.encode()).await?;
        answered = true;
    };
    let framing = head.framing(&asked.head.method);
    if head.status == 101 || (asked.call.may_hijack() && head.status == 200 && framing == Framing::UntilClose)
    {
        let attachment = witness.attached();
        if let Err(broke) = write(client, &head.encode()).await {
            if let Some(attachment) = attachment {
                attachment.closed(ClosedBy::Client);
            }
            return Err(broke);
        }
        return Ok(Received::Raw(attachment));
    }
    let mut lead = BytesMut::from(head.encode().as_slice());
    let mut body = BodyScanner::new(framing);
    let mut listening = witness.listen(head.status);
    match pump(&mut lead, engine, client, &mut body, &mut listening).await {
        Ok(()) => Ok(Received::Whole {
            keeps: head.keeps_alive() && framing != Framing::UntilClose,
        }),
        Err(PumpError::Write(_)) => Err(Broke::Client),
        Err(PumpError::Read | PumpError::Bad(_)) => Err(Broke::Cut),
    }
}

async fn write(client: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> Result<(), Broke> {
    client.write_all(bytes).await.map_err(|_| Broke::Client)?;
    client.flush().await.map_err(|_| Broke::Client)
}
