//! A command in a running container, owned by a client.
//!
//! The engine has no call that ends a command: the guest agent does it, with the process id that the engine tells.

use std::{sync::Arc, time::Duration};

use api::{AgentFrame, ClientFrame, Escalation, EscalationReason, ExecRequest, SessionEvent};
use engine_client::{EngineError, ExecConfig};

use super::{
    Leases,
    client::{Client, Teller},
    exit::RETRY,
    failed::{OTHER, REFUSED, failed},
    record::LeaseRecord,
    streams::Streams,
};

/// What a command gets from SIGHUP to SIGKILL.
const GRACE: Duration = Duration::from_secs(10);
/// How often a command whose output has ended is looked at, and how long the engine may be out of reach meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(100);
const LOST_LIMIT: Duration = Duration::from_secs(120);

/// Runs a command until it has ended or nobody owns it any more.
pub async fn exec(leases: Leases, mut client: Client, request: ExecRequest) {
    match start(&leases, &client, &request).await {
        Ok(Some((command, mut streams))) => {
            let last = command.own(&mut client, &mut streams).await;
            drop(streams);
            client.finish(last).await;
        }
        Ok(None) => client.finish(AgentFrame::Exit(0)).await,
        Err(error) => client.finish(failed(&error, OTHER)).await,
    }
}

async fn start(
    leases: &Leases,
    client: &Client,
    request: &ExecRequest,
) -> Result<Option<(Command, Streams)>, EngineError> {
    let engine = &leases.engine;
    let attached = !request.detached;
    let config = ExecConfig {
        attach_stdin: request.stdin && attached,
        attach_stdout: attached,
        attach_stderr: attached,
        tty: request.tty,
        detach_keys: request.detach_keys.clone(),
        env: request.env.clone(),
        cmd: request.argv.clone(),
        user: request.user.clone().unwrap_or_default(),
        working_dir: request.workdir.clone().unwrap_or_default(),
        privileged: request.privileged,
    };
    let id = engine.create_exec(&request.container, &config).await?;
    let container = engine.exec(&id).await?.container_id;
    let teller = client.teller();
    teller.tell(SessionEvent::Created {
        id: container.clone(),
        name: request.container.clone(),
        tty: request.tty,
    });
    if request.detached {
        engine.start_exec_detached(&id).await?;
        teller.tell(SessionEvent::Started);
        return Ok(None);
    }
    let stream = engine.start_exec(&id, request.tty).await?;
    let command = Command {
        leases: leases.clone(),
        id: Arc::from(id),
        container: Arc::from(container),
        tty: request.tty,
    };
    let streams = Streams::join(stream, request.tty, request.stdin, teller);
    teller.tell(SessionEvent::Started);
    if let Some((columns, rows)) = request.size {
        command.resize(columns, rows);
    }
    Ok(Some((command, streams)))
}

#[derive(Clone)]
struct Command {
    leases: Leases,
    id: Arc<str>,
    container: Arc<str>,
    tty: bool,
}

impl Command {
    /// Stays until the command has ended, or its owner has let it go or is gone. Returns the last frame.
    async fn own(&self, client: &mut Client, streams: &mut Streams) -> AgentFrame {
        let teller = client.teller().clone();
        let mut ending = false;
        loop {
            let frame = tokio::select! {
                () = streams.ended() => return self.exit().await,
                frame = client.next() => frame,
            };
            let taken = frame.map(|frame| streams.take(frame));
            let gone = matches!(taken, None | Some(Err(_)));
            let why = match taken {
                Some(Ok(None)) => continue,
                None | Some(Err(_)) => EscalationReason::ClientGone,
                Some(Ok(Some(frame))) => match frame {
                    ClientFrame::Resize { columns, rows } => {
                        self.resize(columns, rows);
                        continue;
                    }
                    ClientFrame::Detach => return AgentFrame::Event(SessionEvent::Detached),
                    ClientFrame::Closing => {
                        teller.tell(SessionEvent::ClosingAck);
                        EscalationReason::ClientGone
                    }
                    // There is no call that sends a signal to a command.
                    ClientFrame::Signal(_) | ClientFrame::Stop => EscalationReason::Asked,
                    ClientFrame::Input(_) | ClientFrame::EndOfInput => continue,
                },
            };
            if !std::mem::replace(&mut ending, true) {
                self.end(why, &teller);
            }
            if gone {
                // Nobody is left to tell.
                return AgentFrame::Event(SessionEvent::Detached);
            }
        }
    }

    /// Ends it with all its processes, beside everything else.
    fn end(&self, why: EscalationReason, teller: &Teller) {
        teller.tell(SessionEvent::Escalated {
            what: Escalation::Stop,
            why,
        });
        let (command, teller) = (self.clone(), teller.clone());
        tokio::spawn(async move {
            if let Err(error) = command.end_now(why).await {
                tracing::warn!(error, container = %command.container, "command not ended");
                let message = format!("failed to end the command: {error}");
                teller.tell(SessionEvent::Warning { message });
            }
        });
    }

    async fn end_now(&self, why: EscalationReason) -> Result<(), String> {
        let engine = &self.leases.engine;
        let since = tokio::time::Instant::now();
        loop {
            let ended = match engine.exec(&self.id).await {
                Ok(state) if !state.running || state.pid == 0 => return Ok(()),
                Ok(state) => {
                    self.leases.record(LeaseRecord::CommandEnding {
                        container: self.container.to_string(),
                        pid: state.pid,
                        why,
                    });
                    self.leases.guest.end(state.pid, &self.container, GRACE).await
                }
                // Gone with its container.
                Err(error) if error.is_not_found() => return Ok(()),
                Err(error) => Err(crate::failure::chain(&error)),
            };
            match ended {
                Err(error) if since.elapsed() > LOST_LIMIT => return Err(error),
                Err(_) => tokio::time::sleep(RETRY).await,
                Ok(()) => return Ok(()),
            }
        }
    }

    fn resize(&self, columns: u16, rows: u16) {
        if !self.tty {
            return;
        }
        let command = self.clone();
        tokio::spawn(async move {
            let engine = &command.leases.engine;
            if let Err(error) = engine.resize_exec(&command.id, columns, rows).await {
                tracing::debug!(%error, "terminal of a command not resized");
            }
        });
    }

    /// The exit code, after the end of the output: the engine knows it a moment later, or for as long as it takes when
    /// the command closed its output before it ended or the link is lost.
    async fn exit(&self) -> AgentFrame {
        let since = tokio::time::Instant::now();
        loop {
            match self.leases.engine.exec(&self.id).await {
                Ok(state) if !state.running => return AgentFrame::Exit(state.exit_code.unwrap_or(0)),
                Ok(_) => {}
                Err(error) if error.status().is_some() || since.elapsed() > LOST_LIMIT => {
                    return failed(&error, REFUSED);
                }
                Err(_) => {}
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}
