//! How everybody else talks to the supervisor.

use std::{collections::BTreeMap, sync::Arc, time::SystemTime};

use agent_client::AgentClient;
use api::{ApiError, Code, ResetPlan, ResetRequest};
use machine::MachineState;
use protocol::EngineState;
use tokio::{
    sync::{broadcast, mpsc, oneshot, watch},
    time::Instant,
};

use super::{
    Input, Limits, Provision, Snapshot,
    task::{State, Task},
    waiters::{Reply, Waiters},
};
use crate::{failure::failure, notice::Notice};

/// Shells that may end at the same moment without anybody missing it.
const SHELL_EXITS: usize = 256;

/// What a supervisor needs.
pub struct SupervisorConfig {
    /// Finds and checks what the machine boots from.
    pub provision: Arc<dyn Provision>,
    /// Limits of time and number.
    pub limits: Limits,
    /// Where lines for people go.
    pub notices: mpsc::UnboundedSender<Notice>,
}

/// Asks for things and reads what is published. Cheap to clone; the supervisor ends after [`Supervisor::quit`], or with
/// the runtime, which kills its VM.
#[derive(Clone)]
pub struct Supervisor {
    inputs: mpsc::UnboundedSender<Input>,
    snapshot: watch::Receiver<Snapshot>,
    agent: watch::Receiver<Option<AgentClient>>,
    shell_exits: broadcast::Sender<(u64, u8)>,
}

impl Supervisor {
    /// Spawns the task on the present tokio runtime.
    pub fn spawn(config: SupervisorConfig) -> Self {
        let (sender, inputs) = mpsc::unbounded_channel();
        let (snapshot, published) = watch::channel(Snapshot {
            state: MachineState::Stopped,
            since: SystemTime::now(),
            settings: config.provision.settings(),
            verdict: None,
            pid: None,
            boot: None,
            engine: EngineState::Stopped,
            guest_agent: None,
            image: None,
            console_log: None,
        });
        let (agent, agent_published) = watch::channel(None);
        let (shell_exits, _) = broadcast::channel(SHELL_EXITS);
        let task = Task {
            provision: config.provision,
            limits: config.limits,
            sender: sender.clone(),
            state: State::Idle(None),
            waiters: Waiters::default(),
            timers: BTreeMap::new(),
            run: 0,
            record: None,
            provisioned: None,
            verdict: None,
            engine: EngineState::Stopped,
            guest_agent: None,
            crashes: 0,
            lost_boots: 0,
            fell_back: false,
            clocks: (SystemTime::now(), Instant::now()),
            time_pushed: Instant::now(),
            quitting: false,
            snapshot,
            agent,
            shell_exits: shell_exits.clone(),
            notices: config.notices,
        };
        tokio::spawn(task.serve(inputs));
        Self {
            inputs: sender,
            snapshot: published,
            agent: agent_published,
            shell_exits,
        }
    }

    /// The machine as it is published, now and later. Ends when the supervisor does.
    pub fn snapshots(&self) -> watch::Receiver<Snapshot> {
        self.snapshot.clone()
    }

    /// The machine now.
    pub fn snapshot(&self) -> Snapshot {
        self.snapshot.borrow().clone()
    }

    /// The guest agent's connection, while there is one.
    pub fn agent(&self) -> Option<AgentClient> {
        self.agent.borrow().clone()
    }

    /// The guest agent's connection, now and later.
    pub fn agents(&self) -> watch::Receiver<Option<AgentClient>> {
        self.agent.clone()
    }

    /// Shells that end from now on: token and exit code.
    pub fn shell_exits(&self) -> broadcast::Receiver<(u64, u8)> {
        self.shell_exits.subscribe()
    }

    /// Starts the machine; idempotent. Resolves when the engine is ready or the start failed.
    pub async fn start(&self) -> Result<(), ApiError> {
        self.ask(Input::Start).await
    }

    /// Asks for a start and resolves when that is under way.
    pub async fn begin_start(&self) -> Result<(), ApiError> {
        self.begin(Input::Start).await
    }

    /// Stops the machine; idempotent. Resolves when it is down.
    pub async fn stop(&self, force: bool, grace_ms: Option<u64>) -> Result<(), ApiError> {
        self.ask(|reply| Input::Stop {
            force,
            grace_ms,
            reply,
        })
        .await
    }

    /// Stops the machine if it runs, and starts it. Resolves when the engine is ready.
    pub async fn restart(&self) -> Result<(), ApiError> {
        self.ask(Input::Restart).await
    }

    /// Asks for a restart and resolves when that is under way.
    pub async fn begin_restart(&self) -> Result<(), ApiError> {
        self.begin(Input::Restart).await
    }

    /// Stops the machine's CPUs.
    pub async fn pause(&self) -> Result<(), ApiError> {
        self.ask(Input::Pause).await
    }

    /// Lets the machine's CPUs go on.
    pub async fn resume(&self) -> Result<(), ApiError> {
        self.ask(Input::Resume).await
    }

    /// Stops the machine and ends the supervisor. Resolves when the machine is down.
    pub async fn quit(&self) -> Result<(), ApiError> {
        self.ask(Input::Quit).await
    }

    /// Deletes what a reset deletes, or says what would go.
    pub async fn reset(&self, request: ResetRequest) -> Result<ResetPlan, ApiError> {
        let (reply, result) = oneshot::channel();
        self.inputs
            .send(Input::Reset(request, reply))
            .map_err(|_| ended())?;
        result.await.map_err(|_| ended())?
    }

    async fn ask(&self, input: impl FnOnce(Reply) -> Input) -> Result<(), ApiError> {
        let (reply, outcome) = oneshot::channel();
        self.inputs.send(input(reply)).map_err(|_| ended())?;
        outcome.await.map_err(|_| ended())?
    }

    async fn begin(&self, input: impl FnOnce(Reply) -> Input) -> Result<(), ApiError> {
        let (reply, mut outcome) = oneshot::channel();
        let (flush, flushed) = oneshot::channel();
        self.inputs.send(input(reply)).map_err(|_| ended())?;
        self.inputs.send(Input::Flush(flush)).map_err(|_| ended())?;
        flushed.await.map_err(|_| ended())?;
        // No outcome yet: it is under way.
        outcome.try_recv().unwrap_or(Ok(()))
    }
}

fn ended() -> ApiError {
    failure(Code::Conflict, "the host agent is ending")
}
