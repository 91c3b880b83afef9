//! The one task that owns the machine's state: its data, its loop, what it publishes.

use std::{collections::BTreeMap, sync::Arc, time::SystemTime};

use agent_client::AgentClient;
use api::ApiError;
use machine::{AcceleratorChoice, BootPhase, MachineState, Verdict};
use protocol::EngineState;
use tokio::{
    sync::{broadcast, mpsc, watch},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use super::{BootRecord, Input, Limits, Provision, Provisioned, Snapshot, vm::Vm, waiters::Waiters};
use crate::{failure::sentence, notice::Notice};

/// What the machine is doing.
pub(super) enum State {
    /// No VM, and nothing under way. With the error that led here, if one did.
    Idle(Option<ApiError>),
    /// The boot task works.
    Preparing(CancellationToken),
    /// The VM runs; the engine does not answer yet.
    Booting(Vm),
    /// The engine has answered.
    Up(Vm),
    /// On the way down.
    Stopping(Dying, Ending),
    /// Crashed; started again when the back-off is over.
    Waiting(ApiError),
}

/// What is going down.
pub(super) enum Dying {
    /// A boot task that was cancelled.
    Boot,
    /// A VM.
    Vm(Vm),
}

/// What follows when it is down.
pub(super) enum Ending {
    /// Nothing.
    Rest,
    /// It stays down, failed.
    Fail(ApiError),
    /// The next boot.
    Boot(Option<AcceleratorChoice>),
}

/// What the task waits for besides inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    /// The watchdog of the boot phase.
    Phase,
    /// The orderly stop has taken too long.
    Stop,
    /// The killed VM should be gone.
    Kill,
    /// The machine is started again.
    BackOff,
    /// The machine has been well for so long that earlier crashes do not count.
    Healthy,
    /// Is there space on the host's disk again?
    Space,
    /// Did the host sleep, is the guest's clock due?
    Clock,
}

/// The task's data.
pub(super) struct Task {
    pub(super) provision: Arc<dyn Provision>,
    pub(super) limits: Limits,
    pub(super) sender: mpsc::UnboundedSender<Input>,
    pub(super) state: State,
    pub(super) waiters: Waiters,
    pub(super) timers: BTreeMap<Timer, Instant>,
    /// Counts launches; inputs of earlier ones are ignored.
    pub(super) run: u64,
    pub(super) record: Option<BootRecord>,
    pub(super) provisioned: Option<Box<Provisioned>>,
    pub(super) verdict: Option<Verdict>,
    pub(super) engine: EngineState,
    pub(super) guest_agent: Option<String>,
    /// Crashes in a row.
    pub(super) crashes: u32,
    /// Boots in a row whose kernel did not come up.
    pub(super) lost_boots: u32,
    /// Whether this boot already is the fallback to plain emulation.
    pub(super) fell_back: bool,
    /// Wall and monotonic clock at the last look, to notice that the host slept.
    pub(super) clocks: (SystemTime, Instant),
    /// When the guest's clock was set last.
    pub(super) time_pushed: Instant,
    pub(super) quitting: bool,
    pub(super) snapshot: watch::Sender<Snapshot>,
    pub(super) agent: watch::Sender<Option<AgentClient>>,
    pub(super) shell_exits: broadcast::Sender<(u64, u8)>,
    pub(super) notices: mpsc::UnboundedSender<Notice>,
}

impl Task {
    /// Takes inputs until the machine is down after [`Input::Quit`].
    pub(super) async fn serve(mut self, mut inputs: mpsc::UnboundedReceiver<Input>) {
        loop {
            self.publish();
            self.waiters.tell();
            if self.quitting && matches!(self.state, State::Idle(_)) {
                break;
            }
            let due = self
                .timers
                .iter()
                .min_by_key(|(_, at)| **at)
                .map(|(timer, at)| (*timer, *at));
            let at = due.map_or_else(Instant::now, |(_, at)| at);
            tokio::select! {
                biased;
                input = inputs.recv() => match input {
                    Some(input) => self.take(input).await,
                    None => break,
                },
                () = tokio::time::sleep_until(at), if due.is_some() => {
                    if let Some((timer, _)) = due {
                        self.timers.remove(&timer);
                        self.expired(timer);
                    }
                }
            }
        }
    }

