//! A container as its lease sees it: who it is, and everything that is done to end it.

use std::{sync::Arc, time::Duration};

use api::{Escalation, EscalationReason, SessionEvent};
use engine_client::Engine;

use super::{
    Leases,
    client::Teller,
    exit::insist,
    guest::{Hearing, SIGINT, SIGTERM, signal_number},
    ladder::Deed,
    record::LeaseRecord,
};

/// How long to look at PID 1 before a stop goes on without knowing.
const LOOK_LIMIT: Duration = Duration::from_secs(2);
/// What a PID 1 gets that does nothing about the stop signal anyway.
const DEAF_TIMEOUT_S: i64 = 1;

/// A container with a lease, or an attachment.
#[derive(Clone)]
pub struct Container {
    /// Who does things for us.
    pub leases: Leases,
    /// Its full id.
    pub id: Arc<str>,
    /// Whether it has a terminal.
    pub tty: bool,
    /// The signal that stops it.
    pub stop_signal: Option<String>,
}

impl Container {
    fn engine(&self) -> &Engine {
        &self.leases.engine
    }

    /// Does what the ladder says, beside everything else, and tells the client where there is one.
    pub fn carry_out(&self, deed: Deed, teller: Option<&Teller>) {
        let container = self.clone();
        let id = self.id.to_string();
        let escalated = |what, why| {
            if let Some(teller) = teller {
                teller.tell(SessionEvent::Escalated { what, why });
            }
        };
        match deed {
            Deed::Interrupt => self.signal("INT"),
            Deed::Stop(why) => {
                escalated(Escalation::Stop, why);
                tokio::spawn(async move { container.stop(why).await });
            }
            Deed::Kill(why) => {
                escalated(Escalation::Kill, why);
                self.leases.record(LeaseRecord::Killing { container: id, why });
                tokio::spawn(async move {
                    insist("kill", &container.id, || {
                        container.engine().kill(&container.id, None)
                    })
                    .await;
                });
            }
        }
    }

    /// Sends a signal. One that does not arrive is lost, as everywhere.
    pub fn signal(&self, name: &str) {
        let (container, name) = (self.clone(), name.to_owned());
        tokio::spawn(async move {
            if let Err(error) = container.engine().kill(&container.id, Some(&name)).await {
                tracing::debug!(%error, container = %container.id, "signal not sent");
            }
        });
    }

    /// Sets the size of its terminal.
    pub fn resize(&self, columns: u16, rows: u16) {
        if !self.tty {
            return;
        }
        let container = self.clone();
        tokio::spawn(async move {
            if let Err(error) = container.engine().resize(&container.id, columns, rows).await {
                tracing::debug!(%error, container = %container.id, "terminal not resized");
            }
        });
    }

    /// Whether PID 1 certainly does nothing about SIGINT.
    pub async fn is_deaf_to_interrupts(&self) -> bool {
        self.hearing().await[0] == Hearing::Deaf
    }

    /// Stops it, however long it takes to get through to the engine.
    pub async fn stop(&self, why: EscalationReason) {
        // SIGKILL at once where waiting for the stop signal is in vain.
        let timeout_s = (self.hearing().await[1] == Hearing::Deaf).then_some(DEAF_TIMEOUT_S);
        self.leases.record(LeaseRecord::Stopping {
            container: self.id.to_string(),
            why,
            timeout_s,
        });
        let stop = || async { self.engine().stop(&self.id, timeout_s).await.map(drop) };
        insist("stop", &self.id, stop).await;
    }

    /// What PID 1 does about SIGINT and about the stop signal.
    async fn hearing(&self) -> [Hearing; 2] {
        let stop_signal = match &self.stop_signal {
            None => Some(SIGTERM),
            Some(name) => signal_number(name),
        };
        let looked = async {
            let pid = self.engine().container(&self.id).await.ok()?.state.pid;
            if pid == 0 {
                return None;
            }
            let signals = [SIGINT, stop_signal.unwrap_or(SIGTERM)];
            Some(self.leases.guest.hearing(pid, &self.id, signals).await)
        };
        let unknown = [Hearing::Maybe; 2];
        let hearing = tokio::time::timeout(LOOK_LIMIT, looked).await;
        let [interrupt, stop] = hearing.ok().flatten().unwrap_or(unknown);
        [
            interrupt,
            if stop_signal.is_some() {
                stop
            } else {
                Hearing::Maybe
            },
        ]
    }
}
