//! The work that the task spawns. Each piece ends with one input; while it waits for anything but an answer of the
//! engine, it keeps nobody's guard alive.

use std::{sync::Arc, time::Duration};

use tokio_util::task::AbortOnDropHandle;

use super::Task;
use crate::guard::{
    Action, ClientIdentity, Decision, GuardHost, exempt,
    input::{ClientKey, Input, Seen},
    session::{Effect, Why},
};

/// How old an answer about a container may be.
const LOOK_LIMIT: Duration = Duration::from_secs(5);

impl Task {
    pub(super) fn carry_out(&self, session: u64, effect: Effect) {
        match effect {
            Effect::Look(why) => self.look(session, why),
            Effect::Record(decision) => self.host.record(decision),
            Effect::Act(decision) => self.act(session, decision),
        }
    }

    fn look(&self, session: u64, why: Why) {
        let Some(container) = self
            .sessions
            .get(&session)
            .map(|session| session.container().to_owned())
        else {
            return;
        };
        let host = Arc::clone(&self.host);
        self.spawn(async move {
            let seen = look_at(host.as_ref(), &container, why.needs_process());
            let seen = tokio::time::timeout(LOOK_LIMIT, seen).await.ok().flatten();
            Input::Seen {
                session,
                why,
                seen: seen.map(Box::new),
            }
        });
    }

    fn act(&self, session: u64, decision: Decision) {
        self.host.record(decision.clone());
        let host = Arc::clone(&self.host);
        let exec = match self.sessions.get(&session) {
            Some(super::Tracked::Exec(exec)) => exec.exec().to_owned(),
            _ => String::new(),
        };
        self.spawn(async move {
            let result = match &decision.action {
                Action::Stop { timeout_s } => host.stop(&decision.container, *timeout_s).await,
                Action::Remove => host.remove(&decision.container).await,
                Action::EndExec => host.end_exec(&exec).await,
                Action::LeftRunning | Action::Cancelled | Action::Failed(_) => Ok(()),
            };
            let succeeded = result.is_ok();
            if let Err(error) = result {
                host.record(Decision {
                    action: Action::Failed(error),
                    ..decision
                });
            }
            Input::Acted { session, succeeded }
        });
    }

    /// Asks to which container a stream is that was opened by a name.
    pub(super) fn resolve(&self, attachment: u64, spoken: String) {
        let host = Arc::clone(&self.host);
        self.spawn(async move {
            let container = tokio::time::timeout(LOOK_LIMIT, host.container(&spoken)).await;
            Input::Resolved {
                attachment,
                container: container.ok().flatten().map(|container| container.id),
            }
        });
    }

    pub(super) fn read_arguments(&self, session: u64, process: Arc<dyn ClientIdentity>) {
        self.spawn(async move {
            let arguments = tokio::task::spawn_blocking(move || process.arguments()).await;
            let arguments = arguments.ok().flatten();
            Input::Arguments {
                session,
                passes: arguments.and_then(|arguments| exempt::passes_signals(&arguments)),
            }
        });
    }

    /// Waits for a client's end.
    pub(super) fn watch(&self, client: ClientKey, process: Arc<dyn ClientIdentity>) -> AbortOnDropHandle<()> {
        let inputs = self.inputs.clone();
        AbortOnDropHandle::new(tokio::spawn(async move {
            let code = process.exited().await;
            if let Some(inputs) = inputs.upgrade() {
                drop(inputs.send(Input::ClientExited { client, code }));
            }
        }))
    }

    /// Spawns work whose answer the task waits for.
    fn spawn(&self, work: impl Future<Output = Input> + Send + 'static) {
        let Some(inputs) = self.inputs.upgrade() else {
            return;
        };
        tokio::spawn(async move {
            // Without the task nobody wants the answer.
            drop(inputs.send(work.await));
        });
    }
}

async fn look_at(host: &dyn GuardHost, container: &str, needs_process: bool) -> Option<Seen> {
    let container = host.container(container).await?;
    let process = if needs_process && container.running {
        host.process(container.pid, &container.id).await
    } else {
        None
    };
    Some(Seen { container, process })
}
