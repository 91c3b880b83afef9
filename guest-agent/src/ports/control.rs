//! Requests, replies and events.
//!
//! ```text
//!   read frames ──► one task for each request ──► replies ─┐
//!                                                          ├──► write frames
//!   events, from the first Facts on ───────────────────────┘
//! ```

use protocol::{AgentError, Event, FrameDecoder, GuestFrame, HostFrame, Reply, Request};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    sync::{broadcast, mpsc},
};

use crate::agent::Agent;

/// Requests under way at once. The host waits for replies, so that it never has as many.
const MAX_PENDING: usize = 64;

/// Serves one session until the host ends it or breaks the protocol.
pub async fn answer(agent: Agent, stream: impl AsyncRead + AsyncWrite + Unpin) {
    if let Err(error) = serve(&agent, stream).await {
        tracing::warn!(error = format!("{error:#}"), "control session ended");
    }
}

async fn serve(agent: &Agent, stream: impl AsyncRead + AsyncWrite + Unpin) -> anyhow::Result<()> {
    let (mut from_host, mut to_host) = tokio::io::split(stream);
    let (replies, mut replied) = mpsc::channel(MAX_PENDING);
    let mut decoder = FrameDecoder::<HostFrame>::default();
    let mut events: Option<broadcast::Receiver<Event>> = None;
    let mut bytes = vec![0; 16 * 1024];
    loop {
        tokio::select! {
            read = from_host.read(&mut bytes) => {
                let length = read?;
                if length == 0 {
                    to_host.shutdown().await?;
                    return Ok(());
                }
                decoder.push(&bytes[..length]);
                while let Some(HostFrame { id, request }) = decoder.next_message()? {
                    // Before the facts are read, so that no change falls between them and the events.
                    if request == Request::Facts && events.is_none() {
                        events = Some(agent.board.events());
                    }
                    let (agent, replies) = (agent.clone(), replies.clone());
                    tokio::spawn(async move {
                        let result = agent.perform(request).await;
                        // A session that ended needs no reply.
                        let _ = replies.send((id, result)).await;
                    });
                }
            }
            Some((id, result)) = replied.recv() => send(&mut to_host, &reply(id, result)).await?,
            event = next_event(&mut events) => {
                // One that lags too far behind has lost events: the host begins anew with the facts.
                let event = event?;
                let last = event == Event::PoweringOff;
                send(&mut to_host, &GuestFrame::Event(event)).await?;
                if last {
                    agent.board.note_farewell_sent();
                }
            }
        }
    }
}

fn reply(id: u32, result: Result<Reply, AgentError>) -> GuestFrame {
    GuestFrame::Reply { id, result }
}

async fn send(to_host: &mut (impl AsyncWrite + Unpin), frame: &GuestFrame) -> anyhow::Result<()> {
    to_host.write_all(&protocol::encode(frame)?).await?;
    to_host.flush().await?;
    Ok(())
}

async fn next_event(
    events: &mut Option<broadcast::Receiver<Event>>,
) -> Result<Event, broadcast::error::RecvError> {
    match events {
        Some(events) => events.recv().await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use protocol::ErrorCode;
    use tokio::io::DuplexStream;

    use super::*;

    fn session() -> (Agent, DuplexStream, tokio::task::JoinHandle<()>) {
        let agent = Agent::for_test();
        let (host, guest) = tokio::io::duplex(64 * 1024);
        let task = tokio::spawn(answer(agent.clone(), guest));
        (agent, host, task)
    }

    async fn ask(host: &mut DuplexStream, id: u32, request: Request) {
        host.write_all(&protocol::encode(&HostFrame { id, request }).unwrap())
            .await
            .unwrap();
    }

    async fn next(host: &mut DuplexStream, decoder: &mut FrameDecoder<GuestFrame>) -> GuestFrame {
        loop {
            if let Some(frame) = decoder.next_message().unwrap() {
                return frame;
            }
            let mut bytes = [0; 1024];
            let length = host.read(&mut bytes).await.unwrap();
            assert_ne!(length, 0, "the session ended");
            decoder.push(&bytes[..length]);
        }
    }

    #[tokio::test]
    async fn facts_are_answered_and_events_follow() {
        let (agent, mut host, _task) = session();
        let mut decoder = FrameDecoder::default();
        ask(&mut host, 7, Request::Facts).await;
        let frame = next(&mut host, &mut decoder).await;
        assert!(
            matches!(
                frame,
                GuestFrame::Reply {
                    id: 7,
                    result: Ok(Reply::Facts(_))
                }
            ),
            "{frame:?}"
        );
        agent.board.pass_stage("network");
        let frame = next(&mut host, &mut decoder).await;
        assert!(matches!(frame, GuestFrame::Event(Event::Stage(stage)) if stage.name == "network"));
    }

    #[tokio::test]
    async fn requests_that_cannot_be_done_are_answered_with_a_code() {
        let (_agent, mut host, _task) = session();
        let mut decoder = FrameDecoder::default();
        for (id, request, code) in [
            (1, Request::Trim, ErrorCode::Unsupported),
            (2, Request::SetTime { unix_ms: 1 }, ErrorCode::Unsupported),
            (3, Request::RestartEngine, ErrorCode::NotReady),
            (
                4,
                Request::ResizeShell {
                    token: 9,
                    columns: 1,
                    rows: 1,
                },
                ErrorCode::NotReady,
            ),
        ] {
            ask(&mut host, id, request).await;
            let frame = next(&mut host, &mut decoder).await;
            let GuestFrame::Reply {
                id: answered,
                result: Err(error),
            } = frame
            else {
                panic!("{frame:?}")
            };
            assert_eq!((answered, error.code), (id, code));
        }
    }

    #[tokio::test]
    async fn malformed_frame_ends_the_session_and_nothing_else() {
        let (_agent, mut host, task) = session();
        host.write_all(&[0xff; 64]).await.unwrap();
        task.await.unwrap();
        assert_eq!(host.read(&mut [0; 8]).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn clean_end_of_the_host_ends_the_session_cleanly() {
        let (_agent, mut host, task) = session();
        host.shutdown().await.unwrap();
        task.await.unwrap();
    }
}
