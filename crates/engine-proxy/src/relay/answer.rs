//! Answers of the endpoint's own, as Docker's clients understand them.

use std::{io, time::Duration};

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

use super::inlet::Inlet;

/// How much of a request that was answered early is still read, and for how long, so that the client gets to read the
/// answer.
const DRAIN_BYTES: usize = 64 * 1024 * 1024;
const DRAIN_LIMIT: Duration = Duration::from_secs(2);

/// What comes after an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After {
    /// The client's next request.
    Request,
    /// The end of our direction.
    End,
}

/// Writes a whole answer.
pub(super) async fn answer(
    writer: &mut (impl AsyncWrite + Unpin),
    status: u16,
    message: &str,
    after: After,
) -> io::Result<()> {
    let reason = match status {
        400 => "Bad Request",
        413 => "Content Too Large",
        431 => "Request Header Fields Too Large",
        502 => "Bad Gateway",
        _ => "Service Unavailable",
    };
    let body = serde_json::json!({ "message": message }).to_string();
    let connection = match after {
        After::Request => "keep-alive",
        After::End => "close",
    };
    let length = body.len();
    let whole = format!(
        "HTTP/1.1 {status} {reason}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: {connection}\r\n\r\n{body}"
    );
    writer.write_all(whole.as_bytes()).await?;
    match after {
        After::Request => writer.flush().await,
        After::End => writer.shutdown().await,
    }
}

/// Reads what the client still sends and throws it away, until it has read the answer and closes.
pub(super) async fn drain<R: AsyncRead + Unpin>(client: &mut Inlet<R>) {
    let drained = async {
        let mut left = DRAIN_BYTES;
        while left > 0 {
            client.buffer.clear();
            match client.fill().await {
                Ok(length) if length > 0 => left = left.saturating_sub(length),
                _ => return,
            }
        }
    };
    // A client that goes on for longer than that is not reading.
    let _ = tokio::time::timeout(DRAIN_LIMIT, drained).await;
}
