//! What may be wrong, and pass again, while the machine is up: link, engine, disk space, pauses, clock.

use std::{sync::Arc, time::SystemTime};

use agent_client::AgentClient;
use api::{ApiError, Code};
use machine::DriverError;
use protocol::{DataDisk, EngineState, Event, Facts, GENERATION, Request};
use tokio::time::Instant;

use super::{
    Input,
    task::{State, Task, Timer},
    vm::{DiskTrouble, Vm},
    waiters::Goal,
};
use crate::failure::{driver_failure, hinted};

/// How far wall and monotonic clock may drift apart between two looks before the host must have slept.
const SLEEP_DRIFT_MS: u128 = 2000;

impl Task {
    /// What is wrong with a machine that is up, most important first.
    pub(super) fn trouble(&self, vm: &Vm) -> Option<String> {
        if let Some(trouble) = &vm.disk_trouble {
            return Some(self.disk_reason(trouble));
        }
        if let Some(doom) = &vm.doom {
            return Some(doom.clone());
        }
        if vm.agent.is_none() {
            return Some("the connection to the guest agent is lost; it is being restored".to_owned());
        }
        if let Some(reason) = &vm.engine_trouble {
            return Some(reason.clone());
        }
        match &self.engine {
            EngineState::Ready { .. } => None,
            EngineState::Starting => Some("the engine is starting again".to_owned()),
            EngineState::Stopped => Some("the engine is stopped".to_owned()),
            EngineState::Unhealthy { reason, .. } => Some(format!("the engine is unhealthy: {reason}")),
        }
    }

    fn disk_reason(&self, trouble: &DiskTrouble) -> String {
        if !trouble.no_space {
            return format!(
                "a write to the data disk failed: {}; check the host's disk, then run `pinnace resume`",
                trouble.reason
            );
        }
        let mib = |bytes: u64| bytes / (1024 * 1024);
        let free = match self.provision.free_space() {
            Ok(bytes) => format!("{} MiB", mib(bytes)),
            Err(error) => format!("an unknown amount ({error})"),
        };
        format!(
            "the host's disk is full and the machine waits: {free} free, {} MiB needed; free some space and it goes on",
            mib(self.limits.space_needed_bytes)
        )
    }

    pub(super) fn link_up(&mut self, agent: AgentClient, facts: Facts) {
        self.guest_agent = Some(facts.agent_version);
        let Some(vm) = self.vm() else { return };
        vm.agent = Some(agent);
        if matches!(self.state, State::Booting(_)) {
            self.enter_phase(machine::BootPhase::AgentConnected);
        }
        self.push_time();
        self.set_timer(Timer::Clock, self.limits.sleep_check);
        for stage in facts.stages {
            self.agent_event(Event::Stage(stage));
        }
        if let Some(disk) = facts.data_disk {
            self.agent_event(Event::DataDisk(disk));
        }
        self.agent_event(Event::Engine(facts.engine));
    }

    pub(super) fn link_down(&mut self) {
        if let Some(vm) = self.vm() {
            vm.agent = None;
        }
        // Nobody can tell any more.
        if matches!(self.engine, EngineState::Ready { .. }) {
            self.engine = EngineState::Starting;
        }
    }

    pub(super) fn link_incompatible(&mut self, theirs: u32) {
        if matches!(self.state, State::Booting(_)) {
            self.fail_boot(hinted(
                Code::VmImage,
                format!(
                    "the VM image speaks protocol generation {theirs}, this host agent speaks {GENERATION}"
                ),
                "install a VM image and a host agent of the same version",
            ));
        }
    }

    pub(super) fn agent_event(&mut self, event: Event) {
        match event {
            Event::Stage(stage) => {
                if let Some(record) = &mut self.record {
                    record.pass(stage);
                }
            }
            Event::Engine(engine) => {
                self.engine = engine;
                match self.engine {
                    EngineState::Ready { .. } => self.engine_ready(),
                    EngineState::Starting | EngineState::Unhealthy { .. } => self.engine_seen_starting(),
                    EngineState::Stopped => {}
                }
            }
            Event::DataDisk(DataDisk::Unusable { reason }) => {
                let message = format!("the data disk cannot be used: {reason}");
                if matches!(self.state, State::Booting(_)) {
                    self.fail_boot(hinted(
                        Code::DataDisk,
                        message,
                        "nothing on it was changed; see `pinnace logs guest-agent`",
                    ));
                } else if let Some(vm) = self.vm() {
                    vm.engine_trouble = Some(message);
                }
            }
            Event::DataDisk(DataDisk::Mounted { formatted, .. }) => {
                tracing::info!(formatted, "data disk mounted");
                if let Some(vm) = self.vm() {
                    vm.engine_trouble = None;
                }
            }
            // Nobody may be listening for a shell's end.
            Event::ShellExited { token, code } => drop(self.shell_exits.send((token, code))),
            Event::ShuttingDown { remaining } => tracing::info!(remaining, "containers stopping"),
            Event::PoweringOff => tracing::info!("machine powering off"),
        }
    }

