//! The way up: boot task, boot phases and their watchdogs, crashes and what follows from them.

use std::mem;

use api::{ApiError, Code};
use machine::{Accelerator, AcceleratorChoice, BootPhase, DriverEvent, Exit};
use protocol::EngineState;
use tokio_util::sync::CancellationToken;

use super::{
    BootRecord, Provisioned,
    boot::{BootTask, Launched},
    input::BootFailure,
    task::{Dying, Ending, State, Task, Timer},
    vm::{DiskTrouble, Vm},
    waiters::Goal,
};
use crate::failure::{failure, hinted, sentence};

impl Task {
    /// Starts the boot task. `accelerator` overrides the setting.
    pub(super) fn begin_boot(&mut self, accelerator: Option<AcceleratorChoice>) {
        self.run += 1;
        self.timers.clear();
        self.fell_back = accelerator.is_some();
        self.record = Some(BootRecord::begin());
        self.verdict = None;
        self.engine = EngineState::Stopped;
        self.set_timer(Timer::Phase, self.limits.checking_image);
        let cancel = CancellationToken::new();
        BootTask {
            run: self.run,
            provision: self.provision.clone(),
            accelerator,
            inputs: self.sender.clone(),
            cancel: cancel.clone(),
            launch_grace: self.limits.kill,
        }
        .spawn();
        self.state = State::Preparing(cancel);
    }

    pub(super) fn provisioned(&mut self, provisioned: Box<Provisioned>) {
        self.provisioned = Some(provisioned);
        if matches!(self.state, State::Preparing(_)) {
            self.enter_phase(BootPhase::Launching);
        }
    }

    pub(super) fn boot_ended(&mut self, result: Result<Launched, BootFailure>) {
        match (mem::replace(&mut self.state, State::Idle(None)), result) {
            (State::Preparing(_), Ok(launched)) => {
                self.state = State::Booting(Vm::adopt(self.run, launched, &self.sender));
                self.enter_phase(BootPhase::Kernel);
            }
            (State::Preparing(_), Err(BootFailure::Failed(error))) => self.boot_failed(error),
            (State::Preparing(_), Err(BootFailure::Cancelled)) => self.rest(Ending::Rest),
            (State::Stopping(Dying::Boot, ending), Ok(launched)) => {
                let vm = Vm::adopt(self.run, launched, &self.sender);
                vm.kill();
                self.set_timer(Timer::Kill, self.limits.kill);
                self.state = State::Stopping(Dying::Vm(vm), ending);
            }
            (State::Stopping(Dying::Boot, ending), Err(_)) => self.rest(ending),
            (other, _) => self.state = other,
        }
    }

    /// The engine answers: the boot is over, or a restarted engine is back.
    pub(super) fn engine_ready(&mut self) {
        self.engine_seen_starting();
        self.enter_phase(BootPhase::Ready);
        self.state = match mem::replace(&mut self.state, State::Idle(None)) {
            State::Booting(vm) => {
                tracing::info!(
                    total_ms = self.record.as_ref().map(|record| record.total().as_millis()),
                    "machine ready"
                );
                self.set_timer(Timer::Healthy, self.limits.healthy_after);
                State::Up(vm)
            }
            other => other,
        };
        if matches!(self.state, State::Up(_)) {
            self.waiters.settle(Goal::Up, &Ok(()));
        }
    }

    pub(super) fn engine_seen_starting(&mut self) {
        if matches!(self.state, State::Booting(_)) {
            self.enter_phase(BootPhase::EngineStarting);
        }
    }

    pub(super) fn driver_event(&mut self, event: DriverEvent) {
        match event {
            DriverEvent::DiskError { no_space, reason } => {
                self.disk_failed(DiskTrouble { no_space, reason });
            }
            DriverEvent::GuestPanicked => {
                if let Some(vm) = self.vm() {
                    vm.doom
                        .get_or_insert_with(|| "the guest's kernel panicked".to_owned());
                    // Where the panicked VM does not end by itself it would stand still for good.
                    vm.kill();
                }
            }
            DriverEvent::AcceleratorFailed { reason } => self.accelerator_failed(&reason),
            DriverEvent::Exited(exit) => self.exited(&exit),
        }
    }

    fn accelerator_failed(&mut self, reason: &str) {
        if let Some(vm) = self.vm() {
            vm.doom = Some(format!("the accelerator gave up: {reason}"));
            vm.accelerator_failed = true;
            vm.kill();
        }
    }

    fn exited(&mut self, exit: &Exit) {
        match mem::replace(&mut self.state, State::Idle(None)) {
            State::Stopping(Dying::Vm(_), ending) => self.rest(ending),
            State::Booting(vm) if vm.accelerator_failed && self.may_fall_back() => {
                self.notice(
                    format!(
                        "{}; starting again under plain emulation",
                        vm.doom.as_deref().unwrap_or_default()
                    ),
                    Some("see `pinnace doctor`".to_owned()),
                );
                drop(vm);
                self.begin_boot(Some(AcceleratorChoice::Tcg));
            }
            State::Booting(vm) if self.may_boot_again() => {
                self.lost_boots += 1;
                let error = exit_error(&vm, exit, "the guest's kernel did not come up");
                self.notice(format!("{}; starting it again", error.message), error.hint);
                drop(vm);
                self.begin_boot(self.fell_back.then_some(AcceleratorChoice::Tcg));
            }
            State::Booting(vm) => {
                let phase = self
                    .record
                    .as_ref()
                    .and_then(|record| record.phase)
                    .unwrap_or(BootPhase::Kernel);
                let error = exit_error(
                    &vm,
                    exit,
                    &format!("the machine ended during boot phase `{}`", phase.name()),
                );
                drop(vm);
                self.boot_failed(error);
            }
            State::Up(vm) => {
                self.lost_boots = 0;
                let what = if exit.clean {
                    "the machine powered off by itself"
                } else {
                    "the machine crashed"
                };
                let error = exit_error(&vm, exit, what);
                drop(vm);
                self.crashed(error);
            }
            other => self.state = other,
        }
    }

