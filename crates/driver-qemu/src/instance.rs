//! A machine that runs.

use std::{sync::Mutex, time::Duration};

use async_trait::async_trait;
use link::{Incoming, Link};
use machine::{DriverError, Instance};
use qapi::{Command, qmp};
use tokio::time::timeout;

use crate::{console::Console, process::Process, qmp::Session};

/// How long stopping and resuming may take: stopping waits for disk requests in flight.
const COMMAND_LIMIT: Duration = Duration::from_secs(30);

/// How long QEMU may take to end by itself before it is killed.
const QUIT_LIMIT: Duration = Duration::from_secs(2);

/// How long the kernel may take to end a killed process.
const KILL_LIMIT: Duration = Duration::from_secs(10);

/// One running QEMU. Dropping it kills QEMU.
pub(crate) struct QemuInstance {
    process: Process,
    session: Session,
    link: Link,
    incoming: Mutex<Option<Incoming>>,
    console: Console,
}

impl QemuInstance {
    pub(crate) fn new(
        process: Process,
        session: Session,
        link: Link,
        incoming: Incoming,
        console: Console,
    ) -> Self {
        Self {
            process,
            session,
            link,
            incoming: Mutex::new(Some(incoming)),
            console,
        }
    }

    async fn command<C: Command>(&self, action: &'static str, command: C) -> Result<(), DriverError> {
        match self.session.execute(command, COMMAND_LIMIT).await {
            Ok(_) => Ok(()),
            Err(error) => Err(DriverError::Control {
                action,
                reason: error.to_string(),
            }),
        }
    }
}

#[async_trait]
impl Instance for QemuInstance {
    fn link(&self) -> Link {
        self.link.clone()
    }

    fn incoming(&self) -> Option<Incoming> {
        self.incoming
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .take()
    }

    fn pid(&self) -> Option<u32> {
        Some(self.process.pid())
    }

    async fn pause(&self) -> Result<(), DriverError> {
        // Before the guest falls silent, so that no heartbeat is missed.
        self.link.suspend_heartbeat(true);
        let paused = self.command("pause", qmp::stop {}).await;
        if paused.is_err() {
            self.link.suspend_heartbeat(false);
        }
        paused
    }

    async fn resume(&self) -> Result<(), DriverError> {
        // The heartbeat goes on with QEMU's event, which also follows when somebody else resumes it.
        self.command("resume", qmp::cont {}).await
    }

    async fn kill(&self) -> Result<(), DriverError> {
        if self.process.status().is_some() {
            return Ok(());
        }
        // By itself it flushes its own buffers and removes its files; the answer may be lost with the connection.
        let asked = self.session.execute(qmp::quit {}, QUIT_LIMIT).await;
        if timeout(QUIT_LIMIT, self.process.wait()).await.is_ok() {
            return Ok(());
        }
        tracing::warn!(
            pid = self.process.pid(),
            ?asked,
            "qemu did not quit and is killed"
        );
        let failed = |reason| DriverError::Control {
            action: "kill",
            reason,
        };
        self.process.kill().map_err(|error| failed(error.to_string()))?;
        match timeout(KILL_LIMIT, self.process.wait()).await {
            Ok(_) => Ok(()),
            Err(_) => Err(failed(format!("process {} does not end", self.process.pid()))),
        }
    }

    fn console_tail(&self, lines: usize) -> Vec<String> {
        self.console.tail(lines)
    }
}

impl Drop for QemuInstance {
    fn drop(&mut self) {
        self.link.close();
        if self.process.status().is_none()
            && let Err(error) = self.process.kill()
        {
            tracing::warn!(%error, pid = self.process.pid(), "failed to kill qemu");
        }
    }
}
