//! An attachment to a container that somebody else owns, or nobody.

use std::sync::Arc;

use api::{AgentFrame, AttachRequest, ClientFrame, Code, SessionEvent};
use engine_client::{AttachQuery, EngineError};

use super::{
    Leases,
    client::Client,
    container::Container,
    exit::exit_code,
    failed::{OTHER, failed, refused},
    ladder::Deed,
    streams::Streams,
};

/// Attaches until the container ends, or the client goes, which changes nothing for the container.
pub async fn attach(leases: Leases, mut client: Client, request: AttachRequest) {
    let last = match attached(&leases, &mut client, request).await {
        Ok(last) => last,
        Err(last) => Some(last),
    };
    if let Some(last) = last {
        client.finish(last).await;
    }
}

/// Returns the last frame, or `None` when nobody is there to read it.
async fn attached(
    leases: &Leases,
    client: &mut Client,
    request: AttachRequest,
) -> Result<Option<AgentFrame>, AgentFrame> {
    let let_down = |error: EngineError| failed(&error, OTHER);
    let engine = &leases.engine;
    let details = engine.container(&request.container).await.map_err(let_down)?;
    if !details.state.running {
        let message = format!("container {} is not running", request.container);
        return Err(refused(Code::Conflict, message, OTHER));
    }
    let container = Container {
        leases: leases.clone(),
        id: Arc::from(details.id.as_str()),
        tty: details.config.tty,
        stop_signal: details.config.stop_signal,
    };
    let stdin = request.stdin && details.config.open_stdin;
    let waiting = engine
        .begin_wait(&container.id, "not-running")
        .await
        .map_err(let_down)?;
    let query = AttachQuery {
        stdin,
        stdout: true,
        stderr: true,
        logs: false,
        detach_keys: request.detach_keys,
    };
    let stream = engine.attach(&container.id, query).await.map_err(let_down)?;
    let teller = client.teller().clone();
    teller.tell(SessionEvent::Created {
        id: details.id.clone(),
        name: details.name.trim_start_matches('/').to_owned(),
        tty: container.tty,
    });
    let mut streams = Streams::join(stream, container.tty, stdin, &teller);
    teller.tell(SessionEvent::Started);
    if let Some((columns, rows)) = request.size {
        redraw(&container, columns, rows);
    }
    let exit = exit_code(engine, &container.id, waiting);
    tokio::pin!(exit);
    loop {
        let frame = tokio::select! {
            code = &mut exit => {
                super::owned::last_output(&mut streams, client).await;
                return Ok(Some(match code {
                    Ok(code) => AgentFrame::Exit(code),
                    Err(error) => failed(&error, OTHER),
                }));
            }
            frame = client.next() => frame,
        };
        match frame.map(|frame| streams.take(frame)) {
            None | Some(Err(_)) => return Ok(None),
            Some(Ok(None)) => {}
            Some(Ok(Some(frame))) => match frame {
                ClientFrame::Resize { columns, rows } => container.resize(columns, rows),
                ClientFrame::Signal(name) => container.signal(&name),
                // In so many words, so ownership does not matter.
                ClientFrame::Stop => {
                    container.carry_out(Deed::Stop(api::EscalationReason::Asked), Some(&teller));
                }
                ClientFrame::Detach => return Ok(Some(AgentFrame::Event(SessionEvent::Detached))),
                ClientFrame::Closing => {
                    teller.tell(SessionEvent::ClosingAck);
                    return Ok(None);
                }
                ClientFrame::Input(_) | ClientFrame::EndOfInput => {}
            },
        }
    }
}

/// Sets the terminal's size by way of another one: programs draw anew when it changes, as `docker attach` does it.
fn redraw(container: &Container, columns: u16, rows: u16) {
    if !container.tty {
        return;
    }
    let container = container.clone();
    tokio::spawn(async move {
        let engine = &container.leases.engine;
        drop(
            engine
                .resize(&container.id, columns.saturating_add(1), rows.saturating_add(1))
                .await,
        );
        drop(engine.resize(&container.id, columns, rows).await);
    });
}
