//! How everybody else talks to the table.

use std::{net::IpAddr, path::PathBuf, sync::Arc, time::Duration};

use agent_client::AgentClient;
use api::{AddForward, ApiError, Code, Forward, MoveForward, RemoveForward};
use engine_client::{Engine, EngineError};
use engine_proxy::rewrite::OpenOn;
use protocol::Transport;
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::timeout,
};
use tokio_util::task::AbortOnDropHandle;

use super::{
    containers::{self, Containers},
    entry::View,
    guest,
    input::{Add, Input, Move, Named, Remove, Reply},
    kept::Kept,
    machine,
    task::Task,
    way::{Room, Way},
};
use crate::{
    down,
    failure::{chain, failure, hinted},
    supervisor::Snapshot,
};

/// Inputs that may wait; then the guest waits too.
const QUEUED: usize = 64;
/// How long the engine may take to say which container is meant.
const LOOK: Duration = Duration::from_secs(10);

/// What the forwards need.
pub struct ForwardsConfig {
    /// The guest agent's connection, now and later.
    pub agents: watch::Receiver<Option<AgentClient>>,
    /// The machine, now and later.
    pub snapshots: watch::Receiver<Snapshot>,
    /// The engine in it.
    pub engine: Engine,
    /// Where what users changed is kept.
    pub state_folder: PathBuf,
    /// Where ports are opened whose owner left that open.
    pub open_on: OpenOn,
    /// How much there may be at once.
    pub room: Room,
}

/// Asks for things and reads what is published. Cheap to clone; the forwards end with the last clone.
#[derive(Clone, Debug)]
pub struct Forwards {
    inputs: mpsc::Sender<Input>,
    views: watch::Receiver<Arc<[View]>>,
    engine: Engine,
    _tasks: Arc<[AbortOnDropHandle<()>; 5]>,
}

impl Forwards {
    /// Spawns the tasks on the present tokio runtime. Gives a warning for the user as well, where what was kept could not
    /// be read.
    pub fn spawn(config: ForwardsConfig) -> (Self, Option<String>) {
        let (kept, warning) = Kept::load(&config.state_folder);
        let (inputs, received) = mpsc::channel(QUEUED);
        let (publish, views) = watch::channel(Arc::from([]));
        let way = Way::new(config.agents.clone(), config.room);
        let pause = machine::pause(config.snapshots.clone(), way.stalls().clone());
        let task = Task::new(way, config.open_on, kept, inputs.downgrade(), publish);
        let containers = containers::follow(config.snapshots.clone(), config.engine.clone(), inputs.clone());
        let tasks = [
            AbortOnDropHandle::new(tokio::spawn(task.serve(received))),
            AbortOnDropHandle::new(tokio::spawn(guest::follow(config.agents, inputs.clone()))),
            AbortOnDropHandle::new(tokio::spawn(down::tell(config.snapshots, inputs.clone(), || {
                Input::Down
            }))),
            AbortOnDropHandle::new(tokio::spawn(pause)),
            AbortOnDropHandle::new(tokio::spawn(containers)),
        ];
        let forwards = Self {
            inputs,
            views,
            engine: config.engine,
            _tasks: Arc::new(tasks),
        };
        (forwards, warning)
    }

    /// Every forward as it is now, oldest first.
    pub fn list(&self) -> Vec<Forward> {
        let views = Arc::clone(&self.views.borrow());
        let views = views.iter().map(|view| Forward {
            connections: view.connections.count(),
            ..view.forward.clone()
        });
        views.collect()
    }

    /// Tells that the forwards changed. Their counts of connections do not count.
    pub fn changes(&self) -> watch::Receiver<Arc<[View]>> {
        self.views.clone()
    }

    /// Joins a host port to a port of a container.
    pub async fn add(&self, request: AddForward) -> Result<Vec<Forward>, ApiError> {
        if request.container_port == 0 {
            return Err(failure(
                Code::BadRequest,
                "`container_port` must be from 1 to 65535",
            ));
        }
        let (transport, host) = (transport(&request.protocol)?, address(request.host.as_deref())?);
        let container = self.named(&request.container).await?;
        let add = Add {
            container,
            transport,
            host,
            host_port: request.host_port,
            container_port: request.container_port,
        };
        self.ask(|reply| Input::Add(add, reply)).await
    }

