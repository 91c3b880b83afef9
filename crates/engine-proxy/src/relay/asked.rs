//! A request as it goes to the engine.

use tokio::io::{AsyncRead, AsyncWrite};

use super::{
    exchange::Side,
    whole_body::{NotWhole, WholeBody},
};
use crate::{
    Call, Upstream,
    http::{Framing, RequestHead},
    rewrite::{MAX_BODY_BYTES, Rewrite},
};

/// A request.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) head: RequestHead,
    pub(super) call: Call,
    /// Its body, if that was read whole. Otherwise the client still sends it.
    body: Option<WholeBody>,
}

/// Why a request does not go to the engine.
#[derive(Debug)]
pub(super) enum Declined {
    /// The client is gone.
    Client,
    /// It is answered so. `goes_on`: it was read to its end, and the client may ask another.
    Refused {
        status: u16,
        message: String,
        goes_on: bool,
    },
}

impl Asked {
    /// Takes in a request whose head was read. One body is what the guard reads, what is rewritten and what the engine
    /// gets.
    pub(super) async fn take_in<R, W>(
        head: RequestHead,
        client: &mut Side<R, W>,
        rewrite: &dyn Rewrite,
        upstream: &dyn Upstream,
    ) -> Result<Self, Declined>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        let call = Call::of(&head.method, &head.target);
        let wanted = rewrite.wants(&head.method, &head.target);
        if !wanted && !call.is_read() {
            let body = None;
            return Ok(Self { head, call, body });
        }
        let body = WholeBody::read(&head, client).await.map_err(declined)?;
        let mut asked = Self {
            head,
            call,
            body: None,
        };
        // It has been answered here.
        asked.head.forget_expectation();
        let changed = if wanted {
            upstream.ready().await.map_err(|unavailable| Declined::Refused {
                status: 503,
                message: unavailable.0,
                goes_on: false,
            })?;
            let changed = rewrite.rewrite(&asked.head.method, &asked.head.target, body.content());
            changed.map_err(|refusal| Declined::Refused {
                status: 400,
                message: refusal.message,
                goes_on: asked.head.keeps_alive(),
            })?
        } else {
            None
        };
        asked.body = Some(match changed {
            Some(content) => {
                asked.head.set_length(content.len());
                WholeBody::replaced(content)
            }
            None => body,
        });
        Ok(asked)
    }

    /// What the body says, if it was read whole.
    pub(super) fn content(&self) -> Option<&[u8]> {
        self.body.as_ref().map(WholeBody::content)
    }

    /// The head, and with it the body that was read whole.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = self.head.encode();
        if let Some(body) = &self.body {
            bytes.extend_from_slice(body.wire());
        }
        bytes
    }

    /// What the client still sends of it.
    pub(super) fn rest(&self) -> Framing {
        match self.body {
            Some(_) => Framing::None,
            None => self.head.framing,
        }
    }

    /// Whether asking again changes nothing.
    pub(super) fn may_repeat(&self) -> bool {
        matches!(self.head.method.as_str(), "GET" | "HEAD")
            && self.head.framing == Framing::None
            && self.head.header("upgrade").is_none()
    }
}

fn declined(not_whole: NotWhole) -> Declined {
    let (status, message) = match not_whole {
        NotWhole::Client => return Declined::Client,
        NotWhole::TooLong => (
            413,
            format!("the request's body is longer than {MAX_BODY_BYTES} bytes"),
        ),
        NotWhole::Bad(error) => (400, error.to_string()),
    };
    Declined::Refused {
        status,
        message,
        goes_on: false,
    }
}
