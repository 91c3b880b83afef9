//! The lease itself: a running container and the client that owns it.
//!
//! ```text
//!   client: input, signals, Ctrl+C ──► ladder ──► interrupt, stop, kill ──► engine
//!           detach ──► the container goes on, nobody owns it
//!           closing, gone ──► ladder: stop
//!   engine: output ──► client, dropped when it is gone       exit ──► exit code ──► client
//! ```
//!
//! A broken attachment is no lost client: the link to the machine may be lost for a while, or the engine started anew.
//! The container is attached to again, and its end is waited for all the while.

use std::time::Duration;

use api::{AgentFrame, ClientFrame, SessionEvent};
use engine_client::{AttachQuery, JsonLines, WaitResult};
use tokio::{sync::oneshot, time::Instant};

use super::{
    client::{Client, Teller},
    container::Container,
    exit::{RETRY, exit_code},
    failed::{REFUSED, failed},
    ladder::{Deed, Ladder},
    record::LeaseRecord,
    streams::{Overrun, Streams},
};

/// How long the output of a container that has ended may stand still before it counts as whole.
const LAST_OUTPUT: Duration = Duration::from_secs(5);

/// A running container that is owned.
pub struct Owned {
    /// The container.
    pub container: Container,
    /// The attachment. `None` while there is none.
    pub streams: Option<Streams>,
    /// Its end, waited for since before its start.
    pub waiting: JsonLines<WaitResult>,
    /// How it is attached to again.
    pub attach: AttachQuery,
    /// Whether the engine starts it again when it has ended.
    pub restarts: bool,
    /// Whether it goes on when the client is gone.
    pub survives_client: bool,
}

/// Stays until the container has ended, or its owner has let it go.
pub async fn own(owned: Owned, client: Client) {
    let Owned {
        container,
        streams,
        waiting,
        attach,
        restarts,
        survives_client,
    } = owned;
    let engine = container.leases.engine.clone();
    let id = container.id.clone();
    let exit = exit_code(&engine, &id, waiting);
    tokio::pin!(exit);
    let mut lease = Lease {
        container,
        client: Some(client),
        closing: false,
        survives_client,
        streams,
        attach,
        ladder: Ladder::new(),
        deafness: None,
        reattach_at: None,
    };
    let code = loop {
        tokio::select! {
            code = &mut exit => break code,
            next = lease.step() => if next == Next::LetGo { return lease.let_go().await },
        }
    };
    lease
        .finish(code.map_err(|error| failed(&error, REFUSED)), restarts)
        .await;
}

#[derive(PartialEq, Eq)]
enum Next {
    GoOn,
    LetGo,
}

struct Lease {
    container: Container,
    /// `None` when it is gone.
    client: Option<Client>,
    /// Whether it said that it would be.
    closing: bool,
    /// Whether the container goes on then.
    survives_client: bool,
    streams: Option<Streams>,
    attach: AttachQuery,
    ladder: Ladder,
    /// Whether PID 1 is deaf to Ctrl+C, being looked at.
    deafness: Option<oneshot::Receiver<bool>>,
    reattach_at: Option<Instant>,
}

impl Lease {
    /// Waits for the next thing to happen and does what follows from it. Cancel safe: nothing is awaited after it.
    async fn step(&mut self) -> Next {
        let teller = self.client.as_ref().map(|client| client.teller().clone());
        tokio::select! {
            frame = next_frame(&mut self.client) => return self.on_frame(frame),
            () = ended(&mut self.streams) => self.reattach_at = Some(Instant::now() + RETRY),
            () = until(self.ladder.late_at()) => {
                let deed = self.ladder.late(Instant::now());
                self.carry_out(deed);
            }
            deaf = known(&mut self.deafness) => {
                self.deafness = None;
                if deaf {
                    let deed = self.ladder.unheard();
                    self.carry_out(deed);
                }
            }
            streams = reattached(&self.container, &self.attach, self.reattach_at, teller) => {
                self.reattach_at = None;
                self.streams = streams;
                if self.streams.is_none() {
                    self.reattach_at = Some(Instant::now() + RETRY);
                }
            }
        }
        Next::GoOn
    }

