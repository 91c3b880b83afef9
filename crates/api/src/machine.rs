//! Bodies and queries of the machine's routes.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// The body of `POST /v1/machine/start`, and of `restart`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct StartRequest {
    /// Whether to answer only when the engine is ready or the start failed.
    pub wait: bool,
    /// The most milliseconds to wait; absent: as long as the boot phases' watchdogs allow.
    pub timeout_ms: Option<u64>,
}

/// The body of `POST /v1/machine/stop`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct StopRequest {
    /// Whether to pull the plug instead of stopping containers and engine first.
    pub force: bool,
    /// How long containers may take together before they are killed, in milliseconds; absent: the setting.
    pub grace_ms: Option<u64>,
}

/// The query of `GET /v1/logs`. The answer is plain text, chunked while `follow`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
pub struct LogQuery {
    /// Which log.
    pub source: LogSource,
    /// How many last lines to begin with.
    #[serde(default = "default_tail")]
    pub tail: u32,
    /// Whether to go on with new lines.
    #[serde(default)]
    pub follow: bool,
}

impl LogQuery {
    /// The query as it stands in a URL.
    pub fn to_query(&self) -> String {
        format!(
            "source={}&tail={}&follow={}",
            self.source.name(),
            self.tail,
            self.follow
        )
    }
}

impl LogSource {
    /// Its name in the query.
    pub const fn name(self) -> &'static str {
        match self {
            Self::HostAgent => "host_agent",
            Self::Console => "console",
            Self::GuestAgent => "guest_agent",
            Self::Engine => "engine",
            Self::Containerd => "containerd",
            Self::Kernel => "kernel",
        }
    }
}

fn default_tail() -> u32 {
    200
}

/// A log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogSource {
    /// The host agent's own records.
    HostAgent,
    /// The guest's serial text.
    Console,
    /// The guest agent's records.
    GuestAgent,
    /// dockerd's output.
    Engine,
    /// containerd's output.
    Containerd,
    /// The guest kernel's ring buffer.
    Kernel,
}

/// The body of `POST /v1/machine/shell`, which upgrades the connection to `pinnace-shell`. After the upgrade both
/// directions are frames of `[kind u8][length u32 BE][payload]`: kind 0 input or output, 1 end of input (empty),
/// 2 resize (columns u16 BE, rows u16 BE), 3 exit code (one byte, from the host agent, last).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ShellRequest {
    /// Program and arguments; empty for an interactive shell.
    pub argv: Vec<String>,
    /// Columns and rows where a terminal is wanted.
    pub tty: Option<(u16, u16)>,
}

/// The body of `POST /v1/machine/reset`: deletes the data disk, and with it every container, image and volume.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ResetRequest {
    /// Only say what would go.
    pub dry_run: bool,
    /// Also delete settings and logs.
    pub factory: bool,
}

/// What a reset deletes, or would delete.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ResetPlan {
    /// Paths and the bytes they occupy on the host.
    pub deletes: Vec<(String, u64)>,
}
