//! What the guard is told of a request and its answer.
//!
//! It is told before the last byte of the answer goes out: a client that acts on an answer, or dies of it, finds a guard
//! that knows. So it also hears of what the engine did for a client that did not live to read the answer.

use super::{asked::Asked, pump::Tap};
use crate::{
    Call,
    guard::{Attachment, Client, CreateFacts},
};

/// More than any answer that names what was made has.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// Tells the guard about one request.
#[derive(Debug)]
pub(super) struct Witness<'a> {
    guard: &'a Client,
    asked: &'a Asked,
}

impl<'a> Witness<'a> {
    pub(super) fn new(guard: &'a Client, asked: &'a Asked) -> Self {
        Self { guard, asked }
    }

    /// Listens to the body of the answer with this status.
    pub(super) fn listen(&self, status: u16) -> Listening<'_> {
        Listening {
            witness: self,
            succeeded: (200..300).contains(&status),
            answer: self.asked.call.is_read().then(Vec::new),
        }
    }

    /// The answer makes both directions raw.
    pub(super) fn attached(&self) -> Option<Attachment> {
        match &self.asked.call {
            Call::Attach { container, stdin } => Some(self.guard.attached(container, *stdin)),
            Call::ExecStart { exec } => Some(self.guard.exec_started(exec)),
            _ => None,
        }
    }

    fn succeeded(&self, answer: Option<&[u8]>) {
        let asked = self.asked.content();
        match &self.asked.call {
            Call::Create => {
                let agent = self.asked.head.header("user-agent").unwrap_or_default();
                let facts = asked.and_then(|asked| CreateFacts::read(agent, asked));
                if let (Some(facts), Some(id)) = (facts, answer.and_then(id)) {
                    self.guard.created(&id, facts);
                }
            }
            Call::Start { container } => self.guard.started(container),
            Call::Kill { container, signal } => self.guard.signalled(container, signal),
            Call::Stop { container } => self.guard.stopping(container),
            Call::ExecCreate { container } => {
                let tty = asked.is_some_and(has_terminal);
                if let Some(exec) = answer.and_then(id) {
                    self.guard.exec_created(&exec, container, tty);
                }
            }
            Call::Attach { .. }
            | Call::ExecStart { .. }
            | Call::ServiceCreate
            | Call::ServiceUpdate
            | Call::VolumeCreate
            | Call::Other => {}
        }
    }
}

/// Follows an answer's body as it goes to the client.
#[derive(Debug)]
pub(super) struct Listening<'a> {
    witness: &'a Witness<'a>,
    succeeded: bool,
    /// Its content, where that is read and not too long.
    answer: Option<Vec<u8>>,
}

impl Tap for Listening<'_> {
    fn data(&mut self, bytes: &[u8]) {
        if let Some(answer) = &mut self.answer {
            if answer.len() + bytes.len() > MAX_ANSWER_BYTES {
                self.answer = None;
            } else {
                answer.extend_from_slice(bytes);
            }
        }
    }

    fn whole(&mut self) {
        if self.succeeded {
            self.witness.succeeded(self.answer.as_deref());
        }
    }
}

/// The id that `create` answered with.
fn id(answer: &[u8]) -> Option<String> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Answer {
        id: String,
    }

    serde_json::from_slice::<Answer>(answer)
        .ok()
        .map(|answer| answer.id)
}

/// Whether an exec is asked to have a terminal.
fn has_terminal(asked: &[u8]) -> bool {
    let asked: serde_json::Value = serde_json::from_slice(asked).unwrap_or_default();
    asked["Tty"] == true
}
