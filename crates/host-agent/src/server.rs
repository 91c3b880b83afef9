//! Serves the contract of the crate `api` on the user's own local socket.

mod answer;
mod container_session;
mod events;
mod forwards;
mod log_tail;
mod logs;
mod machine;
mod shares;
mod shell;
mod signals;
mod why;

use std::{io, sync::Arc, time::Duration};

use ::machine::MachineState;
use api::{Code, Route, Status};
use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
    routing::{get, post},
};
use engine_client::Engine;
use engine_proxy::rewrite::Rewrite;
use platform::{LocalAddress, LocalListener, LocalStream};
use tokio_util::sync::CancellationToken;

use self::answer::Failed;
use crate::{
    event_feed::EventFeed,
    failure::failure,
    forward::Forwards,
    journal::Journal,
    share::Shares,
    status::status,
    supervisor::{Provision, Supervisor},
};

/// How long to stand back when no connection can be accepted, such as without file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(500);

/// What the routes work on.
#[derive(Clone)]
pub struct Server {
    /// Owns the machine.
    pub supervisor: Supervisor,
    /// What the next start would boot from.
    pub provision: Arc<dyn Provision>,
    /// What listeners hear.
    pub feed: EventFeed,
    /// The engine in the machine.
    pub engine: Engine,
    /// Ports of containers on the host.
    pub forwards: Forwards,
    /// Folders of the host in the machine.
    pub shares: Shares,
    /// What is changed in what is asked of the engine.
    pub rewrite: Arc<dyn Rewrite>,
    /// What is known of why containers stopped.
    pub journal: Journal,
    /// The engine's endpoint, for the status.
    pub endpoint: LocalAddress,
    /// Warnings of the host agent's own start.
    pub warnings: Arc<[String]>,
    /// The host agent's own log.
    pub log: Arc<std::path::Path>,
    /// The console's log of the next boot.
    pub console_log: Arc<std::path::Path>,
    /// The machine is down and the host agent ends. Only what was asked before is still answered.
    pub quit: CancellationToken,
}

impl Server {
    /// The status now.
    pub fn status(&self) -> Status {
        let mut snapshot = self.supervisor.snapshot();
        // Of a machine that is down, what counts is what the next start would use.
        if matches!(
            snapshot.state,
            MachineState::Stopped | MachineState::Failed { .. }
        ) {
            snapshot.settings = self.provision.settings();
            snapshot.image = self.provision.image();
        }
        let (forwards, shares) = (self.forwards.list(), self.shares.list());
        status(&snapshot, forwards, shares, &self.endpoint, &self.warnings)
    }

    /// Serves until [`Server::quit`] is cancelled and the answers under way are given.
    pub async fn serve(self, listener: LocalListener) -> io::Result<()> {
        let quit = self.quit.clone().cancelled_owned();
        axum::serve(Endpoint(listener), self.router())
            .with_graceful_shutdown(quit)
            .await
    }

    fn router(self) -> Router {
        Router::new()
            .route(Route::Status.path(), get(status_now))
            .route(Route::Events.path(), get(events::events))
            .route(Route::Start.path(), post(machine::start))
            .route(Route::Stop.path(), post(machine::stop))
            .route(Route::Restart.path(), post(machine::restart))
            .route(Route::Pause.path(), post(machine::pause))
            .route(Route::Resume.path(), post(machine::resume))
            .route(Route::Reset.path(), post(machine::reset))
            .route(Route::Logs.path(), get(logs::logs))
            .route(Route::Shell.path(), post(shell::shell))
            .route(
                Route::ContainerSession.path(),
                post(container_session::container_session),
            )
            .route(Route::Why.path(), get(why::why))
            .route(Route::Signals.path(), get(signals::signals))
            .route(Route::Forwards.path(), get(forwards::forwards))
            .route(Route::AddForward.path(), post(forwards::add))
            .route(Route::MoveForward.path(), post(forwards::move_to))
            .route(Route::RemoveForward.path(), post(forwards::remove))
            .route(Route::Shares.path(), get(shares::shares))
            .route(Route::AddShare.path(), post(shares::add))
            .route(Route::RemoveShare.path(), post(shares::remove))
            .route(Route::Quit.path(), post(quit))
            .route(Route::OpenApi.path(), get(openapi))
            .fallback(async || Failed(failure(Code::NotFound, "there is no such route")))
            .method_not_allowed_fallback(async || {
                Failed(failure(Code::BadRequest, "the route does not have that method"))
            })
            .with_state(self)
    }
}

async fn status_now(State(server): State<Server>) -> impl IntoResponse {
    axum::Json(server.status())
}

/// Answers when the machine is down, so that whoever asked finds nothing left behind.
async fn quit(State(server): State<Server>) -> impl IntoResponse {
    let Server { supervisor, quit, .. } = server;
    let ended = quit.clone();
    // A task of its own: a client that does not wait for the answer has asked all the same.
    tokio::spawn(async move {
        if let Err(error) = supervisor.quit().await {
            tracing::warn!(%error, "machine not stopped in order");
        }
        quit.cancel();
    });
    ended.cancelled().await;
    StatusCode::NO_CONTENT
}

async fn openapi() -> impl IntoResponse {
    (
        [(header::CONTENT_TYPE, "application/json")],
        api::openapi_document(),
    )
}

/// The local socket as axum wants it.
struct Endpoint(LocalListener);

impl axum::serve::Listener for Endpoint {
    type Io = LocalStream;
    type Addr = ();

    async fn accept(&mut self) -> (LocalStream, ()) {
        loop {
            match self.0.accept().await {
                Ok(stream) => return (stream, ()),
                Err(error) => {
                    tracing::warn!(%error, "api connection not accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
