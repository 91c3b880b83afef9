//! How far the guard goes.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Rule;

/// What the guard may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GuardSettings {
    /// Which rules are on.
    pub mode: GuardMode,
    /// How long a container may take over a Ctrl+C before it is stopped (rule K3). The label `pinnace.interrupt-wait`
    /// of a container comes before it.
    pub interrupt_wait: Duration,
}

impl Default for GuardSettings {
    fn default() -> Self {
        Self {
            mode: GuardMode::default(),
            interrupt_wait: Duration::from_secs(10),
        }
    }
}

/// Which rules are on. Each mode has those of the modes before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GuardMode {
    /// None.
    Off,
    /// Those about what a user said: K, K2, K3, H, T.
    Signals,
    /// Those about a client that is gone too: C1 to C4, O.
    #[default]
    Foreground,
    /// X too.
    Strict,
}

impl GuardMode {
    /// Whether a rule is on.
    pub(super) fn allows(self, rule: Rule) -> bool {
        self >= match rule {
            Rule::K | Rule::K2 | Rule::K3 | Rule::H | Rule::T => Self::Signals,
            Rule::C1 | Rule::C2 | Rule::C3 | Rule::C4 | Rule::O => Self::Foreground,
            Rule::X => Self::Strict,
        }
    }
}
