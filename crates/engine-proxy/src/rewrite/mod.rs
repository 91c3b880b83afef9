//! What the endpoint changes in a client's request before the engine sees it.
//!
//! | in | what | why |
//! | --- | --- | --- |
//! | containers | a port that names no address is bound to 127.0.0.1 and ::1, or as the settings say | nobody asked for the network to reach it |
//! | containers, services | `host.docker.internal` and `gateway.docker.internal` are the host | in the machine Docker's own word would be the machine |
//! | containers, services, volumes | paths of the host become paths in the machine | the engine runs there |
//!
//! Only the values in question change; everything else goes on as it is written. A body that the engine would not take is
//! left to the engine, so that the client gets the engine's own error.

mod create;
mod document;
mod host_names;
mod json;
mod mounts;
mod object;
mod paths;
mod ports;
mod settings;

use document::Mismatch;

pub use create::CreateRewrite;
pub use paths::{CaseRule, PathMap, PathMapError, PathStyle, SharedFolder};
pub use settings::{OpenOn, Paths, RewriteSettings};

/// What is changed in a client's request before the engine sees it.
pub trait Rewrite: Send + Sync + std::fmt::Debug {
    /// Whether the body of this call has to be seen whole. Decided from the request line alone.
    fn wants(&self, method: &str, target: &str) -> bool;

    /// The new body; `None` leaves it as it is.
    fn rewrite(&self, method: &str, target: &str, body: &[u8]) -> Result<Option<Vec<u8>>, Refusal>;
}

/// Why a request is refused: answered with status 400 and this message as Docker's error JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What is wrong, with the next step, for people.
    pub message: String,
}

/// Longest body that is seen whole, in bytes; a longer one of a wanted call is refused (413).
pub const MAX_BODY_BYTES: usize = 4 * 1024 * 1024;

/// Changes nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct LeaveAll;

impl Rewrite for LeaveAll {
    fn wants(&self, _: &str, _: &str) -> bool {
        false
    }

    fn rewrite(&self, _: &str, _: &str, _: &[u8]) -> Result<Option<Vec<u8>>, Refusal> {
        Ok(None)
    }
}

/// Why a body is not changed.
#[derive(Debug)]
enum Stop {
    /// The engine has to say what is wrong with it.
    Engine,
    /// It is refused here.
    Refused(Refusal),
}

impl From<Mismatch> for Stop {
    fn from(Mismatch: Mismatch) -> Self {
        Self::Engine
    }
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

#[cfg(test)]
mod tests;