    pub(super) fn disk_failed(&mut self, trouble: DiskTrouble) {
        let reason = self.disk_reason(&trouble);
        let no_space = trouble.no_space;
        let stopping = matches!(self.state, State::Stopping(..));
        let Some(vm) = self.vm() else { return };
        if stopping {
            // It will not get its last writes done.
            return vm.kill();
        }
        let known = vm.disk_trouble.replace(trouble).is_some();
        vm.link.suspend_heartbeat(true);
        // A VM that stands still cannot get on with its boot.
        self.timers.remove(&Timer::Phase);
        if no_space {
            self.set_timer(Timer::Space, self.limits.space_poll);
        }
        if !known {
            self.notice(reason, None);
        }
    }

    /// Lets a VM that waited for space go on when there is some.
    pub(super) fn look_for_space(&mut self) {
        let enough = self
            .provision
            .free_space()
            .is_ok_and(|bytes| bytes >= self.limits.space_needed_bytes);
        let Some(vm) = self.vm() else { return };
        if vm.disk_trouble.as_ref().is_none_or(|trouble| !trouble.no_space) {
            return;
        }
        if enough && !vm.pause_busy && !vm.pause_wanted {
            self.let_go_on();
            self.notice(
                "there is space on the host's disk again, the machine goes on",
                None,
            );
        } else {
            self.set_timer(Timer::Space, self.limits.space_poll);
        }
    }

    fn let_go_on(&mut self) {
        let Some(vm) = self.vm() else { return };
        vm.disk_trouble = None;
        self.drive_pause(false);
        let accelerator = self.verdict.as_ref().map(|verdict| verdict.accelerator);
        if let Some(phase) = self.record.as_ref().and_then(|record| record.phase)
            && let Some(limit) = self.limits.phase(phase, accelerator)
        {
            self.set_timer(Timer::Phase, limit);
        }
    }

    /// Brings the VM to what was asked for last.
    pub(super) fn follow_pause_wish(&mut self) {
        let State::Up(vm) = &mut self.state else { return };
        if vm.pause_busy {
            return;
        }
        if vm.pause_wanted == vm.paused && (vm.paused || vm.disk_trouble.is_none()) {
            let goal = if vm.paused { Goal::Paused } else { Goal::Resumed };
            self.waiters.settle(goal, &Ok(()));
            if goal == Goal::Resumed {
                self.waiters.settle(Goal::Up, &Ok(()));
            }
        } else if vm.pause_wanted {
            self.drive_pause(true);
        } else {
            vm.disk_trouble = None;
            self.drive_pause(false);
        }
    }

    fn drive_pause(&mut self, paused: bool) {
        let (run, inputs) = (self.run, self.sender.clone());
        let Some(vm) = self.vm() else { return };
        vm.pause_busy = true;
        let instance = Arc::clone(&vm.instance);
        if paused {
            // Silence is not death any more.
            vm.link.suspend_heartbeat(true);
        }
        tokio::spawn(async move {
            let result = if paused {
                instance.pause().await
            } else {
                instance.resume().await
            };
            drop(inputs.send(Input::PauseEnded { run, paused, result }));
        });
    }

    pub(super) fn pause_ended(&mut self, paused: bool, result: Result<(), DriverError>) {
        let Some(vm) = self.vm() else { return };
        vm.pause_busy = false;
        match result {
            Ok(()) => vm.paused = paused,
            Err(error) => {
                vm.pause_wanted = vm.paused;
                let error: Result<(), ApiError> = Err(driver_failure(&error));
                self.waiters
                    .settle(if paused { Goal::Paused } else { Goal::Resumed }, &error);
            }
        }
        let Some(vm) = self.vm() else { return };
        if !vm.paused && vm.disk_trouble.is_none() {
            vm.link.suspend_heartbeat(false);
            self.push_time();
        }
        self.follow_pause_wish();
    }

    /// Sets the guest's clock.
    fn push_time(&mut self) {
        self.clocks = (SystemTime::now(), Instant::now());
        self.time_pushed = self.clocks.1;
        let Some(agent) = self.vm().and_then(|vm| vm.agent.clone()) else {
            return;
        };
        tokio::spawn(async move {
            let since_epoch = SystemTime::now()
                .duration_since(SystemTime::UNIX_EPOCH)
                .unwrap_or_default();
            let unix_ms = u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX);
            if let Err(error) = agent.call(Request::SetTime { unix_ms }).await {
                tracing::debug!(%error, "guest's clock not set");
            }
        });
    }

    /// A host that slept has a guest whose clock is behind: wall and monotonic clock have drifted apart.
    pub(super) fn look_at_clocks(&mut self) {
        let (running, connected) = match self.vm() {
            Some(vm) => (!vm.paused && vm.disk_trouble.is_none(), vm.agent.is_some()),
            None => return,
        };
        if !connected {
            // The next connection sets the timer again.
            return;
        }
        let wall_ms = SystemTime::now()
            .duration_since(self.clocks.0)
            .unwrap_or_default()
            .as_millis();
        let monotonic_ms = self.clocks.1.elapsed().as_millis();
        let slept = wall_ms.abs_diff(monotonic_ms) > SLEEP_DRIFT_MS;
        if running && (slept || self.time_pushed.elapsed() >= self.limits.time_push) {
            self.push_time();
        }
        self.set_timer(Timer::Clock, self.limits.sleep_check);
    }
}
