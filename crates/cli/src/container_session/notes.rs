//! What is said beside the output of a container, on stderr.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use api::{Escalation, EscalationReason};

use super::Kind;
use crate::{harmless, output};

/// Says things in a terminal that may be raw, where a line feed alone does not return to the left.
#[derive(Clone, Debug, Default)]
pub struct Notes {
    raw: Arc<AtomicBool>,
}

impl Notes {
    /// The terminal is raw from now on, or no longer.
    pub fn set_raw(&self, raw: bool) {
        self.raw.store(raw, Ordering::Relaxed);
    }

    /// Says one line.
    pub fn say(&self, text: &str) {
        let text = harmless::line(text);
        if self.raw.load(Ordering::Relaxed) {
            // The cursor may stand anywhere in a line of the container's.
            output::error_bytes(format!("\r\n{text}\r\n").as_bytes());
        } else {
            output::note(&text);
        }
    }
}

/// What is said when the host agent does more than was asked for. Nothing about what the user did not see.
pub fn escalated(kind: Kind, what: Escalation, why: EscalationReason) -> Option<&'static str> {
    Some(match (kind, what, why) {
        (_, _, EscalationReason::ClientGone) => return None,
        (Kind::Exec, ..) => "ending the command",
        (_, Escalation::Stop, EscalationReason::SignalUnheard) => {
            "the container does nothing about Ctrl+C; stopping it"
        }
        (_, Escalation::Stop, EscalationReason::StillRunning) => "the container still runs; stopping it",
        (_, Escalation::Stop, EscalationReason::Asked) => "stopping the container; Ctrl+C once more kills it",
        (_, Escalation::Kill, _) => "killing the container",
    })
}
