//! Time since boot, and setting the wall clock from the host's.

use std::time::Duration;

use anyhow::Context;
use rustix::time::{ClockId, Timespec, clock_gettime, clock_settime};

/// A difference below this is left alone: a step would do more harm than it mends.
const TOLERANCE_MS: i128 = 100;

/// Milliseconds since the machine's boot, time asleep included.
#[derive(Clone, Copy, Debug)]
pub struct Uptime {
    zero: Duration,
}

impl Uptime {
    /// Counts from the kernel's boot.
    pub fn since_kernel_boot() -> Self {
        Self { zero: Duration::ZERO }
    }

    /// Counts from now, for a machine that is a process of an older kernel.
    pub fn since_now() -> Self {
        Self { zero: boot_time() }
    }

    /// The milliseconds that have passed.
    pub fn now_ms(self) -> u64 {
        u64::try_from(boot_time().saturating_sub(self.zero).as_millis()).unwrap_or(u64::MAX)
    }
}

/// What setting the clock did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockChange {
    /// It was right to within the tolerance.
    None,
    /// It was moved by that many milliseconds.
    Stepped(i64),
}

/// Steps the wall clock to the host's time if it is off by more than 100 ms.
pub fn set_wall_clock(host_unix_ms: u64) -> anyhow::Result<ClockChange> {
    let now = clock_gettime(ClockId::Realtime);
    let now_ms = i128::from(now.tv_sec) * 1000 + i128::from(now.tv_nsec) / 1_000_000;
    let off_ms = i128::from(host_unix_ms) - now_ms;
    if off_ms.abs() <= TOLERANCE_MS {
        return Ok(ClockChange::None);
    }
    let seconds = i64::try_from(host_unix_ms / 1000).context("the host's time is out of range")?;
    let nanos = (host_unix_ms % 1000) * 1_000_000;
    let time = Timespec {
        tv_sec: seconds,
        tv_nsec: nanos.cast_signed(),
    };
    clock_settime(ClockId::Realtime, time).context("failed to set the clock")?;
    Ok(ClockChange::Stepped(i64::try_from(off_ms).unwrap_or(i64::MAX)))
}

fn boot_time() -> Duration {
    let time = clock_gettime(ClockId::Boottime);
    Duration::new(
        time.tv_sec.unsigned_abs(),
        u32::try_from(time.tv_nsec).unwrap_or(0),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uptime_since_now_starts_near_zero_and_below_the_kernels() {
        let ours = Uptime::since_now();
        assert!(ours.now_ms() <= Uptime::since_kernel_boot().now_ms());
    }
}