    async fn take(&mut self, input: Input) {
        match input {
            Input::Start(reply) => self.start(reply),
            Input::Stop {
                force,
                grace_ms,
                reply,
            } => self.stop(force, grace_ms, reply),
            Input::Restart(reply) => self.restart(reply),
            Input::Pause(reply) => self.pause(reply),
            Input::Resume(reply) => self.resume(reply),
            Input::Quit(reply) => self.quit(reply),
            Input::Reset(request, reply) => self.reset(request, reply).await,
            // What came before is published. Whoever asked may have gone.
            Input::Flush(done) => done.send(()).unwrap_or_default(),
            Input::Provisioned { run, .. }
            | Input::Verdict { run, .. }
            | Input::BootEnded { run, .. }
            | Input::Driver { run, .. }
            | Input::LinkUp { run, .. }
            | Input::LinkDown { run }
            | Input::LinkIncompatible { run, .. }
            | Input::Agent { run, .. }
            | Input::PauseEnded { run, .. }
            | Input::ShutdownRefused { run, .. }
                if run != self.run => {}
            Input::Provisioned { provisioned, .. } => self.provisioned(provisioned),
            Input::Verdict { verdict, .. } => {
                tracing::info!(
                    accelerator = ?verdict.accelerator,
                    note = verdict.note,
                    detail = verdict.detail,
                    "accelerator chosen"
                );
                self.verdict = Some(verdict);
            }
            Input::BootEnded { result, .. } => self.boot_ended(result),
            Input::Driver { event, .. } => self.driver_event(event),
            Input::LinkUp { agent, facts, .. } => self.link_up(agent, *facts),
            Input::LinkDown { .. } => self.link_down(),
            Input::LinkIncompatible { theirs, .. } => self.link_incompatible(theirs),
            Input::Agent { event, .. } => self.agent_event(event),
            Input::PauseEnded { paused, result, .. } => self.pause_ended(paused, result),
            Input::ShutdownRefused { reason, .. } => self.shutdown_refused(&reason),
        }
    }

    fn expired(&mut self, timer: Timer) {
        match timer {
            Timer::Phase => self.phase_expired(),
            Timer::Stop => self.stop_expired(),
            Timer::Kill => self.kill_expired(),
            Timer::BackOff => self.back_off_over(),
            Timer::Healthy => self.crashes = 0,
            Timer::Space => self.look_for_space(),
            Timer::Clock => self.look_at_clocks(),
        }
    }

    pub(super) fn set_timer(&mut self, timer: Timer, after: std::time::Duration) {
        self.timers.insert(timer, Instant::now() + after);
    }

    pub(super) fn enter_phase(&mut self, phase: BootPhase) {
        let Some(record) = &mut self.record else { return };
        if record.phase.is_none_or(|present| phase <= present) {
            return;
        }
        record.enter(phase);
        let accelerator = self.verdict.as_ref().map(|verdict| verdict.accelerator);
        match self.limits.phase(phase, accelerator) {
            Some(limit) => self.set_timer(Timer::Phase, limit),
            None => drop(self.timers.remove(&Timer::Phase)),
        }
    }

    pub(super) fn vm(&mut self) -> Option<&mut Vm> {
        match &mut self.state {
            State::Booting(vm) | State::Up(vm) | State::Stopping(Dying::Vm(vm), _) => Some(vm),
            State::Idle(_) | State::Preparing(_) | State::Stopping(Dying::Boot, _) | State::Waiting(_) => {
                None
            }
        }
    }

    pub(super) fn notice(&self, message: impl Into<String>, hint: Option<String>) {
        let notice = Notice {
            message: message.into(),
            hint,
        };
        tracing::warn!(message = notice.message, "notice");
        // Without listeners a notice is in the log only.
        drop(self.notices.send(notice));
    }

    fn shown_state(&self) -> MachineState {
        match &self.state {
            State::Idle(None) => MachineState::Stopped,
            State::Idle(Some(error)) | State::Waiting(error) => MachineState::Failed {
                reason: sentence(error),
            },
            State::Preparing(_) | State::Booting(_) => MachineState::Starting {
                phase: self
                    .record
                    .as_ref()
                    .and_then(|record| record.phase)
                    .unwrap_or(BootPhase::CheckingImage),
            },
            State::Up(vm) if vm.paused => MachineState::Paused,
            State::Up(vm) => match self.trouble(vm) {
                Some(reason) => MachineState::Degraded { reason },
                None => MachineState::Running,
            },
            State::Stopping(..) => MachineState::Stopping,
        }
    }

    /// Publishes the state. The engine is what the guest agent said last, and stopped where no VM runs.
    fn publish(&mut self) {
        let state = self.shown_state();
        let (pid, agent) = match self.vm() {
            Some(vm) => (vm.instance.pid(), vm.agent.clone()),
            None => (None, None),
        };
        if self.vm().is_none() {
            self.engine = EngineState::Stopped;
        }
        let guest_agent = agent.as_ref().and(self.guest_agent.clone());
        let had_agent = self.agent.borrow().is_some();
        if agent.is_some() || had_agent {
            self.agent.send_replace(agent);
        }
        let idle = matches!(self.state, State::Idle(_));
        let (provisioned, verdict, boot, engine) =
            (&self.provisioned, &self.verdict, &self.record, &self.engine);
        let provision = &self.provision;
        self.snapshot.send_if_modified(|snapshot| {
            let settings = match provisioned {
                Some(provisioned) if !idle => provisioned.settings.clone(),
                _ if snapshot.state != state => provision.settings(),
                _ => snapshot.settings.clone(),
            };
            let new = Snapshot {
                since: if snapshot.state == state {
                    snapshot.since
                } else {
                    SystemTime::now()
                },
                state,
                settings,
                verdict: verdict.clone(),
                pid,
                boot: boot.clone(),
                engine: engine.clone(),
                guest_agent,
                image: provisioned
                    .as_ref()
                    .and_then(|provisioned| provisioned.image.clone()),
                console_log: provisioned
                    .as_ref()
                    .map(|provisioned| provisioned.console_log.clone()),
            };
            let changed = new != *snapshot;
            *snapshot = new;
            changed
        });
    }
}
