//! A container's or a command's session: what is asked for, and what is told besides its output.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{ApiError, Secret};

/// The body of `POST /v1/containers/session`, which upgrades the connection to `pinnace-container`; its frames are in
/// [`ClientFrame`](crate::ClientFrame) and [`AgentFrame`](crate::AgentFrame).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum SessionRequest {
    /// Makes and starts a container that the client owns: a connection that ends without `Detach` stops it.
    Run(Box<RunRequest>),
    /// Starts a command in a running container. A connection that ends without `Detach` ends the command.
    Exec(ExecRequest),
    /// Attaches to a running container. The client owns nothing: the end of the connection changes nothing.
    Attach(AttachRequest),
}

/// A container to make and start.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RunRequest {
    /// The body of the engine's `POST /containers/create`. Terminal, input and attachments are set from the fields
    /// below, whatever it says.
    #[schema(value_type = Object)]
    pub config: serde_json::Value,
    /// The container's name; absent: the engine makes one up.
    pub name: Option<String>,
    /// The image's platform, as in `linux/arm64`.
    pub platform: Option<String>,
    /// When the image is pulled.
    pub pull: PullPolicy,
    /// What the image's registry is shown when it is pulled: the value of the engine's `X-Registry-Auth`. Kept in memory
    /// only, and no longer than the start takes.
    #[schema(value_type = Option<String>)]
    pub registry_auth: Option<Secret>,
    /// Whether an init is PID 1.
    pub init: InitChoice,
    /// Whether it has a terminal.
    pub tty: bool,
    /// Whether its input is written.
    pub stdin: bool,
    /// Whether nobody is attached: the session ends with the start, and nobody owns the container.
    pub detached: bool,
    /// Whether it goes on when the connection ends without a word: the client is attached and owns nothing.
    pub survives_client: bool,
    /// Columns and rows of the terminal.
    pub size: Option<(u16, u16)>,
    /// The keys that detach, as in `ctrl-p,ctrl-q`. The client looks for them; the engine must know them too, or it
    /// would look for its own.
    pub detach_keys: Option<String>,
}

/// A command to start in a container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ExecRequest {
    /// The container's id or name.
    pub container: String,
    /// Program and arguments.
    pub argv: Vec<String>,
    /// `NAME=value`.
    pub env: Vec<String>,
    /// The folder; absent: the container's.
    pub workdir: Option<String>,
    /// The user; absent: the container's.
    pub user: Option<String>,
    /// Whether it has every capability.
    pub privileged: bool,
    /// Whether it has a terminal.
    pub tty: bool,
    /// Whether its input is written.
    pub stdin: bool,
    /// Whether nobody is attached: the session ends with the start.
    pub detached: bool,
    /// Columns and rows of the terminal.
    pub size: Option<(u16, u16)>,
    /// As in [`RunRequest::detach_keys`].
    pub detach_keys: Option<String>,
}

/// A container to attach to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AttachRequest {
    /// The container's id or name.
    pub container: String,
    /// Whether its input is written.
    pub stdin: bool,
    /// Columns and rows of the client's terminal.
    pub size: Option<(u16, u16)>,
    /// As in [`RunRequest::detach_keys`].
    pub detach_keys: Option<String>,
}

/// When an image is pulled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PullPolicy {
    /// When it is not there.
    #[default]
    Missing,
    /// Every time.
    Always,
    /// Never: a missing image is an error.
    Never,
}

/// Whether an init is PID 1 of a container. With one, a program that does nothing about signals ends by them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum InitChoice {
    /// Unless what the image runs is an init itself.
    #[default]
    Auto,
    /// In any case.
    Always,
    /// In no case.
    Never,
}

/// What is told besides output. Closed; only ever added to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum SessionEvent {
    /// The image is being pulled; this is how far.
    Pulling {
        /// The image as it was named.
        image: String,
        /// Layers that are there.
        layers_done: u32,
        /// Layers that are known of.
        layers: u32,
        /// Bytes that have come.
        bytes: u64,
        /// Bytes in all, as far as they are known.
        total_bytes: u64,
    },
    /// The image has been pulled.
    Pulled {
        /// The image as it was named.
        image: String,
    },
    /// The container was made, or found.
    Created {
        /// Its id.
        id: String,
        /// Its name.
        name: String,
        /// Whether it has a terminal.
        tty: bool,
    },
    /// It has started.
    Started,
    /// Something deserves attention.
    Warning {
        /// Lower case, no final period.
        message: String,
    },
    /// The host agent does more than was asked for, or the next of it.
    Escalated {
        /// What it does now.
        what: Escalation,
        /// Why.
        why: EscalationReason,
    },
    /// The host agent knows that the client closes, and does the rest alone.
    ClosingAck,
    /// The container or command goes on without this client. Nothing comes after it.
    Detached,
}

/// What is done to end a container or a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Escalation {
    /// Its stop signal, then SIGKILL after its time limit.
    Stop,
    /// SIGKILL.
    Kill,
}

/// Why it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EscalationReason {
    /// PID 1 does nothing about Ctrl+C's signal.
    SignalUnheard,
    /// It still runs, long after Ctrl+C.
    StillRunning,
    /// The user asked again, or asked for just this.
    Asked,
    /// The client is gone.
    ClientGone,
}

/// Why a session came to nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SessionFailure {
    /// The error.
    pub error: ApiError,
    /// The exit code that docker has for it: 125 the engine refused, 126 the command cannot be run, 127 there is no
    /// such command, 1 for all else.
    pub exit_code: u8,
}
