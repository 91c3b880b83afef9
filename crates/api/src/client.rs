//! Calls the host agent: one connection per call over the user's own local socket.
//!
//! A call that got an answer with an [`ApiError`] fails with [`ClientError::Api`]; one that reached nobody fails with
//! [`ClientError::Connect`], which is how a caller notices that it has to start the host agent.

mod connection;
mod events;
mod logs;
mod session;
mod shell;

use std::{io, time::Duration};

use platform::LocalAddress;
use serde::{Serialize, de::DeserializeOwned};

use self::connection::{call, read_json};
pub use self::{
    events::{EventStream, ReceivedEvent},
    logs::LogStream,
    session::{SessionReader, SessionWriter},
    shell::{ShellReader, ShellWriter},
};
use crate::{
    AddForward, AddShare, ApiError, Forward, LogQuery, MoveForward, RemoveForward, RemoveShare, ResetPlan,
    ResetRequest, Route, SessionRequest, Share, ShellRequest, SignalReport, StartRequest, Status,
    StopRequest, WhyAnswer, WhyQuery, signals,
};

/// How long a call that only looks may take before the host agent counts as hung.
const LOOK_LIMIT: Duration = Duration::from_secs(15);

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody answers at the socket: there is no host agent.
    #[error("failed to reach the host agent at {address}")]
    Connect {
        /// The socket.
        address: String,
        /// The operating system's answer.
        source: io::Error,
    },
    /// The host agent answered with an error.
    #[error(transparent)]
    Api(ApiError),
    /// The connection broke, or what came is no HTTP.
    #[error("failed to talk to the host agent")]
    Http(#[source] hyper::Error),
    /// The answer is none that this version knows.
    #[error("failed to understand the host agent's answer to {path}")]
    Answer {
        /// What was called.
        path: &'static str,
        /// Why.
        source: serde_json::Error,
    },
    /// The answer is of another kind than was asked for, such as no upgrade.
    #[error("the host agent answered {path} with status {status}")]
    Unexpected {
        /// What was called.
        path: &'static str,
        /// The HTTP status.
        status: u16,
    },
    /// The host agent is there and does not answer.
    #[error("the host agent did not answer {path} within {limit_s} s")]
    Hung {
        /// What was called.
        path: &'static str,
        /// How long was waited, in seconds.
        limit_s: u64,
    },
}

impl ClientError {
    /// Whether there was no host agent to talk to.
    pub fn is_unreachable(&self) -> bool {
        matches!(self, Self::Connect { .. })
    }

    /// The host agent's own error, where it answered with one.
    pub fn api(&self) -> Option<&ApiError> {
        match self {
            Self::Api(error) => Some(error),
            _ => None,
        }
    }
}

/// Calls the host agent. Cheap to clone; holds no connection.
#[derive(Clone, Debug)]
pub struct Client {
    address: LocalAddress,
}

impl Client {
    /// Makes a client after seeing that somebody listens at `address`.
    ///
    /// Fails with [`ClientError::Connect`] when nobody does.
    pub async fn connect(address: &LocalAddress) -> Result<Self, ClientError> {
        drop(connection::open(address).await?);
        Ok(Self {
            address: address.clone(),
        })
    }

    /// Asks for everything at a glance.
    pub async fn status(&self) -> Result<Status, ClientError> {
        self.look(Route::Status).await
    }

    /// Starts the machine; idempotent. With [`StartRequest::wait`] answers when the engine is ready or the start
    /// failed.
    pub async fn start(&self, request: &StartRequest) -> Result<Status, ClientError> {
        self.act(Route::Start, request).await
    }

    /// Stops the machine; idempotent. Answers when it is stopped.
    pub async fn stop(&self, request: &StopRequest) -> Result<Status, ClientError> {
        self.act(Route::Stop, request).await
    }

    /// Stops the machine if it runs, and starts it.
    pub async fn restart(&self, request: &StartRequest) -> Result<Status, ClientError> {
        self.act(Route::Restart, request).await
    }

    /// Stops the machine's CPUs.
    pub async fn pause(&self) -> Result<Status, ClientError> {
        self.act(Route::Pause, &()).await
    }

    /// Lets the machine's CPUs go on.
    pub async fn resume(&self) -> Result<Status, ClientError> {
        self.act(Route::Resume, &()).await
    }

    /// Deletes the data disk, or says what would go. The machine must be stopped.
    pub async fn reset(&self, request: &ResetRequest) -> Result<ResetPlan, ClientError> {
        self.act(Route::Reset, request).await
    }