    fn may_fall_back(&self) -> bool {
        let chosen = self
            .provisioned
            .as_ref()
            .map(|provisioned| provisioned.spec.accelerator);
        let used = self.verdict.as_ref().map(|verdict| verdict.accelerator);
        !self.fell_back && chosen == Some(AcceleratorChoice::Auto) && used != Some(Accelerator::Tcg)
    }

    /// Whether a VM that ended before its guest agent called is worth another try: emulators lose a kernel now and then.
    fn may_boot_again(&self) -> bool {
        let phase = self.record.as_ref().and_then(|record| record.phase);
        phase == Some(BootPhase::Kernel) && self.lost_boots < self.limits.lost_boots
    }

    /// A boot that a person asked for fails; one that follows a crash counts as the next crash.
    pub(super) fn boot_failed(&mut self, error: ApiError) {
        if self.crashes > 0 && !self.quitting {
            self.crashed(error);
        } else {
            self.rest(Ending::Fail(error));
        }
    }

    fn crashed(&mut self, error: ApiError) {
        self.crashes += 1;
        tracing::error!(crashes = self.crashes, reason = error.message, "machine lost");
        let wanted = self
            .provisioned
            .as_ref()
            .is_some_and(|provisioned| provisioned.restart);
        if !wanted || self.crashes >= self.limits.crashes {
            let times = if self.crashes > 1 {
                format!(" ({} times in a row)", self.crashes)
            } else {
                String::new()
            };
            return self.rest(Ending::Fail(ApiError {
                message: format!("{}{times}", error.message),
                ..error
            }));
        }
        let pause = self.limits.back_off(self.crashes);
        self.notice(
            format!("{}; starting it again in {} s", error.message, pause.as_secs()),
            error.hint.clone(),
        );
        self.timers.clear();
        self.set_timer(Timer::BackOff, pause);
        if let Some(record) = &mut self.record {
            record.end();
        }
        let lost = failure(Code::Internal, error.message.clone());
        for goal in [Goal::Paused, Goal::Resumed] {
            self.waiters.settle(goal, &Err(lost.clone()));
        }
        self.state = State::Waiting(ApiError {
            message: format!("{}; it is started again in {} s", error.message, pause.as_secs()),
            ..error
        });
    }

    pub(super) fn back_off_over(&mut self) {
        if matches!(self.state, State::Waiting(_)) {
            self.begin_boot(None);
        }
    }

    /// A boot phase took too long.
    pub(super) fn phase_expired(&mut self) {
        let Some(phase) = self.record.as_ref().and_then(|record| record.phase) else {
            return;
        };
        let accelerator = self.verdict.as_ref().map(|verdict| verdict.accelerator);
        let limit = self.limits.phase(phase, accelerator).unwrap_or_default();
        let mut message = format!(
            "boot phase `{}` was not over after {} s",
            phase.name(),
            limit.as_secs()
        );
        if let State::Booting(vm) = &self.state {
            if let EngineState::Unhealthy { reason, .. } = &self.engine {
                message.push_str(": ");
                message.push_str(reason);
            }
            message.push_str(&vm.console_text());
        }
        let hint = match phase {
            BootPhase::CheckingImage => {
                "see whether the disk that holds the VM image answers, then run `pinnace start`"
            }
            BootPhase::Launching => "run `pinnace doctor`, then `pinnace start`",
            BootPhase::EngineStarting => "see `pinnace logs engine`, then run `pinnace start`",
            BootPhase::Kernel | BootPhase::AgentConnected | BootPhase::Ready => {
                "see `pinnace logs console`, then run `pinnace start`"
            }
        };
        self.fail_boot(hinted(Code::Timeout, message, hint));
    }

    /// Ends a boot that cannot succeed, and whatever VM it has.
    pub(super) fn fail_boot(&mut self, error: ApiError) {
        tracing::error!(reason = error.message, "boot failed");
        self.go_down(true, None, Ending::Fail(error));
    }

    /// Everything is down: what follows.
    pub(super) fn rest(&mut self, ending: Ending) {
        self.timers.clear();
        self.lost_boots = 0;
        if let Some(record) = &mut self.record {
            record.end();
        }
        let gone = failure(Code::NotRunning, "the machine stopped");
        for goal in [Goal::Paused, Goal::Resumed] {
            self.waiters.settle(goal, &Err(gone.clone()));
        }
        match ending {
            Ending::Rest => {
                self.crashes = 0;
                self.state = State::Idle(None);
                self.waiters.settle(Goal::Down, &Ok(()));
                self.waiters.supersede(Goal::Up, "stop");
            }
            Ending::Fail(error) => {
                tracing::error!(reason = sentence(&error), "machine failed");
                self.waiters.settle(Goal::Up, &Err(error.clone()));
                self.waiters.settle(Goal::Down, &Ok(()));
                self.state = State::Idle(Some(error));
            }
            Ending::Boot(accelerator) => self.begin_boot(accelerator),
        }
    }
}

fn exit_error(vm: &Vm, exit: &Exit, what: &str) -> ApiError {
    let cause = vm
        .doom
        .as_deref()
        .map_or_else(String::new, |doom| format!("{doom}: "));
    hinted(
        Code::Internal,
        format!("{what}: {cause}{}{}", exit.reason, vm.console_text()),
        "see `pinnace logs console`",
    )
}
