//! Which open stream belongs to which session.

use std::sync::Arc;

use super::{Task, Tracked};
use crate::guard::{
    ClosedBy,
    client::Ear,
    input::{ClientKey, Subject},
    session::SessionInput,
};

/// A stream that is open.
pub(super) struct Open {
    client: ClientKey,
    subject: Subject,
    pub(super) ear: Arc<Ear>,
    /// The session of its client.
    session: Option<u64>,
    /// Everybody may be meant until it is known to which container it is.
    resolving: bool,
}

impl Task {
    /// Tells a new session of the streams that were opened to it before it was told of.
    pub(super) fn adopt(&mut self, id: u64, client: ClientKey, subject: &Subject, keys: bool) {
        let mut earlier = Vec::new();
        for (attachment, stream) in &mut self.streams {
            if stream.subject != *subject {
                continue;
            }
            if stream.client == client {
                stream.session = Some(id);
                stream.ear.want(keys);
                earlier.push(SessionInput::Attached(*attachment));
            } else {
                earlier.push(SessionInput::OtherAttached(*attachment));
            }
        }
        for input in earlier {
            self.on(id, input);
        }
    }

    pub(super) fn attached(&mut self, attachment: u64, client: ClientKey, subject: Subject, ear: Arc<Ear>) {
        let (own, others): (Vec<u64>, Vec<u64>) = self
            .ids(|session| session.is(&subject))
            .into_iter()
            .partition(|id| self.is_client(*id, client));
        let own = own.last().copied();
        let keys = own
            .and_then(|id| self.sessions.get(&id))
            .is_some_and(Tracked::wants_keys);
        ear.want(keys);
        let unclear = match &subject {
            Subject::Container(spoken) => {
                own.is_none() && others.is_empty() && !is_full_id(spoken) && !self.sessions.is_empty()
            }
            Subject::Exec(_) => false,
        };
        if let (true, Subject::Container(spoken)) = (unclear, &subject) {
            self.resolve(attachment, spoken.clone());
        }
        self.streams.insert(
            attachment,
            Open {
                client,
                subject,
                ear,
                session: own,
                resolving: unclear,
            },
        );
        for id in others {
            self.on(id, SessionInput::OtherAttached(attachment));
        }
        if let Some(id) = own {
            self.on(id, SessionInput::Attached(attachment));
        }
    }

    pub(super) fn resolved(&mut self, attachment: u64, container: Option<&str>) {
        let Some(stream) = self
            .streams
            .get_mut(&attachment)
            .filter(|stream| stream.resolving)
        else {
            return;
        };
        stream.resolving = false;
        let client = stream.client;
        // When nobody can tell to which container it is, it may be to any.
        let meant = self.ids(|session| session.is_container(container));
        for id in meant {
            if !self.is_client(id, client) {
                self.on(id, SessionInput::OtherAttached(attachment));
            }
        }
    }

    pub(super) fn closed(&mut self, attachment: u64, by: ClosedBy) {
        self.streams.remove(&attachment);
        for id in self.ids(|_| true) {
            self.on(id, SessionInput::Closed { attachment, by });
        }
    }

    pub(super) fn on_stream(&mut self, attachment: u64, input: SessionInput) {
        if let Some(id) = self.streams.get(&attachment).and_then(|stream| stream.session) {
            self.on(id, input);
        }
    }
}

fn is_full_id(spoken: &str) -> bool {
    spoken.len() == 64 && spoken.bytes().all(|byte| byte.is_ascii_hexdigit())
}
