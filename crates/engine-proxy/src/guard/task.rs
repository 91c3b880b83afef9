//! The one task: which input belongs to which session, when time has passed, who carries out what they want.

mod streams;
mod tracked;
mod work;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use tokio::{sync::mpsc, time::Instant};
use tokio_util::task::AbortOnDropHandle;

use super::{
    ClientIdentity, GuardHost, GuardSettings,
    exec::ExecSession,
    input::{ClientKey, Input, Subject},
    session::{Session, SessionInput},
};
use streams::Open;
use tracked::Tracked;

/// Sessions at one time. Whoever makes more loses the oldest, which then behaves as without a guard.
const MOST_SESSIONS: usize = 4096;

/// The task's data.
pub(super) struct Task {
    settings: GuardSettings,
    host: Arc<dyn GuardHost>,
    /// Weak: the task ends with the last that could tell it anything.
    inputs: mpsc::WeakUnboundedSender<Input>,
    sessions: BTreeMap<u64, Tracked>,
    next: u64,
    streams: HashMap<u64, Open>,
    /// One for each client that has sessions.
    watches: HashMap<ClientKey, AbortOnDropHandle<()>>,
}

impl Task {
    pub(super) fn new(
        settings: GuardSettings,
        host: Arc<dyn GuardHost>,
        inputs: mpsc::WeakUnboundedSender<Input>,
    ) -> Self {
        Self {
            settings,
            host,
            inputs,
            sessions: BTreeMap::new(),
            next: 0,
            streams: HashMap::new(),
            watches: HashMap::new(),
        }
    }

    /// Takes inputs until nobody is left to tell anything.
    pub(super) async fn serve(mut self, mut inputs: mpsc::UnboundedReceiver<Input>) {
        loop {
            let due = self.sessions.values().filter_map(Tracked::deadline).min();
            let at = due.unwrap_or_else(Instant::now);
            tokio::select! {
                biased;
                input = inputs.recv() => match input {
                    Some(input) => self.take(input),
                    None => break,
                },
                () = tokio::time::sleep_until(at), if due.is_some() => self.time_passed(),
            }
            self.forget();
        }
    }

    fn take(&mut self, input: Input) {
        match input {
            Input::Created {
                client,
                process,
                container,
                facts,
            } => {
                let session = Session::new(client, container.clone(), &facts, self.settings);
                self.track(
                    Tracked::Container(session),
                    process,
                    &Subject::Container(container),
                );
            }
            Input::ExecCreated {
                client,
                process,
                exec,
                container,
                tty,
            } => {
                let session = ExecSession::new(client, exec.clone(), container, tty);
                self.track(Tracked::Exec(session), process, &Subject::Exec(exec));
            }
            Input::Attached {
                client,
                subject,
                attachment,
                ear,
            } => self.attached(attachment, client, subject, ear),
            Input::Closed { attachment, by } => self.closed(attachment, by),
            Input::StdinEnded { attachment } => self.on_stream(attachment, SessionInput::InputEnded),
            Input::KeyTyped { attachment } => {
                if let Some(stream) = self.streams.get(&attachment) {
                    stream.ear.taken();
                }
                self.on_stream(attachment, SessionInput::KeyTyped);
            }
            Input::Started { client, container } => {
                for id in self.called(&container) {
                    let input = if self.is_client(id, client) {
                        SessionInput::Started
                    } else {
                        SessionInput::OtherStarted
                    };
                    self.on(id, input);
                }
            }
            Input::Signalled {
                client,
                container,
                signal,
            } => {
                for id in self.called(&container) {
                    if self.is_client(id, client) {
                        self.on(id, SessionInput::Signalled(signal));
                    }
                }
            }
            Input::StopAsked { container } => {
                for id in self.called(&container) {
                    self.on(id, SessionInput::StopAsked);
                }
            }
            Input::Arguments { session, passes } => self.on(session, SessionInput::Arguments(passes)),
            Input::ClientExited { client, code } => {
                for id in self.ids(|session| session.client() == client) {
                    self.on(id, SessionInput::ClientExited(code));
                }
            }
            Input::Resolved {
                attachment,
                container,
            } => self.resolved(attachment, container.as_deref()),
            Input::Seen { session, why, seen } => self.on(session, SessionInput::Seen { why, seen }),
            Input::Acted { session, succeeded } => self.on(session, SessionInput::Acted { succeeded }),
        }
    }

    /// Begins a session. What its client opened in the same moment may have been told before.
    fn track(&mut self, session: Tracked, process: Option<Arc<dyn ClientIdentity>>, subject: &Subject) {
        if self.sessions.len() >= MOST_SESSIONS {
            self.sessions.pop_first();
        }
        let id = self.next;
        self.next += 1;
        let (client, keys) = (session.client(), session.wants_keys());
        if let Some(process) = process {
            if matches!(session, Tracked::Container(_)) {
                self.read_arguments(id, Arc::clone(&process));
            }
            if !self.watches.contains_key(&client) {
                let watch = self.watch(client, process);
                self.watches.insert(client, watch);
            }
        }
        self.sessions.insert(id, session);
        self.adopt(id, client, subject, keys);
    }

    fn time_passed(&mut self) {
        let now = Instant::now();
        for id in self.ids(|session| session.deadline().is_some_and(|at| at <= now)) {
            self.on(id, SessionInput::TimePassed);
        }
    }

    fn on(&mut self, id: u64, input: SessionInput) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        let effects = session.on(input, Instant::now());
        for effect in effects {
            self.carry_out(id, effect);
        }
    }

    /// Forgets sessions that are over, and clients without any.
    fn forget(&mut self) {
        let before = self.sessions.len();
        self.sessions.retain(|_, session| !session.is_over());
        if self.sessions.len() < before {
            let clients: BTreeSet<ClientKey> = self.sessions.values().map(Tracked::client).collect();
            self.watches.retain(|client, _| clients.contains(client));
        }
    }

    fn ids(&self, wanted: impl Fn(&Tracked) -> bool) -> Vec<u64> {
        let wanted = self.sessions.iter().filter(|(_, session)| wanted(session));
        wanted.map(|(id, _)| *id).collect()
    }

    /// The sessions of the container that a client calls so.
    fn called(&self, spoken: &str) -> Vec<u64> {
        self.ids(|session| session.is_called(spoken))
    }

    fn is_client(&self, id: u64, client: ClientKey) -> bool {
        self.sessions
            .get(&id)
            .is_some_and(|session| session.client() == client)
    }
}
