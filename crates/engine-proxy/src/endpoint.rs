//! Accepts clients. Always there while the host agent runs, whatever the machine does.

mod processes;

use std::{sync::Arc, time::Duration};

use platform::{LocalListener, LocalStream};
use tokio::sync::Semaphore;
use tracing::warn;

use self::processes::Processes;
use crate::{
    Upstream,
    guard::{ClientIdentity, Guard},
    relay::{ClientStream, Relay},
    rewrite::Rewrite,
};

/// How long to stand back when no connection can be accepted, such as without file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(500);

/// Connections to the engine that wait for their client's next request.
const MAX_IDLE: usize = 128;

/// Descriptors of a connection: itself, and what watches it once it is raw.
const OF_A_CONNECTION: usize = 2;
/// And one for the process that it comes from, if that has no other connection.
const OF_A_CLIENT: u32 = OF_A_CONNECTION as u32 + 1;

/// What an endpoint is made of.
#[derive(Debug)]
pub struct EndpointConfig {
    /// Where clients come in.
    pub listener: LocalListener,
    /// Where their requests go.
    pub upstream: Arc<dyn Upstream>,
    /// What is changed in them before.
    pub rewrite: Arc<dyn Rewrite>,
    /// Who hears of them.
    pub guard: Guard,
    /// Descriptors that clients may take up, at least 3: two for each connection, and one for each process that has
    /// some. Clients for whom none are left wait in the socket's queue.
    pub descriptors: usize,
}

/// The endpoint.
#[derive(Debug)]
pub struct Endpoint(EndpointConfig);

impl Endpoint {
    /// Makes one that does not serve yet.
    pub fn new(config: EndpointConfig) -> Self {
        Self(config)
    }

    /// Serves for as long as it is polled.
    pub async fn serve(self) {
        let EndpointConfig {
            mut listener,
            upstream,
            rewrite,
            guard,
            descriptors,
        } = self.0;
        let places = Arc::new(Semaphore::new(descriptors));
        let idle = Arc::new(Semaphore::new(MAX_IDLE));
        let mut processes = Processes::new();
        loop {
            let Ok(mut place) = Arc::clone(&places).acquire_many_owned(OF_A_CLIENT).await else {
                return;
            };
            match listener.accept().await {
                Ok(stream) => {
                    let connection = place.split(OF_A_CONNECTION);
                    let process = processes.of(stream.peer(), place);
                    let relay = Relay {
                        upstream: Arc::clone(&upstream),
                        idle: Arc::clone(&idle),
                        rewrite: Arc::clone(&rewrite),
                        guard: guard.client(process.map(|process| process as Arc<dyn ClientIdentity>)),
                    };
                    tokio::spawn(async move {
                        relay.serve(stream).await;
                        drop(connection);
                    });
                }
                Err(error) => {
                    warn!(%error, "engine connection not accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

impl ClientStream for LocalStream {
    fn gone(&self) -> impl Future<Output = ()> + Send + 'static {
        let watch = self.watch_peer();
        async move {
            match watch {
                Ok(watch) => watch.gone().await,
                // Then only the end of its process, or a write that fails, tells.
                Err(error) => {
                    warn!(%error, "client cannot be watched");
                    std::future::pending().await
                }
            }
        }
    }
}