    /// Binds what a container has at a host port at another one.
    pub async fn move_to(&self, request: MoveForward) -> Result<Vec<Forward>, ApiError> {
        let (transport, to_host) = (
            transport(&request.protocol)?,
            address(request.to_host.as_deref())?,
        );
        let wanted = Move {
            container: self.named_here(&request.container).await?,
            transport,
            from: request.from_host_port,
            to: request.to_host_port,
            to_host,
        };
        self.ask(|reply| Input::Move(wanted, reply)).await
    }

    /// Closes what a container has at a host port.
    pub async fn remove(&self, request: RemoveForward) -> Result<Vec<Forward>, ApiError> {
        let transport = transport(&request.protocol)?;
        let remove = Remove {
            container: self.named_here(&request.container).await?,
            transport,
            port: request.host_port,
        };
        self.ask(|reply| Input::Remove(remove, reply)).await
    }

    async fn ask(&self, input: impl FnOnce(Reply) -> Input) -> Result<Vec<Forward>, ApiError> {
        let (reply, outcome) = oneshot::channel();
        let ended = || failure(Code::Conflict, "the host agent is ending");
        self.inputs.send(input(reply)).await.map_err(|_| ended())?;
        outcome.await.map_err(|_| ended())?
    }

    /// The container that somebody means, as the engine knows it.
    async fn named(&self, asked: &str) -> Result<Named, ApiError> {
        let asked = asked.trim_start_matches('/');
        if asked.is_empty() {
            return Err(failure(Code::BadRequest, "no container is named"));
        }
        let looked = timeout(LOOK, self.engine.container(asked)).await;
        let details = looked
            .map_err(|_| failure(Code::Timeout, "the engine did not say which container that is"))?
            .map_err(|error| refused(asked, &error))?;
        Ok(Named {
            name: details.name.trim_start_matches('/').to_owned(),
            id: details.id,
            running: details.state.running,
        })
    }

    /// The container of forwards that are there. The table is told the newest first, so that it knows whose they are. Where
    /// the engine cannot be asked, what is known of it must do.
    async fn named_here(&self, asked: &str) -> Result<Named, ApiError> {
        let named = match self.named(asked).await {
            Ok(named) => named,
            Err(error) if error.code == Code::NotRunning => {
                return self.known(asked.trim_start_matches('/')).ok_or(error);
            }
            Err(error) => return Err(error),
        };
        if let Ok(containers) = Containers::list(&self.engine).await {
            // The table ends with the host agent.
            drop(self.inputs.send(Input::Containers(containers)).await);
        }
        Ok(named)
    }

    fn known(&self, asked: &str) -> Option<Named> {
        let known = self.list().into_iter().find(|forward| {
            forward.container.as_deref() == Some(asked) || forward.container_id.as_deref() == Some(asked)
        })?;
        Some(Named {
            id: known.container_id?,
            name: known.container.unwrap_or_default(),
            running: false,
        })
    }
}

fn transport(protocol: &str) -> Result<Transport, ApiError> {
    match protocol {
        "tcp" => Ok(Transport::Tcp),
        "udp" => Ok(Transport::Udp),
        _ => Err(failure(
            Code::BadRequest,
            format!(
                "`protocol` is `{}`, it must be `tcp` or `udp`",
                protocol.escape_debug()
            ),
        )),
    }
}

fn address(text: Option<&str>) -> Result<Option<IpAddr>, ApiError> {
    let wrong = |text: &str| {
        hinted(
            Code::BadRequest,
            format!("`{}` is no address of a host", text.escape_debug()),
            "give one as 127.0.0.1, ::1 or 0.0.0.0",
        )
    };
    let parse = |text: &str| text.parse().map_err(|_| wrong(text));
    text.map(parse).transpose()
}

fn refused(asked: &str, error: &EngineError) -> ApiError {
    match error {
        EngineError::Connect(_) => failure(Code::NotRunning, chain(error)),
        error if error.is_not_found() => hinted(
            Code::NotFound,
            format!("there is no container `{}`", asked.escape_debug()),
            "see `pinnace ps --all`",
        ),
        error => failure(Code::Internal, chain(error)),
    }
}
