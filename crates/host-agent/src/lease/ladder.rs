//! What is done to end what a client owns, and when. Pure: the time comes from outside.
//!
//! ```text
//!             Ctrl+C                     Ctrl+C again, 10 s pass, PID 1 is deaf to it      Ctrl+C again
//!   Running ──────────► Interrupted ──────────────────────────────────────────────► Stopping ─────────► Killing
//!      └───────────────────────────────── client gone, "stop" ──────────────────────────▲
//! ```
//!
//! The presses count: the second at least stops, the third kills, whatever happened in between.

use std::time::Duration;

use api::EscalationReason;
use tokio::time::Instant;

/// How long a container may take to end after the first Ctrl+C.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// What is to be done now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// SIGINT.
    Interrupt,
    /// The stop signal, and SIGKILL after its time limit.
    Stop(EscalationReason),
    /// SIGKILL.
    Kill(EscalationReason),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Running,
    Interrupted { late_at: Instant },
    Stopping,
    Killing,
}

/// The steps that were taken.
#[derive(Debug)]
pub struct Ladder {
    stage: Stage,
    presses: u32,
}

impl Ladder {
    /// Nobody asked for an end yet.
    pub fn new() -> Self {
        Self {
            stage: Stage::Running,
            presses: 0,
        }
    }

    /// Ctrl+C was pressed.
    pub fn press(&mut self, now: Instant) -> Option<Deed> {
        self.presses = self.presses.saturating_add(1);
        match self.presses {
            1 if self.stage == Stage::Running => {
                self.stage = Stage::Interrupted {
                    late_at: now + PATIENCE,
                };
                Some(Deed::Interrupt)
            }
            1 | 2 => self.stop(EscalationReason::Asked),
            _ => self.kill(EscalationReason::Asked),
        }
    }

    /// How many times Ctrl+C was pressed.
    pub fn presses(&self) -> u32 {
        self.presses
    }

    /// A stop was asked for in so many words; a second time, to be done with it.
    pub fn stop_now(&mut self) -> Option<Deed> {
        self.stop(EscalationReason::Asked)
            .or_else(|| self.kill(EscalationReason::Asked))
    }

    /// PID 1 does nothing about SIGINT.
    pub fn unheard(&mut self) -> Option<Deed> {
        match self.stage {
            Stage::Interrupted { .. } => self.stop(EscalationReason::SignalUnheard),
            _ => None,
        }
    }

    /// The owner is gone.
    pub fn abandon(&mut self) -> Option<Deed> {
        self.stop(EscalationReason::ClientGone)
    }

    /// When [`Ladder::late`] is to be asked.
    pub fn late_at(&self) -> Option<Instant> {
        match self.stage {
            Stage::Interrupted { late_at } => Some(late_at),
            _ => None,
        }
    }

    /// It still runs.
    pub fn late(&mut self, now: Instant) -> Option<Deed> {
        match self.stage {
            Stage::Interrupted { late_at } if now >= late_at => self.stop(EscalationReason::StillRunning),
            _ => None,
        }
    }

    /// Whether anybody wanted an end.
    pub fn is_engaged(&self) -> bool {
        self.stage != Stage::Running
    }

    fn stop(&mut self, why: EscalationReason) -> Option<Deed> {
        match self.stage {
            Stage::Running | Stage::Interrupted { .. } => {
                self.stage = Stage::Stopping;
                Some(Deed::Stop(why))
            }
            Stage::Stopping | Stage::Killing => None,
        }
    }

    fn kill(&mut self, why: EscalationReason) -> Option<Deed> {
        match self.stage {
            Stage::Killing => None,
            _ => {
                self.stage = Stage::Killing;
                Some(Deed::Kill(why))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn each_press_does_more_than_the_last() {
        let mut ladder = Ladder::new();
        let now = Instant::now();
        assert_eq!(ladder.press(now), Some(Deed::Interrupt));
        assert_eq!(ladder.press(now), Some(Deed::Stop(EscalationReason::Asked)));
        assert_eq!(ladder.press(now), Some(Deed::Kill(EscalationReason::Asked)));
        assert_eq!(ladder.press(now), None);
    }

    #[tokio::test(start_paused = true)]
    async fn one_press_is_enough_after_a_while() {
        let mut ladder = Ladder::new();
        ladder.press(Instant::now());
        tokio::time::advance(PATIENCE - Duration::from_millis(1)).await;
        assert_eq!(ladder.late(Instant::now()), None);
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(ladder.late_at(), Some(Instant::now()));
        assert_eq!(
            ladder.late(Instant::now()),
            Some(Deed::Stop(EscalationReason::StillRunning))
        );
        assert_eq!(ladder.late_at(), None);
        // The second press has its stop already; the third kills.
        assert_eq!(ladder.press(Instant::now()), None);
        assert_eq!(
            ladder.press(Instant::now()),
            Some(Deed::Kill(EscalationReason::Asked))
        );
    }

    #[tokio::test(start_paused = true)]
    async fn deaf_pid_1_is_stopped_only_after_a_press() {
        let mut ladder = Ladder::new();
        assert_eq!(ladder.unheard(), None);
        assert!(!ladder.is_engaged());
        ladder.press(Instant::now());
        assert_eq!(
            ladder.unheard(),
            Some(Deed::Stop(EscalationReason::SignalUnheard))
        );
        assert_eq!(ladder.unheard(), None);
    }

    #[test]
    fn owner_gone_stops_once() {
        let mut ladder = Ladder::new();
        assert_eq!(ladder.abandon(), Some(Deed::Stop(EscalationReason::ClientGone)));
        assert_eq!(ladder.abandon(), None);
        assert_eq!(ladder.stop_now(), Some(Deed::Kill(EscalationReason::Asked)));
        assert_eq!(ladder.abandon(), None);
    }

    #[test]
    fn stop_asked_twice_kills() {
        let mut ladder = Ladder::new();
        assert_eq!(ladder.stop_now(), Some(Deed::Stop(EscalationReason::Asked)));
        assert_eq!(ladder.stop_now(), Some(Deed::Kill(EscalationReason::Asked)));
        assert_eq!(ladder.stop_now(), None);
    }
}