    fn on_frame(&mut self, frame: Option<ClientFrame>) -> Next {
        let id = || self.container.id.to_string();
        let frame = match (frame, &self.streams) {
            (None | Some(ClientFrame::Closing), _) if self.survives_client => return Next::LetGo,
            (None, _) => {
                if !self.closing {
                    self.container
                        .leases
                        .record(LeaseRecord::ClientGone { container: id() });
                }
                self.lose_client();
                return Next::GoOn;
            }
            (Some(frame), Some(streams)) => match streams.take(frame) {
                Ok(None) => return Next::GoOn,
                Ok(Some(frame)) => frame,
                Err(Overrun) => {
                    tracing::warn!(container = %self.container.id, "client sent more input than it may");
                    self.lose_client();
                    return Next::GoOn;
                }
            },
            // Input for an attachment that is lost is lost with it.
            (Some(ClientFrame::Input(data)), None) => {
                if let Some(client) = &self.client {
                    client
                        .teller()
                        .taken(u32::try_from(data.len()).unwrap_or(u32::MAX));
                }
                return Next::GoOn;
            }
            (Some(frame), None) => frame,
        };
        match frame {
            ClientFrame::Input(_) | ClientFrame::EndOfInput => {}
            ClientFrame::Resize { columns, rows } => self.container.resize(columns, rows),
            ClientFrame::Signal(name) if name == "INT" => self.press(),
            ClientFrame::Signal(name) => self.container.signal(&name),
            ClientFrame::Stop => {
                let deed = self.ladder.stop_now();
                self.carry_out(deed);
            }
            ClientFrame::Detach => return Next::LetGo,
            ClientFrame::Closing => {
                self.closing = true;
                self.container
                    .leases
                    .record(LeaseRecord::ClientClosing { container: id() });
                if let Some(client) = &self.client {
                    client.teller().tell(SessionEvent::ClosingAck);
                }
                let deed = self.ladder.abandon();
                self.carry_out(deed);
            }
        }
        Next::GoOn
    }

    fn press(&mut self) {
        let deed = self.ladder.press(Instant::now());
        self.container.leases.record(LeaseRecord::Interrupted {
            container: self.container.id.to_string(),
            press: self.ladder.presses(),
        });
        self.carry_out(deed);
        if deed == Some(Deed::Interrupt) {
            let (sender, deafness) = oneshot::channel();
            let container = self.container.clone();
            tokio::spawn(async move { sender.send(container.is_deaf_to_interrupts().await) });
            self.deafness = Some(deafness);
        }
    }

    fn carry_out(&self, deed: Option<Deed>) {
        let Some(deed) = deed else { return };
        match &self.client {
            Some(client) => self.container.carry_out(deed, Some(client.teller())),
            None => self.container.carry_out(deed, None),
        }
    }

    /// The client is gone: its output is of no use, and the container ends.
    fn lose_client(&mut self) {
        self.client = None;
        self.streams = None;
        self.reattach_at = None;
        let deed = self.ladder.abandon();
        self.carry_out(deed);
    }

    /// The container goes on by itself.
    async fn let_go(self) {
        let container = self.container.id.to_string();
        self.container.leases.record(LeaseRecord::Detached { container });
        drop(self.streams);
        if let Some(client) = self.client {
            client.finish(AgentFrame::Event(SessionEvent::Detached)).await;
        }
    }

    /// The container has ended.
    async fn finish(mut self, code: Result<i64, AgentFrame>, restarts: bool) {
        if let Ok(exit_code) = code {
            self.container.leases.record(LeaseRecord::Ended {
                container: self.container.id.to_string(),
                exit_code,
            });
        }
        // It ended because that was wanted: the engine must not start it again.
        if restarts && self.ladder.is_engaged() {
            self.container.stop(api::EscalationReason::Asked).await;
        }
        let Some(client) = self.client else { return };
        if let Some(streams) = &mut self.streams {
            last_output(streams, &client).await;
        }
        drop(self.streams);
        client
            .finish(code.map_or_else(|last| last, AgentFrame::Exit))
            .await;
    }
}

/// Waits for the output of a container that has ended. It comes right after the exit, unless the client is slow.
pub async fn last_output(streams: &mut Streams, client: &Client) {
    if streams.has_ended() {
        return;
    }
    loop {
        match tokio::time::timeout(LAST_OUTPUT, streams.ended()).await {
            Err(_) if client.teller().is_stalled() => {}
            _ => return,
        }
    }
}

async fn next_frame(client: &mut Option<Client>) -> Option<ClientFrame> {
    match client {
        Some(client) => client.next().await,
        None => std::future::pending().await,
    }
}

async fn ended(streams: &mut Option<Streams>) {
    match streams {
        Some(streams) => streams.ended().await,
        None => std::future::pending().await,
    }
}

async fn until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}

async fn known(deafness: &mut Option<oneshot::Receiver<bool>>) -> bool {
    match deafness {
        Some(deafness) => deafness.await.unwrap_or(false),
        None => std::future::pending().await,
    }
}

/// Attaches to the container once more when it is time. `None` where that did not succeed; its end, if it has ended, is
/// told elsewhere.
async fn reattached(
    container: &Container,
    attach: &AttachQuery,
    at: Option<Instant>,
    teller: Option<Teller>,
) -> Option<Streams> {
    until(at).await;
    let teller = teller?;
    let engine = &container.leases.engine;
    let details = engine.container(&container.id).await.ok()?;
    if !details.state.running {
        return None;
    }
    let stream = engine.attach(&container.id, attach.clone()).await.ok()?;
    Some(Streams::join(stream, container.tty, attach.stdin, &teller))
}
