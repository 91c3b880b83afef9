//! How long things may take before they count as failed.

use std::time::Duration;

use machine::{Accelerator, BootPhase};

/// Limits of time and number.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Checking the VM image.
    pub checking_image: Duration,
    /// Trying the accelerator and starting the VM's process.
    pub launching: Duration,
    /// The kernel's boot, until the guest agent calls. Doubled under plain emulation, like the next two.
    pub kernel: Duration,
    /// The guest agent's work until it starts the engine: file system check, network.
    pub agent: Duration,
    /// The engine's start.
    pub engine: Duration,
    /// What an orderly stop may take beyond the containers' grace.
    pub stop_extra: Duration,
    /// From killing the VM until its end must be known.
    pub kill: Duration,
    /// Crashes in a row after which the machine stays down.
    pub crashes: u32,
    /// Boots in a row that are tried again when the kernel does not come up.
    pub lost_boots: u32,
    /// How long the machine must have been well for earlier crashes not to count.
    pub healthy_after: Duration,
    /// Between two looks for space on the host's disk while the VM waits for it.
    pub space_poll: Duration,
    /// Space at which a VM that waits for it goes on.
    pub space_needed_bytes: u64,
    /// Between two looks whether the host slept.
    pub sleep_check: Duration,
    /// Between two settings of the guest's clock.
    pub time_push: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        let s = Duration::from_secs;
        Self {
            checking_image: s(120),
            launching: s(90),
            kernel: s(60),
            agent: s(60),
            engine: s(120),
            stop_extra: s(30),
            kill: s(15),
            crashes: 5,
            lost_boots: 2,
            healthy_after: s(600),
            space_poll: s(3),
            space_needed_bytes: 256 * 1024 * 1024,
            sleep_check: s(10),
            time_push: s(60),
        }
    }
}

impl Limits {
    /// The watchdog's limit of a boot phase; `None` once the machine is ready.
    pub fn phase(&self, phase: BootPhase, accelerator: Option<Accelerator>) -> Option<Duration> {
        let factor = if accelerator == Some(Accelerator::Tcg) {
            2
        } else {
            1
        };
        match phase {
            BootPhase::CheckingImage => Some(self.checking_image),
            BootPhase::Launching => Some(self.launching),
            BootPhase::Kernel => Some(self.kernel * factor),
            BootPhase::AgentConnected => Some(self.agent * factor),
            BootPhase::EngineStarting => Some(self.engine * factor),
            BootPhase::Ready => None,
        }
    }

    /// How long to wait before the machine is started again after its `crashes`-th crash in a row: 1, 2, 4 … 60 s.
    pub fn back_off(&self, crashes: u32) -> Duration {
        Duration::from_secs(2_u64.saturating_pow(crashes.saturating_sub(1)).min(60))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn back_off_doubles_up_to_a_minute() {
        let limits = Limits::default();
        let seconds: Vec<_> = (1..=8)
            .map(|crashes| limits.back_off(crashes).as_secs())
            .collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 32, 60, 60]);
    }

    #[test]
    fn phase_under_emulation_gets_double_time() {
        let limits = Limits::default();
        let kernel = |accelerator| limits.phase(BootPhase::Kernel, Some(accelerator)).unwrap();
        assert_eq!(kernel(Accelerator::Tcg), 2 * kernel(Accelerator::Kvm));
    }
}
