//! Server-sent events.

use std::convert::Infallible;

use api::ApiEvent;
use axum::{
    extract::State,
    http::HeaderMap,
    response::{
        IntoResponse,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures_util::{StreamExt as _, stream};
use tokio::sync::watch;

use super::Server;
use crate::event_feed::Next;

struct Listener {
    server: Server,
    newest: watch::Receiver<u64>,
    /// The last id that was sent; `None` before the first, which is the whole status.
    after: Option<u64>,
}

pub(super) async fn events(State(server): State<Server>, headers: HeaderMap) -> impl IntoResponse {
    let after = headers
        .get("last-event-id")
        .and_then(|id| id.to_str().ok())
        .and_then(|id| id.parse().ok());
    let newest = server.feed.newest();
    // A listener listens for ever and must not keep the host agent from ending.
    let ended = server.quit.clone().cancelled_owned();
    let events = stream::unfold(
        Listener {
            server,
            newest,
            after,
        },
        |mut listener| async move {
            let event = listener.next().await?;
            Some((Ok::<_, Infallible>(event), listener))
        },
    );
    Sse::new(events.take_until(ended)).keep_alive(KeepAlive::default())
}

impl Listener {
    async fn next(&mut self) -> Option<Event> {
        loop {
            let Some(after) = self.after else {
                let newest = *self.newest.borrow_and_update();
                return Some(self.resync(newest));
            };
            self.newest.mark_unchanged();
            match self.server.feed.next(after) {
                Next::Event(id, event) => {
                    self.after = Some(id);
                    return Some(sse(id, &event));
                }
                Next::Missed(newest) => return Some(self.resync(newest)),
                Next::Nothing => self.newest.changed().await.ok()?,
            }
        }
    }

    fn resync(&mut self, newest: u64) -> Event {
        self.after = Some(newest);
        let status = Box::new(self.server.status());
        sse(newest, &ApiEvent::Status { status }).event("resync")
    }
}

fn sse(id: u64, event: &ApiEvent) -> Event {
    let data = serde_json::to_string(event).unwrap_or_default();
    Event::default().id(id.to_string()).data(data)
}
