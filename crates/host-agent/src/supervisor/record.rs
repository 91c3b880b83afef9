//! The clock of a boot.

use std::time::Duration;

use machine::BootPhase;
use protocol::BootStage;
use tokio::time::Instant;

use super::BootRecord;

impl BootRecord {
    pub(super) fn begin() -> Self {
        let now = Instant::now();
        Self {
            began: now,
            phase: Some(BootPhase::CheckingImage),
            phase_began: now,
            phases: Vec::new(),
            total: None,
            stages: Vec::new(),
        }
    }

    /// Ends the phase under way and begins `phase`; [`BootPhase::Ready`] ends the boot.
    pub(super) fn enter(&mut self, phase: BootPhase) {
        let now = Instant::now();
        if let Some(previous) = self.phase {
            self.phases.push((previous, now - self.phase_began));
        }
        self.phase_began = now;
        if phase == BootPhase::Ready {
            self.phase = None;
            self.total = Some(now - self.began);
        } else {
            self.phase = Some(phase);
        }
    }

    /// Ends a boot that failed or was cancelled.
    pub(super) fn end(&mut self) {
        if self.total.is_none() {
            self.enter(BootPhase::Ready);
        }
    }

    pub(super) fn pass(&mut self, stage: BootStage) {
        if !self.stages.iter().any(|known| known.name == stage.name) {
            self.stages.push(stage);
        }
    }

    /// From the start to the engine's first answer, or until now.
    pub fn total(&self) -> Duration {
        self.total.unwrap_or_else(|| self.began.elapsed())
    }
}
