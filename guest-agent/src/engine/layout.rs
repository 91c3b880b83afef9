//! Where the engine's files are.

use std::path::{Path, PathBuf};

/// Paths of one engine.
#[derive(Clone, Debug)]
pub struct Layout {
    /// dockerd's socket.
    pub docker_socket: PathBuf,
    /// containerd's socket.
    pub containerd_socket: PathBuf,
    /// containerd's state, in memory; one folder for each running container below it.
    pub containerd_state: PathBuf,
    /// containerd's root, kept.
    pub containerd_root: PathBuf,
    /// dockerd's root, kept.
    pub docker_root: PathBuf,
    /// Where the configuration files are written, in memory.
    pub config: PathBuf,
}

impl Layout {
    /// In a machine: the usual places, which the data disk's folders are bound to.
    pub fn machine() -> Self {
        Self::with_roots(
            PathBuf::from("/var/lib/docker"),
            PathBuf::from("/var/lib/containerd"),
        )
    }

    /// As a process: kept files lie below the state folder.
    pub fn process(state: &Path) -> Self {
        Self::with_roots(state.join("docker"), state.join("containerd"))
    }

    /// Where dockerd's configuration is.
    pub fn docker_config(&self) -> PathBuf {
        self.config.join("daemon.json")
    }

    /// Where containerd's configuration is.
    pub fn containerd_config(&self) -> PathBuf {
        self.config.join("containerd.toml")
    }

    /// Where the certificate authorities are that the engine trusts, when the host has some of its own.
    pub fn ca_bundle(&self) -> PathBuf {
        self.config.join("ca-certificates.crt")
    }

    /// Folder of the program and the socket by which dockerd publishes ports.
    pub fn publish(&self) -> PathBuf {
        self.config.join("publish")
    }

    /// What dockerd keeps as a member of a swarm.
    pub fn swarm(&self) -> PathBuf {
        self.docker_root.join("swarm")
    }

    /// Whether this engine belongs to a swarm (moby, daemon/cluster: the state file exists from init or join to leave).
    pub fn is_swarm_member(&self) -> bool {
        self.swarm().join("docker-state.json").exists()
    }

    /// One folder for each running container of dockerd's (containerd's runtime v2 layout).
    pub fn running_containers(&self) -> PathBuf {
        self.containerd_state.join("io.containerd.runtime.v2.task/moby")
    }

    fn with_roots(docker_root: PathBuf, containerd_root: PathBuf) -> Self {
        Self {
            docker_socket: PathBuf::from("/run/docker.sock"),
            containerd_socket: PathBuf::from("/run/containerd/containerd.sock"),
            containerd_state: PathBuf::from("/run/containerd"),
            containerd_root,
            docker_root,
            config: PathBuf::from("/run/pinnace"),
        }
    }
}
