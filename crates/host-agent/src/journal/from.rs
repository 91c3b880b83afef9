//! What the guard and the leases have to say, as entries.

use engine_proxy::guard::Decision;

use super::{Entry, Journal, What, entry::now_ms};
use crate::lease::{LeaseRecord, LeaseRecorder};

impl Entry {
    /// A decision of the guard.
    pub fn of_decision(decision: Decision) -> Self {
        let Decision {
            container,
            name,
            rule,
            action,
            evidence,
            client_pid,
        } = decision;
        Self {
            at_ms: now_ms(),
            container,
            name,
            image: String::new(),
            what: What::Guard {
                rule,
                action,
                evidence,
                client_pid,
            },
        }
    }
}

impl From<LeaseRecord> for Entry {
    fn from(record: LeaseRecord) -> Self {
        let name = match &record {
            LeaseRecord::Begun { name, .. } => name.clone(),
            _ => String::new(),
        };
        Self {
            at_ms: now_ms(),
            container: record.container().to_owned(),
            name,
            image: String::new(),
            what: What::Lease { record },
        }
    }
}

impl LeaseRecorder for Journal {
    fn record(&self, record: LeaseRecord) {
        tracing::info!(?record, "lease");
        self.record(Entry::from(record));
    }
}
