//! What the engine answers, as far as anything here looks at it.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};

/// The answer to `POST /containers/create`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Created {
    /// The container's id.
    pub id: String,
    /// What the engine did not like, if anything.
    #[serde(default)]
    pub warnings: Option<Vec<String>>,
}

/// A row of `GET /containers/json`.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ContainerSummary {
    /// The container's id.
    pub id: String,
    /// Names, each with a slash before it.
    #[serde(deserialize_with = "null_is_none")]
    pub names: Vec<String>,
    /// The image as it was named.
    pub image: String,
    /// The command line.
    pub command: String,
    /// Seconds since the Unix epoch.
    pub created: i64,
    /// `running`, `exited`, `paused`, `created`, `restarting`, `removing`, `dead`.
    pub state: String,
    /// The same in words, with times.
    pub status: String,
    /// Published and exposed ports.
    #[serde(deserialize_with = "null_is_none")]
    pub ports: Vec<Port>,
    /// Labels.
    #[serde(deserialize_with = "null_is_none")]
    pub labels: BTreeMap<String, String>,
}

/// A port of a container.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Port {
    /// The host's address, where it is published.
    #[serde(rename = "IP")]
    pub ip: Option<String>,
    /// The container's port.
    pub private_port: u16,
    /// The host's port, where it is published.
    pub public_port: Option<u16>,
    /// `tcp`, `udp`, `sctp`.
    #[serde(rename = "Type")]
    pub kind: String,
}

/// The answer to `GET /containers/{id}/json`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ContainerDetails {
    /// The container's id.
    pub id: String,
    /// Its name, with a slash before it.
    pub name: String,
    /// Its state.
    pub state: ContainerState,
    /// What was asked of the image.
    pub config: ContainerDetailsConfig,
    /// What was asked of the host.
    pub host_config: ContainerDetailsHost,
}

/// A container's state.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ContainerState {
    /// As in [`ContainerSummary::state`].
    pub status: String,
    /// Whether it runs; also while paused.
    pub running: bool,
    /// Whether it is paused.
    pub paused: bool,
    /// PID 1's number in the machine; 0 when it does not run.
    pub pid: u32,
    /// PID 1's exit code.
    pub exit_code: i64,
    /// Whether it was killed for want of memory.
    #[serde(rename = "OOMKilled")]
    pub oom_killed: bool,
    /// Why it could not start.
    pub error: String,
    /// When it was started last, as RFC 3339.
    pub started_at: String,
    /// When it ended last, as RFC 3339.
    pub finished_at: String,
}

/// A container's configuration.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ContainerDetailsConfig {
    /// The image as it was named.
    pub image: String,
    /// Whether it has a terminal.
    pub tty: bool,
    /// Whether its input can be written.
    pub open_stdin: bool,
    /// Labels.
    pub labels: Option<BTreeMap<String, String>>,
    /// The signal that stops it, where one was chosen.
    pub stop_signal: Option<String>,
    /// Seconds from the stop signal to SIGKILL, where they were chosen.
    pub stop_timeout: Option<i64>,
}

/// A container's configuration on its host.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ContainerDetailsHost {
    /// Whether it is removed when it ends.
    pub auto_remove: bool,
    /// Its limit of memory in bytes; 0 for none.
    pub memory: i64,
    /// Whether an init is its PID 1.
    pub init: Option<bool>,
    /// When the engine starts it again by itself.
    pub restart_policy: RestartPolicy,
    /// Whose processes it sees: empty or `private` for its own, `host`, `container:ID`.
    pub pid_mode: String,
}

/// When the engine starts a container again by itself.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct RestartPolicy {
    /// `no`, `always`, `unless-stopped`, `on-failure`; empty as `no`.
    pub name: String,
}

/// The answer to `POST /containers/{id}/wait`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct WaitResult {
    /// PID 1's exit code.
    pub status_code: i64,
}

/// A row of `GET /images/json`.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ImageSummary {
    /// The image's id.
    pub id: String,
    /// Names with tags.
    pub repo_tags: Option<Vec<String>>,
    /// Names with digests.
    pub repo_digests: Option<Vec<String>>,
    /// Seconds since the Unix epoch.
    pub created: i64,
    /// Bytes.
    pub size: i64,
}

/// The answer to `GET /images/{name}/json`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ImageDetails {
    /// The image's id.
    pub id: String,
    /// What its containers get.
    pub config: Option<ImageDetailsConfig>,
}

/// What an image gives its containers.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ImageDetailsConfig {
    /// The entry point.
    pub entrypoint: Option<Vec<String>>,
    /// The command, or the entry point's arguments.
    pub cmd: Option<Vec<String>>,
}

/// One of `GET /events`.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct EngineEvent {
    /// `container`, `image`, `network`, …
    #[serde(rename = "Type")]
    pub kind: String,
    /// `die`, `kill`, `oom`, `start`, …
    #[serde(rename = "Action")]
    pub action: String,
    /// What it happened to.
    #[serde(rename = "Actor")]
    pub actor: EngineEventActor,
    /// Seconds since the Unix epoch.
    pub time: i64,
    /// Nanoseconds since the Unix epoch.
    #[serde(rename = "timeNano")]
    pub time_nano: i64,
}

/// What an event happened to.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct EngineEventActor {
    /// Its id.
    #[serde(rename = "ID")]
    pub id: String,
    /// Labels, and what belongs to the event: `name`, `image`, `exitCode`, `signal`.
    pub attributes: BTreeMap<String, String>,
}

/// The engine's language writes an empty list as `null` in places.
fn null_is_none<'d, D: Deserializer<'d>, T: Default + Deserialize<'d>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn container_summary_nulls_are_nothing() {
        let text = r#"{"Id":"a","Names":null,"Ports":null,"Labels":null,"New":1}"#;
        let summary: ContainerSummary = serde_json::from_str(text).unwrap();
        assert_eq!(summary.id, "a");
        assert!(summary.names.is_empty() && summary.ports.is_empty() && summary.labels.is_empty());
    }
}
