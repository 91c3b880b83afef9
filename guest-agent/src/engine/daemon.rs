//! The two daemons: their configuration, their command lines, and what protects them.

use std::{fs, path::Path};

use anyhow::Context;
use serde_json::{Value, json};
use tokio::process::Command;

use super::{layout::Layout, surroundings::Surroundings};
use crate::{
    limits::{self, OOM_CONTAINERD, OOM_DOCKERD},
    publish::hook,
};

/// Programs are looked up here, also by the daemons themselves (runc, iptables, docker-proxy).
pub const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What containerd does not load: dockerd uses none of it, and each costs time at the start.
const UNUSED_PLUGINS: &[&str] = &[
    "io.containerd.cri.v1.images",
    "io.containerd.cri.v1.runtime",
    "io.containerd.grpc.v1.cri",
    "io.containerd.podsandbox.controller.v1.podsandbox",
    "io.containerd.image-verifier.v1.bindir",
    "io.containerd.internal.v1.opt",
    "io.containerd.internal.v1.tracing",
    "io.containerd.tracing.processor.v1.otlp",
    "io.containerd.monitor.container.v1.restart",
    "io.containerd.nri.v1.nri",
    "io.containerd.differ.v1.erofs",
    "io.containerd.snapshotter.v1.blockfile",
    "io.containerd.snapshotter.v1.btrfs",
    "io.containerd.snapshotter.v1.devmapper",
    "io.containerd.snapshotter.v1.erofs",
    "io.containerd.snapshotter.v1.zfs",
];

/// Which share of its time containerd may spend on collecting garbage. It sets how often containerd looks for some: every
/// 5 ms by this (more where a collection takes longer), so at containerd's own 0.02 four times a second, always. What
/// dockerd asks to have deleted at once is not affected.
const GC_SHARE: f64 = 0.000_25;

/// How often dockerd hands out what it traced, in milliseconds. Its own is every 5 s, whether there is anything or not.
const TRACE_DELAY_MS: &str = "600000";

/// One of the engine's two programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Daemon {
    /// Runs containers.
    Containerd,
    /// Serves the engine's API.
    Dockerd,
}

impl Daemon {
    /// Its program.
    pub fn name(self) -> &'static str {
        match self {
            Self::Containerd => "containerd",
            Self::Dockerd => "dockerd",
        }
    }

    /// Its out-of-memory score.
    pub fn oom_score(self) -> i16 {
        match self {
            Self::Containerd => OOM_CONTAINERD,
            Self::Dockerd => OOM_DOCKERD,
        }
    }

    /// Writes its configuration and gives the command that starts it.
    pub fn command(self, layout: &Layout, surroundings: &Surroundings) -> anyhow::Result<Command> {
        fs::create_dir_all(&layout.config).context("failed to make the engine's configuration folder")?;
        let mut command = Command::new(self.name());
        match self {
            Self::Containerd => {
                write(&layout.containerd_config(), &containerd_toml(layout))?;
                // dockerd waits for the socket to appear; a stale one would make it wait a second longer.
                let _ = fs::remove_file(&layout.containerd_socket);
                command.arg("--config").arg(layout.containerd_config());
            }
            Self::Dockerd => {
                write_docker_config(layout, !layout.is_swarm_member(), None)?;
                // Left by one that was killed; another process may have its number now.
                let _ = fs::remove_file("/run/docker.pid");
                command.arg("--config-file").arg(layout.docker_config());
            }
        }
        command
            .env_clear()
            .env("PATH", PATH)
            .env("HOME", "/root")
            .env("OTEL_BSP_SCHEDULE_DELAY", TRACE_DELAY_MS)
            .current_dir("/");
        if self == Self::Dockerd {
            surroundings.tell(&mut command, &layout.ca_bundle())?;
        }
        limits::usual_files(&mut command);
        Ok(command)
    }
}

/// Writes dockerd's configuration. `live_restore` lets containers go on while dockerd is away; dockerd refuses it
/// together with swarm. `stop_s` is how long dockerd waits for containers when it ends without live-restore.
pub fn write_docker_config(layout: &Layout, live_restore: bool, stop_s: Option<u64>) -> anyhow::Result<()> {
    write(
        &layout.docker_config(),
        &docker_json(layout, live_restore, stop_s).to_string(),
    )
}

fn docker_json(layout: &Layout, live_restore: bool, stop_s: Option<u64>) -> Value {
    let mut config = json!({
        "hosts": [format!("unix://{}", layout.docker_socket.display())],
        "containerd": layout.containerd_socket,
        "data-root": layout.docker_root,
        "exec-root": "/run/docker",
        "pidfile": "/run/docker.pid",
        // Named, so that dockerd does not try the others first.
        "storage-driver": "overlay2",
        "live-restore": live_restore,
        // Ports that name no address: `--publish-all`, and clients that do not come through the host's endpoint. It says
        // of all others which addresses are meant.
        "ip": "127.0.0.1",
        "default-network-opts": {"bridge": {"com.docker.network.bridge.host_binding_ipv4": "127.0.0.1"}},
        // Ours: each published port is asked of the host. See `publish`.
        "userland-proxy": true,
        "userland-proxy-path": layout.publish().join(hook::NAME),
        "log-driver": "json-file",
        "log-opts": { "max-size": "10m", "max-file": "5" },
    });
    if let Some(seconds) = stop_s {
        config["shutdown-timeout"] = seconds.into();
    }
    config
}

