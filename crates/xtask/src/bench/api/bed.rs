//! A machine without a VM, and the three doors to its engine.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::super::{cpu::rss_kib, engine_ping};
use crate::{
    image::{self, Arch},
    programs, shell,
};

/// The image of every container here: the machine's own static busybox.
pub const IMAGE: &str = "bench";

const MAKE_IMAGE: &str = "tar -C / -cf - bin/busybox | docker import - bench";
const CONFIG: &str =
    "[machine]\ndriver = \"fake\"\ncpus = 2\nmemory_mib = 2048\ndisk_gib = 24\n[engine]\ncontext = false\n";
const LIMIT: Duration = Duration::from_secs(120);

/// A way to the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    Direct,
    Socat,
    Pinnace,
}

impl Door {
    pub const ALL: [Self; 3] = [Self::Direct, Self::Socat, Self::Pinnace];
}

/// The machine. Dropping it ends and deletes it.
pub struct Bed {
    home: PathBuf,
    /// The host agent's process.
    pub agent: u32,
    /// Its resident memory in KiB before it has done anything.
    pub agent_rss_kib: u64,
    /// The root of the machine's files, as this host sees it.
    root: PathBuf,
    endpoint: PathBuf,
    socat: Option<Child>,
}

impl Bed {
    pub fn prepare() -> Result<Self> {
        let guest_agent = ["build", "--release", "--package", "pinnace-guest-agent"];
        shell::run(shell::cargo().args(guest_agent))?;
        // A socket's path must be short, so the home is not below the build folder.
        let home = std::env::temp_dir().join(format!("pinnace-bench-{}", std::process::id()));
        fs::create_dir_all(home.join("config"))?;
        fs::write(home.join("config/config.toml"), CONFIG)?;
        let mut bed = Self {
            home,
            agent: 0,
            agent_rss_kib: 0,
            root: PathBuf::new(),
            endpoint: PathBuf::new(),
            socat: None,
        };
        bed.start()?;
        Ok(bed)
    }

    fn start(&mut self) -> Result<()> {
        shell::output(self.pinnace().arg("start"))?;
        let json = |arguments: &[&str]| -> Result<Value> {
            let output = shell::output(self.pinnace().args(arguments).args(["--format", "json"]))?;
            Ok(serde_json::from_slice(&output)?)
        };
        let (status, paths) = (json(&["status"])?, json(&["paths"])?);
        let pid = |value: &Value| value.as_u64().and_then(|pid| u32::try_from(pid).ok());
        let outer = pid(&status["machine"]["pid"]).context("status names no process of the machine")?;
        let agent = pid(&status["host_agent"]["pid"]).context("status names no host agent")?;
        let endpoint = paths["engine_socket"].as_str().context("no engine_socket")?;
        let endpoint = PathBuf::from(endpoint.strip_prefix("unix://").unwrap_or(endpoint));
        let inner = child_of(outer).context("the machine's process has no child")?;
        (self.agent, self.endpoint) = (agent, endpoint);
        self.agent_rss_kib = rss_kib(agent)?;
        self.root = PathBuf::from(format!("/proc/{inner}/root"));
        self.write_docker()?;
        let mut socat = Command::new("socat");
        // The time is what it waits with one direction closed: not for ever, by default half a second.
        socat.args(["-t", "600"]);
        socat.arg(format!(
            "UNIX-LISTEN:{},fork,backlog=128",
            self.socket(Door::Socat).display()
        ));
        socat.arg(format!("UNIX-CONNECT:{}", self.socket(Door::Direct).display()));
        self.socat = Some(
            socat
                .stdin(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .context("failed to start socat")?,
        );
        for door in Door::ALL {
            engine_ping::wait(&self.socket(door), LIMIT, || Ok(()))?;
        }
        shell::output(self.pinnace().args(["shell", "--", "sh", "-c", MAKE_IMAGE]))?;
        Ok(())
    }

    /// The socket of a door.
    pub fn socket(&self, door: Door) -> PathBuf {
        match door {
            Door::Direct => self.root.join("run/docker.sock"),
            Door::Socat => self.home.join("socat.sock"),
            Door::Pinnace => self.endpoint.clone(),
        }
    }

    /// A file or folder of the benchmark's own.
    pub fn file(&self, name: &str) -> PathBuf {
        self.home.join(name)
    }

    /// The machine's own docker CLI, run on this host, through a door.
    pub fn docker(&self, door: Door, args: &[&str]) -> Command {
        let mut docker = shell::command(self.home.join("docker"));
        docker.args(args);
        docker.env("DOCKER_HOST", format!("unix://{}", self.socket(door).display()));
        docker.env("DOCKER_CONFIG", self.home.join("docker-config"));
        docker
    }

    fn pinnace(&self) -> Command {
        let mut command = shell::command(programs::release_dir().join("pinnace"));
        command.env("PINNACE_HOME", &self.home);
        command.env("PINNACE_VM_IMAGE", image::output_folder(Arch::native()));
        command
    }

    /// Writes scripts that start the CLI and its builder with the machine's own libraries.
    fn write_docker(&self) -> Result<()> {
        let plugins = self.home.join("docker-config/cli-plugins");
        fs::create_dir_all(&plugins)?;
        let loader = loader(&self.root)?;
        let libraries = loader.parent().unwrap_or(&self.root).to_owned();
        for (script, program) in [
            (self.home.join("docker"), "usr/bin/docker"),
            (
                plugins.join("docker-buildx"),
                "usr/libexec/docker/cli-plugins/docker-buildx",
            ),
        ] {
            let text = format!(
                "#!/bin/sh\nexec {} --library-path {} --argv0 {program} {} \"$@\"\n",
                loader.display(),
                libraries.display(),
                self.root.join(program).display()
            );
            fs::write(&script, text)?;
            fs::set_permissions(&script, fs::Permissions::from_mode(0o755))?;
        }
        Ok(())
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        if let Some(mut socat) = self.socat.take() {
            let _ = socat.kill();
            let _ = socat.wait();
        }
        let _ = shell::output(self.pinnace().args(["daemon", "--stop"]));
        // A mount may be given back a moment later.
        let begun = Instant::now();
        while fs::remove_dir_all(&self.home).is_err() && begun.elapsed() < LIMIT {
            thread::sleep(Duration::from_millis(100));
        }
    }
}

fn loader(root: &Path) -> Result<PathBuf> {
    let folder = root.join(format!("usr/lib/{}-linux-gnu", std::env::consts::ARCH));
    let mut entries = fs::read_dir(&folder)?.filter_map(|entry| Some(entry.ok()?.path()));
    let is_loader = |path: &PathBuf| {
        path.file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with("ld-linux-"))
    };
    let found = entries.find(is_loader);
    found.with_context(|| format!("{} has no dynamic loader", folder.display()))
}

fn child_of(parent: u32) -> Option<u32> {
    let entries = fs::read_dir("/proc").ok()?;
    let mut pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    pids.find(|pid: &u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let field = stat
            .rsplit_once(") ")
            .and_then(|(_, rest)| rest.split(' ').nth(1)?.parse().ok());
        field == Some(parent)
    })
}

/// Fails unless a command of the bed's CLI does well; its output.
pub fn text(command: &mut Command) -> Result<String> {
    let output = shell::output(command)?;
    let text = String::from_utf8_lossy(&output).trim_end().to_owned();
    ensure!(!text.contains('\0'), "the output is no text");
    Ok(text)
}
