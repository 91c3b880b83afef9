//! Reads server-sent events.

use http_body_util::BodyExt;
use hyper::{body::Incoming, header::HeaderName};
use platform::LocalAddress;

use super::{ClientError, connection::call};
use crate::{ApiEvent, Route};

/// The most bytes of one event.
const MAX_EVENT_BYTES: usize = 1024 * 1024;

/// One event as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceivedEvent {
    /// Counts up; hand it to [`Client::events`](crate::Client::events) to go on after it.
    pub id: u64,
    /// Whether events before this one were missed: read the status again.
    pub resync: bool,
    /// What happened.
    pub event: ApiEvent,
}

/// The stream of events. Ends when the host agent does.
#[derive(Debug)]
pub struct EventStream {
    body: Incoming,
    buffer: Vec<u8>,
}

impl EventStream {
    pub(super) async fn open(address: &LocalAddress, after: Option<u64>) -> Result<Self, ClientError> {
        let headers: Vec<_> = after
            .map(|id| (HeaderName::from_static("last-event-id"), id.to_string()))
            .into_iter()
            .collect();
        let response = call(address, Route::Events, "", None::<&()>, &headers).await?;
        Ok(Self {
            body: response.into_body(),
            buffer: Vec::new(),
        })
    }

    /// Waits for the next event; `None` when the host agent ended the stream. Safe to cancel.
    pub async fn next(&mut self) -> Result<Option<ReceivedEvent>, ClientError> {
        loop {
            while let Some(end) = find(&self.buffer, b"\n\n") {
                let block: Vec<u8> = self.buffer.drain(..end + 2).collect();
                if let Some(event) = parse(&String::from_utf8_lossy(&block))? {
                    return Ok(Some(event));
                }
            }
            if self.buffer.len() > MAX_EVENT_BYTES {
                return Err(ClientError::Unexpected {
                    path: Route::Events.path(),
                    status: 200,
                });
            }
            match self.body.frame().await {
                None => return Ok(None),
                Some(Err(error)) => return Err(ClientError::Http(error)),
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        self.buffer.extend_from_slice(&data);
                    }
                }
            }
        }
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

/// Reads one block of lines. `None` for a comment, which keeps the connection alive.
fn parse(block: &str) -> Result<Option<ReceivedEvent>, ClientError> {
    let (mut id, mut resync, mut data) = (0, false, String::new());
    for line in block.lines() {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "id" => id = value.parse().unwrap_or(0),
            "event" => resync = value == "resync",
            "data" => {
                if !data.is_empty() {
                    data.push('\n');
                }
                data.push_str(value);
            }
            _ => {}
        }
    }
    if data.is_empty() {
        return Ok(None);
    }
    let event = serde_json::from_str(&data).map_err(|source| ClientError::Answer {
        path: Route::Events.path(),
        source,
    })?;
    Ok(Some(ReceivedEvent { id, resync, event }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_block_with_resync_is_read() {
        let block = "id: 7\nevent: resync\ndata: {\"kind\":\"notice\",\"message\":\"hello\"}\n\n";
        let event = parse(block).unwrap().unwrap();
        assert_eq!((event.id, event.resync), (7, true));
        assert_eq!(
            event.event,
            ApiEvent::Notice {
                message: "hello".to_owned(),
                hint: None
            }
        );
    }

    #[test]
    fn comment_block_is_no_event() {
        assert_eq!(parse(": keep-alive\n\n").unwrap(), None);
    }

    #[test]
    fn garbage_data_is_an_error() {
        assert!(parse("data: {\n\n").is_err());
    }
}
