//! What the task keeps: the session of a container or of an exec.

use tokio::time::Instant;

use crate::guard::{
    exec::ExecSession,
    input::{ClientKey, Subject},
    session::{Effect, Session, SessionInput},
};

#[derive(Debug)]
pub(super) enum Tracked {
    Container(Session),
    Exec(ExecSession),
}

impl Tracked {
    pub(super) fn client(&self) -> ClientKey {
        match self {
            Self::Container(session) => session.client(),
            Self::Exec(session) => session.client(),
        }
    }

    /// Which container to look at.
    pub(super) fn container(&self) -> &str {
        match self {
            Self::Container(session) => session.container(),
            Self::Exec(session) => session.container(),
        }
    }

    /// Whether a stream to this is a stream to it.
    pub(super) fn is(&self, subject: &Subject) -> bool {
        match (self, subject) {
            (Self::Container(session), Subject::Container(spoken)) => session.is_called(spoken),
            (Self::Exec(session), Subject::Exec(exec)) => session.exec() == exec,
            _ => false,
        }
    }

    /// Whether it is the session of the container that is called so. Execs are no part of that.
    pub(super) fn is_called(&self, spoken: &str) -> bool {
        matches!(self, Self::Container(session) if session.is_called(spoken))
    }

    /// Whether it is the session of this container, or of any.
    pub(super) fn is_container(&self, container: Option<&str>) -> bool {
        match self {
            Self::Container(session) => container.is_none_or(|id| session.container() == id),
            Self::Exec(_) => false,
        }
    }

    pub(super) fn wants_keys(&self) -> bool {
        matches!(self, Self::Container(session) if session.wants_keys())
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Container(session) => session.deadline(),
            Self::Exec(session) => session.deadline(),
        }
    }

    pub(super) fn is_over(&self) -> bool {
        match self {
            Self::Container(session) => session.is_over(),
            Self::Exec(session) => session.is_over(),
        }
    }

    pub(super) fn on(&mut self, input: SessionInput, now: Instant) -> Vec<Effect> {
        match self {
            Self::Container(session) => session.on(input, now),
            Self::Exec(session) => session.on(input, now),
        }
    }
}
