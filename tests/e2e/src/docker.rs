//! The stock docker CLI, pointed at a home's engine.

use std::{
    io::{BufRead, BufReader},
    process::Child,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result, ensure};

use crate::{Home, IMAGE, Invocation, payload, tools::Tools};

/// The docker CLI of one home.
#[derive(Debug)]
pub struct Docker {
    home: Arc<Home>,
    tools: Tools,
}

impl Docker {
    /// Finds the CLI and puts its plugins into the home's docker configuration.
    pub fn new(home: Arc<Home>) -> Result<Self> {
        let tools = Tools::find()?;
        let plugins = home.docker_config().join("cli-plugins");
        if !plugins.exists() {
            std::os::unix::fs::symlink(&tools.plugins, plugins)?;
        }
        Ok(Self { home, tools })
    }

    /// A docker command through the context that Pinnace wrote.
    pub fn run<S: AsRef<std::ffi::OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Invocation {
        let mut command = self.home.command(&self.tools.docker);
        command.args(["--context", "pinnace"]);
        Invocation::new(command, self.home.journal().clone()).args(args)
    }

    /// A docker command through an address, as programs do that know no contexts.
    pub fn run_at<S: AsRef<std::ffi::OsStr>>(
        &self,
        host: &str,
        args: impl IntoIterator<Item = S>,
    ) -> Invocation {
        let command = self.home.command(&self.tools.docker);
        Invocation::new(command, self.home.journal().clone())
            .env("DOCKER_HOST", host)
            .args(args)
    }

    /// `docker run --rm IMAGE …` to its end; its output.
    pub fn run_text(&self, args: &[&str]) -> Result<String> {
        self.run(["run", "--rm", IMAGE]).args(args).text()
    }

    /// Imports the cases' image unless the engine has it.
    pub fn import_image(&self) -> Result<()> {
        if self.run(["image", "inspect", IMAGE]).run()?.status.success() {
            return Ok(());
        }
        let archive = payload::archive(&self.tools.busybox)?;
        let import = [
            "import",
            "--change",
            "ENV PATH=/bin",
            "--change",
            "CMD [\"/bin/sh\"]",
            "-",
            IMAGE,
        ];
        self.run(import).input(archive).run()?.success()?;
        Ok(())
    }

    /// Removes a container, whether it runs or not; none is fine.
    pub fn remove(&self, container: &str) -> Result<()> {
        self.run(["rm", "--force", "--volumes", container]).run()?;
        Ok(())
    }

    /// Follows a program's standard output line by line until `line` says that it is enough or the output ends. Returns
    /// the lines. The reading itself has no deadline: what is followed ends by itself or is killed by the case.
    pub fn follow(child: &mut Child, mut line: impl FnMut(&str) -> bool) -> Result<Vec<String>> {
        let stdout = child.stdout.take().context("the outputs are not piped")?;
        let mut lines = Vec::new();
        for text in BufReader::new(stdout).lines() {
            let Ok(text) = text else { break };
            let enough = line(&text);
            lines.push(text);
            if enough {
                break;
            }
        }
        Ok(lines)
    }

    /// Waits until the engine answers through the endpoint.
    pub fn wait_ready(&self, deadline: Duration) -> Result<()> {
        crate::until("an answer of the engine", deadline, || {
            let version = ["version", "--format", "{{.Server.Version}}"];
            Ok(self
                .run(version)
                .within(Duration::from_secs(60))
                .run()?
                .status
                .success())
        })
    }

    /// Fails unless a container is in a state: `running`, `exited`.
    pub fn assert_state(&self, container: &str, state: &str) -> Result<()> {
        let found = self
            .run(["inspect", "--format", "{{.State.Status}}", container])
            .text()?;
        ensure!(found == state, "container {container} is {found}, not {state}");
        Ok(())
    }
}
