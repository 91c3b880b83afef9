//! One exec whose client made it and started it (rule X). Pure, as [`Session`](super::session::Session) is.
//!
//! The engine ends no exec whose client left. On a terminal a client may detach; where the OS tells that it ended with
//! code 0, it did.

use std::{mem, time::Duration};

use tokio::time::Instant;

use super::{
    Action, ClosedBy, Decision, Evidence, Rule, exempt,
    input::{ClientKey, Seen},
    session::{Effect, SessionInput, Why},
};

const GRACE: Duration = Duration::from_secs(2);

/// The exec.
#[derive(Debug)]
pub(super) struct ExecSession {
    exec: String,
    container: String,
    client: ClientKey,
    tty: bool,
    open: Option<u64>,
    closed: bool,
    exit: Option<Option<u32>>,
    grace: Option<Instant>,
    over: bool,
    effects: Vec<Effect>,
}

impl ExecSession {
    pub(super) fn new(client: ClientKey, exec: String, container: String, tty: bool) -> Self {
        Self {
            exec,
            container,
            client,
            tty,
            open: None,
            closed: false,
            exit: None,
            grace: None,
            over: false,
            effects: Vec::new(),
        }
    }

    pub(super) fn client(&self) -> ClientKey {
        self.client
    }

    pub(super) fn exec(&self) -> &str {
        &self.exec
    }

    /// As its client named it.
    pub(super) fn container(&self) -> &str {
        &self.container
    }

    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.grace
    }

    pub(super) fn on(&mut self, input: SessionInput, now: Instant) -> Vec<Effect> {
        if !self.over {
            self.take(input, now);
        }
        mem::take(&mut self.effects)
    }

    fn take(&mut self, input: SessionInput, now: Instant) {
        match input {
            SessionInput::Attached(attachment) => self.open = Some(attachment),
            SessionInput::Closed { attachment, by } if self.open == Some(attachment) => match by {
                ClosedBy::Client => {
                    self.closed = true;
                    self.leave(now);
                }
                // It ended, or nobody knows.
                ClosedBy::Engine | ClosedBy::Endpoint => self.over = true,
            },
            SessionInput::ClientExited(code) => {
                self.exit = Some(code);
                // Made and not started, or started to go on by itself (`docker exec -d`).
                self.over = self.open.is_none();
                self.leave(now);
            }
            SessionInput::TimePassed if self.grace.is_some_and(|at| at <= now) => {
                self.grace = None;
                self.effects.push(Effect::Look(Why::Decide(Rule::X)));
            }
            SessionInput::Seen { seen, .. } => {
                self.over = true;
                if let Some(seen) = seen {
                    self.decide(&seen);
                }
            }
            _ => {}
        }
    }

    fn leave(&mut self, now: Instant) {
        self.grace.get_or_insert(now + GRACE);
    }

    fn decide(&mut self, seen: &Seen) {
        let container = &seen.container;
        let exempt = exempt::by_launcher(&container.labels) || exempt::at_action(container).is_some();
        if !container.running || container.paused || exempt {
            return;
        }
        let mut evidence = Vec::new();
        if self.closed {
            evidence.push(Evidence::AttachmentClosed);
        }
        if let (Some(code), Some(pid)) = (self.exit, self.client.pid()) {
            evidence.push(Evidence::ClientExited { pid, code });
        }
        let decision = |action| Decision {
            container: container.id.clone(),
            name: container.name.clone(),
            rule: Rule::X,
            action,
            evidence,
            client_pid: self.client.pid(),
        };
        let detached = self.tty && self.exit == Some(Some(0));
        let effect = if detached {
            Effect::Record(decision(Action::LeftRunning))
        } else {
            Effect::Act(decision(Action::EndExec))
        };
        self.effects.push(effect);
    }
}
