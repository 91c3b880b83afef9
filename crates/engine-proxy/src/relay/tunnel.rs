//! Both directions raw: an attachment, an exec's streams, a session of BuildKit.
//!
//! Each direction ends by itself. A client that is gone, which a mere end of its input is not, ends both at once, so that
//! nothing keeps a container waiting for somebody to read its output.

use std::{io, time::Duration};

use tokio::io::{AsyncRead, AsyncWrite};

use super::{
    exchange::Side,
    pump::{PumpError, pump_raw},
};
use crate::guard::{Attachment, ClosedBy};

/// Ctrl+C on a terminal.
const INTERRUPT_KEY: u8 = 3;
/// How long a client may take to close after the engine has.
const LINGER: Duration = Duration::from_secs(5);

/// Joins both sides until one is gone or both have ended. `gone` resolves when the client is.
pub(super) async fn tunnel<CR, CW, ER, EW>(
    client: &mut Side<CR, CW>,
    engine: &mut Side<ER, EW>,
    attachment: Option<Attachment>,
    gone: impl Future<Output = ()>,
) where
    CR: AsyncRead + Unpin,
    CW: AsyncWrite + Unpin,
    ER: AsyncRead + Unpin,
    EW: AsyncWrite + Unpin,
{
    let closed = join(client, engine, attachment.as_ref(), gone).await;
    if let Some(attachment) = attachment {
        attachment.closed(closed);
    }
}

async fn join<CR, CW, ER, EW>(
    client: &mut Side<CR, CW>,
    engine: &mut Side<ER, EW>,
    attachment: Option<&Attachment>,
    gone: impl Future<Output = ()>,
) -> ClosedBy
where
    CR: AsyncRead + Unpin,
    CW: AsyncWrite + Unpin,
    ER: AsyncRead + Unpin,
    EW: AsyncWrite + Unpin,
{
    let look = |bytes: &[u8]| {
        if let Some(attachment) = attachment
            && bytes.contains(&INTERRUPT_KEY)
            && attachment.wants_input()
        {
            attachment.interrupt_typed();
        }
    };
    let mut input = std::pin::pin!(pump_raw(&mut client.inlet, &mut engine.writer, look));
    let mut output = std::pin::pin!(pump_raw(&mut engine.inlet, &mut client.writer, |_| ()));
    let mut gone = std::pin::pin!(gone);
    let mut input_open = true;
    loop {
        tokio::select! {
            biased;
            ended = &mut output => {
                let closed = by_output(ended);
                if input_open && closed == ClosedBy::Engine {
                    // To be closed on while it writes would be an error to the client instead of the end.
                    let linger = async { tokio::select! { _ = &mut input => {} () = &mut gone => {} } };
                    let _ = tokio::time::timeout(LINGER, linger).await;
                }
                return closed;
            }
            () = &mut gone => return ClosedBy::Client,
            ended = &mut input, if input_open => match ended {
                Ok(()) => {
                    input_open = false;
                    if let Some(attachment) = attachment {
                        attachment.input_ended();
                    }
                }
                Err(PumpError::Read) => return ClosedBy::Client,
                // The engine takes no more input; its output goes on.
                Err(_) => input_open = false,
            },
        }
    }
}

fn by_output(ended: Result<(), PumpError>) -> ClosedBy {
    match ended {
        Ok(()) => ClosedBy::Engine,
        Err(PumpError::Write(error)) if error.kind() == io::ErrorKind::NotConnected => ClosedBy::Engine,
        Err(PumpError::Write(_)) => ClosedBy::Client,
        Err(PumpError::Read | PumpError::Bad(_)) => ClosedBy::Endpoint,
    }
}
