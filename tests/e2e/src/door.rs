//! The two ways to an engine without a VM: the endpoint that users have, and dockerd's own socket behind it.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::{DriverKind, Invocation, Machine};

/// A way to the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Door {
    /// The host agent's endpoint.
    Endpoint,
    /// The socket that dockerd itself listens on, in its own namespaces.
    Dockerd(PathBuf),
}

impl Door {
    /// Its name in messages.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Endpoint => "endpoint",
            Self::Dockerd(_) => "dockerd",
        }
    }
}

impl Machine {
    /// The way past the endpoint. Only a machine without a VM has one: its files are reached through a process in it.
    pub fn dockerd_door(&self) -> Result<Door> {
        ensure!(
            self.driver == DriverKind::Fake,
            "a VM's own socket is out of reach"
        );
        let outer = self
            .pinnace
            .status()?
            .machine
            .pid
            .context("no process of the machine")?;
        let guest_agent = child_of(outer).with_context(|| format!("process {outer} has no child"))?;
        let socket = Path::new("/proc")
            .join(guest_agent.to_string())
            .join("root/run/docker.sock");
        ensure!(socket.exists(), "{} is missing", socket.display());
        Ok(Door::Dockerd(socket))
    }

    /// A docker command through one of the doors.
    pub fn docker_through<S: AsRef<std::ffi::OsStr>>(
        &self,
        door: &Door,
        args: impl IntoIterator<Item = S>,
    ) -> Invocation {
        match door {
            Door::Endpoint => self.docker.run(args),
            Door::Dockerd(socket) => self.docker.run_at(&format!("unix://{}", socket.display()), args),
        }
    }

    /// The socket behind one of the doors.
    pub fn socket_of(&self, door: &Door) -> Result<PathBuf> {
        match door {
            Door::Endpoint => {
                let address = self.pinnace.path("engine_socket")?;
                Ok(address
                    .strip_prefix("unix:")
                    .map_or(address.clone(), |path| Path::new("/").join(path)))
            }
            Door::Dockerd(socket) => Ok(socket.clone()),
        }
    }
}

/// The first child of a process.
fn child_of(parent: u32) -> Option<u32> {
    let entries = std::fs::read_dir("/proc").ok()?;
    let mut pids: Vec<u32> = entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    pids.sort_unstable();
    pids.into_iter().find(|pid| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let parent_field = stat
            .rsplit_once(") ")
            .and_then(|(_, rest)| rest.split(' ').nth(1));
        parent_field.and_then(|field| field.parse().ok()) == Some(parent)
    })
}
