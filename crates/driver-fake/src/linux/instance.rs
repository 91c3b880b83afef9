//! A running guest agent: watched by one task until everything it started is gone.

use std::{
    path::PathBuf,
    process::ExitStatus,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use async_trait::async_trait;
use link::Link;
use machine::{DriverError, DriverEvent, Exit, Instance};
use platform::TiedChild;
use tokio::sync::{Notify, mpsc};

use super::{console, control_group::ControlGroups, data_disk};

/// How many of the console's last lines go into the reason of a bad end.
const REASON_LINES: usize = 3;

/// The handle. The task behind it ends with the guest agent; dropping the handle kills it.
pub struct FakeInstance {
    link: Link,
    pid: u32,
    groups: ControlGroups,
    console_log: PathBuf,
    kill: Arc<Notify>,
    ended: Arc<AtomicBool>,
}

impl FakeInstance {
    /// Takes over a child that was just started, and tells `events` of its end.
    pub fn watch(
        child: TiedChild,
        link: Link,
        groups: ControlGroups,
        data_disk: PathBuf,
        console_log: PathBuf,
        events: mpsc::UnboundedSender<DriverEvent>,
    ) -> Self {
        let instance = Self {
            link: link.clone(),
            pid: child.pid(),
            groups: groups.clone(),
            console_log: console_log.clone(),
            kill: Arc::default(),
            ended: Arc::default(),
        };
        let (kill, ended) = (instance.kill.clone(), instance.ended.clone());
        tokio::spawn(async move {
            let exit = wait(child, &kill, &groups, &console_log).await;
            if let Err(error) = data_disk::wait_detached(&data_disk).await {
                tracing::warn!(%error, "the data disk is still attached");
            }
            ended.store(true, Ordering::Release);
            link.close();
            tracing::info!(clean = exit.clean, reason = exit.reason, "namespaces ended");
            // Nobody listens any more when the host agent is on its way out.
            let _ = events.send(DriverEvent::Exited(exit));
        });
        instance
    }

    async fn set_frozen(&self, frozen: bool) -> Result<(), DriverError> {
        let action = if frozen { "pause" } else { "resume" };
        let failed = |reason: String| DriverError::Control { action, reason };
        if self.ended.load(Ordering::Acquire) {
            return Err(failed("it has ended".to_owned()));
        }
        if !self.groups.can_freeze() {
            return Err(failed("this host has no freezer control group".to_owned()));
        }
        self.link.suspend_heartbeat(frozen);
        self.groups
            .set_frozen(frozen)
            .await
            .map_err(|error| failed(error.to_string()))
    }
}

#[async_trait]
impl Instance for FakeInstance {
    fn link(&self) -> Link {
        self.link.clone()
    }

    fn pid(&self) -> Option<u32> {
        Some(self.pid)
    }

    async fn pause(&self) -> Result<(), DriverError> {
        self.set_frozen(true).await
    }

    async fn resume(&self) -> Result<(), DriverError> {
        self.set_frozen(false).await
    }

    async fn kill(&self) -> Result<(), DriverError> {
        self.kill.notify_one();
        Ok(())
    }

    fn console_tail(&self, lines: usize) -> Vec<String> {
        console::tail(&self.console_log, lines)
    }
}

impl Drop for FakeInstance {
    fn drop(&mut self) {
        self.kill.notify_one();
    }
}

/// Waits for the child's end, or brings it about, and then until nothing of the machine is left.
async fn wait(
    child: TiedChild,
    kill: &Notify,
    groups: &ControlGroups,
    console_log: &std::path::Path,
) -> Exit {
    let mut killed = false;
    let status = loop {
        tokio::select! {
            status = child.wait() => break status,
            () = kill.notified(), if !killed => {
                killed = true;
                if let Err(error) = child.kill() {
                    tracing::warn!(%error, "failed to kill the namespaces");
                }
            }
        }
    };
    if let Err(error) = groups.remove().await {
        tracing::warn!(%error, "failed to remove control groups");
    }
    describe(status, killed, || console::tail(console_log, REASON_LINES))
}

/// Puts an exit status into words.
fn describe(status: ExitStatus, killed: bool, last_lines: impl FnOnce() -> Vec<String>) -> Exit {
    use std::os::unix::process::ExitStatusExt;
    // A power-off in a PID namespace ends its PID 1 with SIGINT.
    const SIGINT: i32 = 2;
    if killed {
        return Exit {
            clean: false,
            reason: "it was killed on request".to_owned(),
        };
    }
    if status.success() || status.signal() == Some(SIGINT) {
        return Exit {
            clean: true,
            reason: "the guest powered off".to_owned(),
        };
    }
    let lines = last_lines();
    let reason = if lines.is_empty() {
        format!("the guest agent ended with {status}")
    } else {
        format!("the guest agent ended with {status}: {}", lines.join("; "))
    };
    Exit { clean: false, reason }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use super::*;

    #[test]
    fn describe_power_off_is_clean() {
        for raw in [0, 2] {
            assert!(describe(ExitStatus::from_raw(raw), false, Vec::new).clean);
        }
    }

    #[test]
    fn describe_a_failure_names_status_and_last_lines() {
        let exit = describe(ExitStatus::from_raw(1 << 8), false, || {
            vec!["mount: no".to_owned()]
        });
        assert!(!exit.clean);
        assert_eq!(
            exit.reason,
            "the guest agent ended with exit status: 1: mount: no"
        );
    }

    #[test]
    fn describe_a_kill_on_request_says_so() {
        let exit = describe(ExitStatus::from_raw(9), true, Vec::new);
        assert_eq!(exit.reason, "it was killed on request");
    }
}
