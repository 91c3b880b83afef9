//! How the relay tells the guard what clients do. Nothing here blocks or fails.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use tokio::sync::mpsc;

use super::{
    ClientIdentity, ClosedBy, CreateFacts, GuardHost, GuardMode, GuardSettings, Rule, exempt,
    input::{ClientKey, Input, Subject},
    signal::Signal,
    task::Task,
};

/// The guard. A handle to its one task, cheap to clone; the task ends with the last of guard, clients and attachments.
#[derive(Clone)]
pub struct Guard(Arc<Mouth>);

/// What the task hears through.
struct Mouth {
    mode: GuardMode,
    inputs: mpsc::UnboundedSender<Input>,
    attachments: AtomicU64,
}

impl Mouth {
    fn tell(&self, input: Input) {
        if self.mode != GuardMode::Off {
            // Without its task, which ends with the runtime, there is nothing to guard.
            drop(self.inputs.send(input));
        }
    }
}

impl Guard {
    /// Spawns the task on the present tokio runtime.
    pub fn spawn(settings: GuardSettings, host: Arc<dyn GuardHost>) -> Self {
        let (sender, inputs) = mpsc::unbounded_channel();
        tokio::spawn(Task::new(settings, host, sender.downgrade()).serve(inputs));
        Self(Arc::new(Mouth {
            mode: settings.mode,
            inputs: sender,
            attachments: AtomicU64::new(0),
        }))
    }

    /// The client of one connection. `None`: its process is unknown, so that nobody can tell its connections from
    /// others' nor see it end; only K, K2 and K3 are then possible.
    pub fn client(&self, process: Option<Arc<dyn ClientIdentity>>) -> Client {
        let key = process.as_ref().map_or(ClientKey::Unknown, |process| {
            let (pid, started) = process.key();
            ClientKey::Process(pid, started)
        });
        Client {
            mouth: Arc::clone(&self.0),
            key,
            process,
        }
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard")
            .field("mode", &self.0.mode)
            .finish_non_exhaustive()
    }
}

/// A client of the engine. What it is told happened already: the engine answered with success.
#[derive(Clone)]
pub struct Client {
    mouth: Arc<Mouth>,
    key: ClientKey,
    process: Option<Arc<dyn ClientIdentity>>,
}

impl Client {
    /// It made a container; `container` is the full id that the engine answered with.
    pub fn created(&self, container: &str, facts: CreateFacts) {
        if !exempt::at_creation(&facts) {
            self.mouth.tell(Input::Created {
                client: self.key,
                process: self.process.clone(),
                container: container.to_owned(),
                facts: Box::new(facts),
            });
        }
    }

    /// It has an open stream to a container; `stdin` says whether its input goes there.
    pub fn attached(&self, container: &str, stdin: bool) -> Attachment {
        self.open(Subject::Container(container.to_owned()), stdin)
    }

    /// It started a container.
    pub fn started(&self, container: &str) {
        self.mouth.tell(Input::Started {
            client: self.key,
            container: container.to_owned(),
        });
    }

    /// It sent a signal to a container; `signal` as in the request, where nothing is SIGKILL.
    pub fn signalled(&self, container: &str, signal: &str) {
        if let Some(signal) = Signal::parse(signal) {
            self.mouth.tell(Input::Signalled {
                client: self.key,
                container: container.to_owned(),
                signal,
            });
        }
    }

    /// It stopped, restarted or removed a container.
    pub fn stopping(&self, container: &str) {
        self.mouth.tell(Input::StopAsked {
            container: container.to_owned(),
        });
    }

    /// It made an exec in a container; `exec` is the id that the engine answered with.
    pub fn exec_created(&self, exec: &str, container: &str, tty: bool) {
        if self.mouth.mode.allows(Rule::X) && self.key.is_known() {
            self.mouth.tell(Input::ExecCreated {
                client: self.key,
                process: self.process.clone(),
                exec: exec.to_owned(),
                container: container.to_owned(),
                tty,
            });
        }
    }

    /// It has an open stream to an exec that it started.
    pub fn exec_started(&self, exec: &str) -> Attachment {
        self.open(Subject::Exec(exec.to_owned()), false)
    }

    fn open(&self, subject: Subject, stdin: bool) -> Attachment {
        let id = self.mouth.attachments.fetch_add(1, Ordering::Relaxed);
        let ear = Arc::new(Ear {
            wanted: AtomicBool::new(self.mouth.mode != GuardMode::Off && stdin && self.key.is_known()),
            heard: AtomicBool::new(false),
        });
        self.mouth.tell(Input::Attached {
            client: self.key,
            subject,
            attachment: id,
            ear: Arc::clone(&ear),
        });
        Attachment {
            mouth: Arc::clone(&self.mouth),
            id,
            ear,
            by: ClosedBy::Endpoint,
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

/// Whether the task wants to know of keys, and has one to take in already: a program that pastes a thousand of them
/// fills no queue.
#[derive(Debug)]
pub(super) struct Ear {
    wanted: AtomicBool,
    heard: AtomicBool,
}

impl Ear {
    pub(super) fn want(&self, wanted: bool) {
        self.wanted.store(wanted, Ordering::Relaxed);
    }

    pub(super) fn taken(&self) {
        self.heard.store(false, Ordering::Relaxed);
    }
}

/// An open stream between a client and a container or an exec. Dropped without [`Attachment::closed`], it was closed by
/// the endpoint.
#[derive(Debug)]
pub struct Attachment {
    mouth: Arc<Mouth>,
    id: u64,
    ear: Arc<Ear>,
    by: ClosedBy,
}

impl Attachment {
    /// Whether what goes to the engine should be searched for byte 0x03. Ask again for each chunk: it is `true` until
    /// the task knows better.
    pub fn wants_input(&self) -> bool {
        self.ear.wanted.load(Ordering::Relaxed)
    }

    /// Byte 0x03 went by.
    pub fn interrupt_typed(&self) {
        if self.wants_input() && !self.ear.heard.swap(true, Ordering::Relaxed) {
            self.mouth.tell(Input::KeyTyped { attachment: self.id });
        }
    }

    /// The client half-closed: it gives no more input, and goes on listening.
    pub fn input_ended(&self) {
        self.mouth.tell(Input::StdinEnded { attachment: self.id });
    }

    /// The stream ended.
    pub fn closed(mut self, by: ClosedBy) {
        // Told when it is dropped.
        self.by = by;
    }
}

impl Drop for Attachment {
    fn drop(&mut self) {
        self.mouth.tell(Input::Closed {
            attachment: self.id,
            by: self.by,
        });
    }
}

impl fmt::Debug for Mouth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mouth")
            .field("mode", &self.mode)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interrupt_typed_is_told_once_until_it_is_taken() {
        let (inputs, mut told) = mpsc::unbounded_channel();
        let guard = Guard(Arc::new(Mouth {
            mode: GuardMode::Signals,
            inputs,
            attachments: AtomicU64::new(0),
        }));
        let client = Client {
            mouth: guard.0,
            key: ClientKey::Process(1, 2),
            process: None,
        };
        let attachment = client.attached("x", true);
        for _ in 0..2 {
            (0..1000).for_each(|_| attachment.interrupt_typed());
            attachment.ear.taken();
        }
        attachment.ear.want(false);
        attachment.interrupt_typed();
        let mut keys = 0;
        while let Ok(input) = told.try_recv() {
            keys += usize::from(matches!(input, Input::KeyTyped { .. }));
        }
        assert_eq!(keys, 2);
    }
}