fn containerd_toml(layout: &Layout) -> String {
    let unused: Vec<String> = UNUSED_PLUGINS.iter().map(|name| format!("{name:?}")).collect();
    format!(
        "version = 3\nroot = {:?}\nstate = {:?}\noom_score = {OOM_CONTAINERD}\ndisabled_plugins = [{}]\n\n\
         [grpc]\naddress = {:?}\n\n[debug]\nlevel = \"info\"\n\n\
         [plugins.\"io.containerd.gc.v1.scheduler\"]\npause_threshold = {GC_SHARE}\n",
        layout.containerd_root,
        layout.containerd_state,
        unused.join(", "),
        layout.containerd_socket,
    )
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let new = path.with_extension("new");
    fs::write(&new, text)
        .and_then(|()| fs::rename(&new, path))
        .with_context(|| format!("failed to write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn docker_json_has_rotation_and_live_restore() {
        let config = docker_json(&Layout::machine(), true, None);
        assert_eq!(config["live-restore"], true);
        assert_eq!(config["log-opts"]["max-size"], "10m");
        assert_eq!(config["hosts"][0], "unix:///run/docker.sock");
        assert!(config.get("shutdown-timeout").is_none());
    }

    #[test]
    fn command_of_dockerd_only_has_proxies_and_certificates_in_its_environment() {
        let folder = tempfile::tempdir().unwrap();
        let mut layout = Layout::process(folder.path());
        layout.config = folder.path().join("config");
        layout.containerd_socket = folder.path().join("containerd.sock");
        let surroundings = Surroundings::default();
        let http = "http://ann:secret@192.0.2.1:3128";
        surroundings
            .set(protocol::NetworkSettings {
                http_proxy: Some(http.to_owned()),
                https_proxy: Some("http://192.0.2.1:3129".to_owned()),
                no_proxy: Some("localhost".to_owned()),
                ca_certificates: b"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n".to_vec(),
            })
            .unwrap();
        let has = |daemon: Daemon, name: &str| {
            let command = daemon.command(&layout, &surroundings).unwrap();
            let command = command.as_std();
            assert!(
                command
                    .get_args()
                    .all(|word| !word.to_string_lossy().contains("secret"))
            );
            let found = command.get_envs().find(|(key, _)| *key == name);
            found.and_then(|(_, value)| Some(value?.to_string_lossy().into_owned()))
        };
        assert_eq!(has(Daemon::Dockerd, "HTTP_PROXY").as_deref(), Some(http));
        assert_eq!(has(Daemon::Dockerd, "http_proxy").as_deref(), Some(http));
        assert_eq!(
            has(Daemon::Dockerd, "HTTPS_PROXY").as_deref(),
            Some("http://192.0.2.1:3129")
        );
        assert_eq!(has(Daemon::Dockerd, "NO_PROXY").as_deref(), Some("localhost"));
        let bundle = has(Daemon::Dockerd, "SSL_CERT_FILE").unwrap();
        assert_eq!(Path::new(&bundle), layout.ca_bundle());
        assert!(
            fs::read_to_string(bundle)
                .unwrap()
                .ends_with("\nMAA=\n-----END CERTIFICATE-----\n")
        );
        assert_eq!(has(Daemon::Containerd, "HTTP_PROXY"), None);

        surroundings.set(protocol::NetworkSettings::default()).unwrap();
        assert_eq!(has(Daemon::Dockerd, "HTTP_PROXY"), None);
        assert_eq!(has(Daemon::Dockerd, "SSL_CERT_FILE"), None);
    }

    #[test]
    fn docker_json_publishes_ports_through_the_agent() {
        let config = docker_json(&Layout::machine(), true, None);
        assert_eq!(config["ip"], "127.0.0.1");
        assert_eq!(config["userland-proxy"], true);
        assert_eq!(config["userland-proxy-path"], "/run/pinnace/publish/docker-proxy");
    }

    #[test]
    fn containerd_toml_names_folders_and_unused_plugins() {
        let text = containerd_toml(&Layout::process(Path::new("/s")));
        assert!(text.contains("root = \"/s/containerd\""));
        assert!(text.contains("\"io.containerd.grpc.v1.cri\""));
        assert!(text.ends_with("[plugins.\"io.containerd.gc.v1.scheduler\"]\npause_threshold = 0.00025\n"));
    }
}
