//! Leases: the tie between a client in the foreground and what it runs in a container.
//!
//! The client's connection *is* the lease. It may end in any way a process can end (Ctrl+C, a closed window, a crash, a
//! kill, a lost ssh session): unless the client said `detach` before, what it runs is stopped by the host agent, which
//! needs nothing from the client for that.
//!
//! ```text
//!   pinnace run ──── frames ────► client ──► run ─────► owned: ladder ──► container ──► engine
//!   pinnace exec                             command ──────────────────► guest agent
//!   pinnace attach                           attached (owns nothing)
//! ```

mod attached;
mod client;
mod command;
mod config;
mod container;
mod exit;
mod failed;
mod guest;
mod image;
mod init;
mod ladder;
mod owned;
mod record;
mod run;
mod streams;

use std::sync::Arc;

use api::SessionRequest;
use engine_client::Engine;
use engine_proxy::rewrite::Rewrite;
use tokio::io::{AsyncRead, AsyncWrite};

use self::client::Client;
pub use self::{
    guest::{GuestProcesses, SIGINT, SIGTERM, signal_number},
    record::{LeaseRecord, LeaseRecorder},
};
use crate::{engine_connect::EngineConnect, supervisor::Supervisor};

/// What every session works with. Cheap to clone.
#[derive(Clone)]
pub struct Leases {
    engine: Engine,
    guest: Arc<dyn GuestProcesses>,
    recorder: Arc<dyn LeaseRecorder>,
    rewrite: Arc<dyn Rewrite>,
}

impl Leases {
    /// Leases in the machine that `supervisor` owns; `recorder` hears of everything that is done, and
    /// `rewrite` changes what containers are made of.
    pub fn new(supervisor: Supervisor, recorder: Arc<dyn LeaseRecorder>, rewrite: Arc<dyn Rewrite>) -> Self {
        let connect = EngineConnect { supervisor };
        Self {
            engine: Engine::new(connect.clone()),
            guest: Arc::new(connect),
            recorder,
            rewrite,
        }
    }

    /// Serves a client until what it asked for has ended, or goes on without it. What its loss entails is done when
    /// this returns, or is being done.
    pub async fn serve<S>(self, stream: S, request: SessionRequest)
    where
        S: AsyncRead + AsyncWrite + Send + 'static,
    {
        let client = Client::new(stream);
        match request {
            SessionRequest::Run(request) => run::run(self, client, *request).await,
            SessionRequest::Exec(request) => command::exec(self, client, request).await,
            SessionRequest::Attach(request) => attached::attach(self, client, request).await,
        }
    }

    fn record(&self, record: LeaseRecord) {
        self.recorder.record(record);
    }
}

#[cfg(test)]
mod tests;
