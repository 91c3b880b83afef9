//! The `pinnace` program in a home.

use std::{path::PathBuf, sync::Arc, time::Duration};

use anyhow::{Context, Result, ensure};
use api::Status;

use crate::{Home, Invocation, programs};

/// How many of each log's last lines a failed case prints.
const LOG_LINES: usize = 25;

/// The built CLI, run in a home's environment.
#[derive(Debug)]
pub struct Pinnace {
    home: Arc<Home>,
    program: PathBuf,
}

impl Pinnace {
    /// Finds the built programs.
    pub fn new(home: Arc<Home>) -> Result<Self> {
        programs::program("pinnace-host-agent")?;
        Ok(Self {
            home,
            program: programs::program("pinnace")?,
        })
    }

    /// A command with the VM image that was built.
    pub fn run<S: AsRef<std::ffi::OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Invocation {
        let mut command = self.home.command(&self.program);
        if let Ok(image) = programs::vm_image_folder() {
            command.env("PINNACE_VM_IMAGE", image);
        }
        Invocation::new(command, self.home.journal().clone()).args(args)
    }

    /// Runs a shell command in the machine and returns its output.
    pub fn shell_text(&self, script: &str) -> Result<String> {
        self.run(["shell", "--no-tty", "--", "sh", "-c", script]).text()
    }

    /// The status of a host agent that runs.
    pub fn status(&self) -> Result<Status> {
        self.try_status()?.context("no host agent answers")
    }

    /// The status; `None` when there is no host agent.
    pub fn try_status(&self) -> Result<Option<Status>> {
        let output = self
            .run(["status", "--format", "json"])
            .within(Duration::from_secs(60))
            .run()?;
        if output.stdout.is_empty() {
            // It was there when the connection was made, and then it was not.
            return Ok(None);
        }
        let value: serde_json::Value =
            serde_json::from_slice(&output.stdout).context("status is not JSON")?;
        if value["host_agent"].is_null() {
            return Ok(None);
        }
        Ok(Some(
            serde_json::from_value(value).context("status has another shape")?,
        ))
    }

    /// One of the paths that `pinnace paths` names.
    pub fn path(&self, name: &str) -> Result<PathBuf> {
        Ok(self.run(["paths", name]).text()?.into())
    }

    /// Stops the machine, ends the host agent, and waits until its process is gone.
    pub fn quit(&self, deadline: Duration) -> Result<()> {
        let pid = self.try_status()?.map(|status| status.host_agent.pid);
        self.run(["daemon", "--stop"]).within(deadline).run()?;
        if let Some(pid) = pid {
            let gone = crate::until("the end of the host agent", deadline, || {
                Ok(!programs::is_alive(pid))
            });
            ensure!(
                gone.is_ok(),
                "host agent {pid} goes on after `pinnace daemon --stop`"
            );
        }
        Ok(())
    }

    /// The last lines of every file in the logs' folder.
    pub fn log_tails(&self) -> String {
        let mut text = String::new();
        let entries = std::fs::read_dir(self.home.path().join("logs"))
            .into_iter()
            .flatten()
            .filter_map(Result::ok);
        for entry in entries {
            let bytes = std::fs::read(entry.path()).unwrap_or_default();
            let content = String::from_utf8_lossy(&bytes);
            let lines: Vec<&str> = content.lines().collect();
            text.push_str(&format!("--- {}\n", entry.file_name().to_string_lossy()));
            text.push_str(&lines[lines.len().saturating_sub(LOG_LINES)..].join("\n"));
            text.push('\n');
        }
        text
    }
}
