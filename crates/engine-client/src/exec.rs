//! Calls about commands in running containers.

use hyper::Method;
use serde::{Deserialize, Serialize};

use crate::{Engine, EngineError, Hijacked, encode_query, encode_segment};

/// The body of `POST /containers/{id}/exec`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ExecConfig {
    /// Whether input is written.
    pub attach_stdin: bool,
    /// Whether standard output is read.
    pub attach_stdout: bool,
    /// Whether standard error is read.
    pub attach_stderr: bool,
    /// Whether it has a terminal.
    pub tty: bool,
    /// The keys that detach, where they are not the usual ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detach_keys: Option<String>,
    /// `NAME=value`.
    pub env: Vec<String>,
    /// The command line.
    pub cmd: Vec<String>,
    /// The user.
    pub user: String,
    /// The folder.
    pub working_dir: String,
    /// With every capability.
    pub privileged: bool,
}

/// The answer to `GET /exec/{id}/json`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ExecState {
    /// Whether it runs.
    pub running: bool,
    /// Its exit code, when it has ended.
    pub exit_code: Option<i64>,
    /// Its process in the machine; 0 when it does not run.
    pub pid: u32,
    /// The container.
    #[serde(rename = "ContainerID")]
    pub container_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ExecCreated {
    id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ExecStart {
    detach: bool,
    tty: bool,
}

impl Engine {
    /// Makes a command in a container. Returns its id.
    pub async fn create_exec(&self, container: &str, config: &ExecConfig) -> Result<String, EngineError> {
        let path = format!("/containers/{}/exec", encode_segment(container));
        let created: ExecCreated = self.json(Method::POST, &path, Some(config)).await?;
        Ok(created.id)
    }

    /// Starts a command and attaches to its streams: raw with a terminal, frames without.
    pub async fn start_exec(&self, exec: &str, tty: bool) -> Result<Hijacked, EngineError> {
        let path = format!("/exec/{}/start", encode_segment(exec));
        self.hijack(&path, Some(&ExecStart { detach: false, tty })).await
    }

    /// Starts a command that nobody is attached to.
    pub async fn start_exec_detached(&self, exec: &str) -> Result<(), EngineError> {
        let path = format!("/exec/{}/start", encode_segment(exec));
        let body = ExecStart {
            detach: true,
            tty: false,
        };
        self.act(Method::POST, &path, Some(&body)).await.map(drop)
    }

    /// Looks at a command.
    pub async fn exec(&self, exec: &str) -> Result<ExecState, EngineError> {
        let path = format!("/exec/{}/json", encode_segment(exec));
        self.json(Method::GET, &path, None::<&()>).await
    }

    /// Sets the size of a command's terminal.
    pub async fn resize_exec(&self, exec: &str, columns: u16, rows: u16) -> Result<(), EngineError> {
        let query = encode_query([("h", rows.to_string()), ("w", columns.to_string())]);
        let path = format!("/exec/{}/resize{query}", encode_segment(exec));
        self.act(Method::POST, &path, None::<&()>).await.map(drop)
    }
}