    /// Asks why a container stopped.
    pub async fn why(&self, query: &WhyQuery) -> Result<WhyAnswer, ClientError> {
        self.look_at(Route::Why, &query.to_query()).await
    }

    /// Asks what the signals that stop a container do to it: for each of `containers`, or for all that run where there
    /// are none. The reports come in the order of `containers`.
    pub async fn signals(&self, containers: &[String]) -> Result<Vec<SignalReport>, ClientError> {
        if containers.is_empty() {
            return self.look(Route::Signals).await;
        }
        let mut reports = Vec::with_capacity(containers.len());
        for some in containers.chunks(signals::MAX_ASKED) {
            let query = signals::signals_query(some);
            reports.append(&mut self.look_at(Route::Signals, &query).await?);
        }
        Ok(reports)
    }

    /// Asks for every port of a container on the host.
    pub async fn forwards(&self) -> Result<Vec<Forward>, ClientError> {
        self.look(Route::Forwards).await
    }

    /// Joins a host port to a port of a container. Answers with one forward for each address.
    pub async fn add_forward(&self, request: &AddForward) -> Result<Vec<Forward>, ClientError> {
        self.act(Route::AddForward, request).await
    }

    /// Binds what a container has at a port of the host at another one. Answers with the forwards as they are then.
    pub async fn move_forward(&self, request: &MoveForward) -> Result<Vec<Forward>, ClientError> {
        self.act(Route::MoveForward, request).await
    }

    /// Closes what a container has at a port of the host. Answers with what was closed.
    pub async fn remove_forward(&self, request: &RemoveForward) -> Result<Vec<Forward>, ClientError> {
        self.act(Route::RemoveForward, request).await
    }

    /// Asks for every folder of the host that containers can mount.
    pub async fn shares(&self) -> Result<Vec<Share>, ClientError> {
        self.look(Route::Shares).await
    }

    /// Shares a folder, now and after every start.
    pub async fn add_share(&self, request: &AddShare) -> Result<Share, ClientError> {
        self.act(Route::AddShare, request).await
    }

    /// Shares a folder no longer. Answers with it as it was.
    pub async fn remove_share(&self, request: &RemoveShare) -> Result<Share, ClientError> {
        self.act(Route::RemoveShare, request).await
    }

    /// Lets the host agent stop the machine and end. Answers when the machine is down; the host agent ends right after.
    pub async fn quit(&self) -> Result<(), ClientError> {
        let answer = call(&self.address, Route::Quit, "", None::<&()>, &[]).await?;
        drop(answer);
        Ok(())
    }

    /// Reads the OpenAPI document.
    pub async fn openapi(&self) -> Result<serde_json::Value, ClientError> {
        self.look(Route::OpenApi).await
    }

    /// Follows what happens. `after` is the last id that was seen, to go on from there.
    pub async fn events(&self, after: Option<u64>) -> Result<EventStream, ClientError> {
        EventStream::open(&self.address, after).await
    }

    /// Reads a log's text.
    pub async fn logs(&self, query: &LogQuery) -> Result<LogStream, ClientError> {
        LogStream::open(&self.address, query).await
    }

    /// Opens a shell in the machine: its output, and where its input goes.
    pub async fn shell(&self, request: &ShellRequest) -> Result<(ShellReader, ShellWriter), ClientError> {
        shell::open(&self.address, request).await
    }

    /// Runs a container, runs a command in one, or attaches to one: what is told of it, and where its input goes.
    pub async fn container_session(
        &self,
        request: &SessionRequest,
    ) -> Result<(SessionReader, SessionWriter), ClientError> {
        session::open(&self.address, request).await
    }

    async fn look<A: DeserializeOwned>(&self, route: Route) -> Result<A, ClientError> {
        self.look_at(route, "").await
    }

    async fn look_at<A: DeserializeOwned>(&self, route: Route, query: &str) -> Result<A, ClientError> {
        let hung = |_| ClientError::Hung {
            path: route.path(),
            limit_s: LOOK_LIMIT.as_secs(),
        };
        let answer =
            async { read_json(route, call(&self.address, route, query, None::<&()>, &[]).await?).await };
        tokio::time::timeout(LOOK_LIMIT, answer).await.map_err(hung)?
    }

    async fn act<B: Serialize, A: DeserializeOwned>(&self, route: Route, body: &B) -> Result<A, ClientError> {
        read_json(route, call(&self.address, route, "", Some(body), &[]).await?).await
    }
}
