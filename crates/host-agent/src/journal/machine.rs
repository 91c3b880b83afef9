//! What happens to the machine, from what the supervisor publishes, and to the host, from its clocks.

use std::time::{Duration, SystemTime};

use machine::MachineState;
use protocol::EngineState;
use tokio::{
    sync::watch,
    time::{Instant, sleep},
};

use super::{Entry, Journal, What};
use crate::supervisor::Snapshot;

/// Between two looks at the clocks while the machine is up.
const LOOK: Duration = Duration::from_secs(20);
/// How much more time than that must have passed for the host to have slept.
const SLEPT: Duration = Duration::from_secs(10);

/// Keeps what happens to machine and host until the supervisor ends.
pub async fn observe(journal: Journal, mut snapshots: watch::Receiver<Snapshot>) {
    let mut seen = Seen::default();
    loop {
        for what in seen.look(&snapshots.borrow_and_update()) {
            journal.record(Entry::machine(what));
        }
        let clocks = (SystemTime::now(), Instant::now());
        tokio::select! {
            changed = snapshots.changed() => if changed.is_err() {
                return;
            },
            () = sleep(LOOK), if seen.up => {
                let wall = clocks.0.elapsed().unwrap_or_default();
                if let Some(slept) = slept(wall, clocks.1.elapsed()) {
                    let for_ms = u64::try_from(slept.as_millis()).unwrap_or(u64::MAX);
                    journal.record(Entry::machine(What::HostSlept { for_ms }));
                }
            }
        }
    }
}

/// How long the host slept, when a wait of [`LOOK`] took that much time on its two clocks. Of monotonic clocks some
/// stand still meanwhile and some do not.
fn slept(wall: Duration, monotonic: Duration) -> Option<Duration> {
    let more = wall.max(monotonic).saturating_sub(LOOK);
    (more >= SLEPT).then_some(more)
}

/// The machine as it was seen last.
#[derive(Debug, Default)]
struct Seen {
    up: bool,
    stopping: bool,
    paused: bool,
    /// Whether the engine has answered since the machine came up.
    engine_ready: bool,
    engine_lost: bool,
}

impl Seen {
    /// What happened since the last look.
    fn look(&mut self, snapshot: &Snapshot) -> Vec<What> {
        let mut happened = Vec::new();
        match &snapshot.state {
            MachineState::Running | MachineState::Degraded { .. } | MachineState::Paused => {
                let paused = snapshot.state == MachineState::Paused;
                if !self.up {
                    *self = Self::default();
                    self.up = true;
                    happened.push(What::MachineStarted);
                }
                if paused != self.paused {
                    self.paused = paused;
                    happened.push(if paused {
                        What::MachinePaused
                    } else {
                        What::MachineResumed
                    });
                }
                happened.extend(self.look_at_engine(snapshot));
            }
            MachineState::Stopping => {
                if self.up && !self.stopping {
                    self.stopping = true;
                    happened.push(What::MachineStopping);
                }
            }
            MachineState::Stopped | MachineState::Starting { .. } => {
                if self.up {
                    happened.push(What::MachineStopped { reason: None });
                }
                *self = Self::default();
            }
            MachineState::Failed { reason } => {
                if self.up {
                    let reason = reason.clone();
                    happened.push(if self.stopping {
                        What::MachineStopped { reason: Some(reason) }
                    } else {
                        What::MachineCrashed { reason }
                    });
                }
                *self = Self::default();
            }
        }
        happened
    }

    /// An engine that only answers slowly is not lost; nor is one that nobody can ask because the link is.
    fn look_at_engine(&mut self, snapshot: &Snapshot) -> Option<What> {
        snapshot.guest_agent.as_ref()?;
        match snapshot.engine {
            EngineState::Ready { .. } => {
                self.engine_ready = true;
                std::mem::take(&mut self.engine_lost).then_some(What::EngineRestarted)
            }
            EngineState::Unhealthy { restarts: 0, .. } => None,
            EngineState::Starting | EngineState::Stopped | EngineState::Unhealthy { .. } => {
                let lost = self.engine_ready && !self.engine_lost;
                self.engine_lost |= lost;
                lost.then_some(What::EngineLost)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::supervisor::{Provision, absent::Absent};

    fn snapshot(state: MachineState, engine: EngineState, agent: bool) -> Snapshot {
        Snapshot {
            state,
            since: SystemTime::UNIX_EPOCH,
            settings: Absent.settings(),
            verdict: None,
            pid: None,
            boot: None,
            engine,
            guest_agent: agent.then(|| "1".to_owned()),
            image: None,
            console_log: None,
        }
    }

    fn ready() -> EngineState {
        let [version, api_version] = ["28", "1.48"].map(str::to_owned);
        EngineState::Ready { version, api_version }
    }

    #[track_caller]
    fn check(steps: &[(MachineState, EngineState, bool)], expected: &[What]) {
        let mut seen = Seen::default();
        let happened: Vec<What> = steps
            .iter()
            .flat_map(|(state, engine, agent)| seen.look(&snapshot(state.clone(), engine.clone(), *agent)))
            .collect();
        assert_eq!(happened, expected);
    }

    #[test]
    fn look_a_life_in_order_is_kept() {
        let starting = MachineState::Starting {
            phase: machine::BootPhase::Kernel,
        };
        check(
            &[
                (MachineState::Stopped, EngineState::Stopped, false),
                (starting.clone(), EngineState::Stopped, false),
                (MachineState::Running, ready(), true),
                (MachineState::Paused, ready(), true),
                (MachineState::Running, ready(), true),
                (MachineState::Stopping, ready(), true),
                (starting, EngineState::Stopped, false),
            ],
            &[
                What::MachineStarted,
                What::MachinePaused,
                What::MachineResumed,
                What::MachineStopping,
                What::MachineStopped { reason: None },
            ],
        );
    }

    #[test]
    fn look_crash_has_its_reason_and_a_failed_boot_is_none() {
        let failed = || MachineState::Failed {
            reason: "qemu was killed".to_owned(),
        };
        let reason = "qemu was killed".to_owned();
        check(
            &[
                (failed(), EngineState::Stopped, false),
                (MachineState::Running, ready(), true),
                (failed(), EngineState::Stopped, false),
                (failed(), EngineState::Stopped, false),
            ],
            &[What::MachineStarted, What::MachineCrashed { reason }],
        );
    }

    #[test]
    fn look_restart_of_the_engine_is_told_from_a_lost_link() {
        let degraded = || MachineState::Degraded {
            reason: String::new(),
        };
        check(
            &[
                (MachineState::Running, ready(), true),
                (degraded(), EngineState::Starting, false),
                (MachineState::Running, ready(), true),
                (degraded(), EngineState::Starting, true),
                (degraded(), EngineState::Starting, true),
                (MachineState::Running, ready(), true),
            ],
            &[What::MachineStarted, What::EngineLost, What::EngineRestarted],
        );
    }

    #[test]
    fn slept_needs_more_than_a_late_wake_up() {
        let s = Duration::from_secs;
        assert_eq!(slept(s(21), s(21)), None);
        assert_eq!(slept(s(3620), s(20)), Some(s(3600)));
        assert_eq!(slept(s(3620), s(3620)), Some(s(3600)));
    }
}
