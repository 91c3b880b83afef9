//! Pinnace as a peer, in a home of its own.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::{
    cpu::Processes,
    engine_ping,
    peer::{Peer, Started},
};
use crate::{
    image::{self, Arch},
    programs, shell,
};

const LIMIT: Duration = Duration::from_secs(600);

/// Pinnace.
pub struct Pinnace {
    home: PathBuf,
}

impl Pinnace {
    /// Makes its home and gives it its very first boot.
    pub fn prepare(cpus: u32, memory_mib: u32) -> Result<Self> {
        // A socket's path must be short, so the home is not below the build folder.
        let home = std::env::temp_dir().join(format!("pinnace-bench-{}", std::process::id()));
        fs::create_dir_all(home.join("config"))?;
        // The developer's own home is no part of what is measured.
        fs::write(
            home.join("config/config.toml"),
            format!(
                "[machine]\ncpus = {cpus}\nmemory_mib = {memory_mib}\ndisk_gib = 8\n[engine]\ncontext = false\n[shares]\nhome = false\n"
            ),
        )?;
        let mut pinnace = Self { home };
        println!("Pinnace's first boot");
        pinnace.start()?;
        pinnace.stop()?;
        Ok(pinnace)
    }

    fn command(&self) -> Command {
        let mut command = shell::command(programs::release_dir().join("pinnace"));
        command.env("PINNACE_HOME", &self.home);
        command.env("PINNACE_VM_IMAGE", image::output_folder(Arch::native()));
        command
    }

    fn json(&self, args: &[&str]) -> Result<Value> {
        let mut command = self.command();
        let output = shell::output(command.args(args).args(["--format", "json"]))?;
        serde_json::from_slice(&output).with_context(|| format!("`pinnace {args:?}` printed no JSON"))
    }

    fn socket(&self) -> Result<PathBuf> {
        let paths = self.json(&["paths"])?;
        let socket = paths["engine_socket"]
            .as_str()
            .context("`pinnace paths` names no engine_socket")?;
        Ok(Path::new(socket.strip_prefix("unix://").unwrap_or(socket)).to_path_buf())
    }
}

impl Peer for Pinnace {
    fn name(&self) -> &'static str {
        "Pinnace"
    }

    fn start(&mut self) -> Result<Started> {
        let socket = self.socket()?;
        let begin = Instant::now();
        let mut start = self.command();
        let mut child = start
            .arg("start")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        engine_ping::wait(&socket, LIMIT, || Ok(()))?;
        let wall = begin.elapsed();
        ensure!(child.wait()?.success(), "`pinnace start` failed");
        let status = self.json(&["status"])?;
        let pid = |value: &Value| value.as_u64().and_then(|pid| u32::try_from(pid).ok());
        let vm = pid(&status["machine"]["pid"]).context("status names no VM process")?;
        let agent = pid(&status["host_agent"]["pid"]).context("status names no host agent")?;
        let processes = Processes(vec![("vm", vm), ("host agent", agent)]);
        let cpu = processes.cpu()?;
        let boot = &status["machine"]["boot"];
        Ok(Started {
            wall,
            cpu,
            dockerd: dockerd(boot),
            phases: phases(boot),
            processes,
        })
    }

    fn stop(&mut self) -> Result<()> {
        shell::output(self.command().arg("stop")).map(drop)
    }
}

impl Drop for Pinnace {
    fn drop(&mut self) {
        let _ = shell::output(self.command().args(["daemon", "--stop"]));
        let _ = fs::remove_dir_all(&self.home);
    }
}

/// dockerd's own time by the guest agent's account: from its exec to its readiness.
fn dockerd(boot: &Value) -> Duration {
    let stage = |name: &str| {
        let stages = boot["guest_stages"].as_array().into_iter().flatten();
        stages
            .filter(|stage| stage["name"] == name)
            .find_map(|stage| stage["ms"].as_u64())
            .unwrap_or_default()
    };
    Duration::from_millis(stage("engine").saturating_sub(stage("engine launched")))
}

fn phases(boot: &Value) -> Vec<(String, Duration)> {
    let list = |key: &str, prefix: &str| -> Vec<_> {
        let entries = boot[key].as_array().into_iter().flatten();
        entries
            .filter_map(|entry| {
                let name = format!("{prefix}{}", entry["name"].as_str()?);
                Some((name, Duration::from_millis(entry["ms"].as_u64()?)))
            })
            .collect()
    };
    [
        list("phases", "phase "),
        list("guest_stages", "guest uptime after "),
    ]
    .concat()
}
