//! The way down.

use std::{mem, sync::Arc, time::Duration};

use protocol::Request;

use super::{
    Input,
    task::{Dying, Ending, State, Task, Timer},
    vm::Vm,
    waiters::Goal,
};

impl Task {
    /// Takes the machine down, whatever it does now; then follows `ending`. `force` pulls the plug.
    pub(super) fn go_down(&mut self, force: bool, grace_ms: Option<u64>, ending: Ending) {
        match mem::replace(&mut self.state, State::Idle(None)) {
            State::Idle(failure) => match ending {
                // A stop of what is down answers at once and keeps the reason on show.
                Ending::Rest => {
                    self.state = State::Idle(failure);
                    self.waiters.settle(Goal::Down, &Ok(()));
                }
                other => self.rest(other),
            },
            State::Waiting(_) => self.rest(ending),
            State::Preparing(cancel) => {
                cancel.cancel();
                self.timers.clear();
                self.state = State::Stopping(Dying::Boot, ending);
            }
            State::Booting(vm) | State::Up(vm) => {
                self.timers.clear();
                self.take_down(&vm, force, grace_ms);
                self.state = State::Stopping(Dying::Vm(vm), ending);
            }
            State::Stopping(dying, earlier) => {
                if force && let Dying::Vm(vm) = &dying {
                    vm.kill();
                    self.set_timer(Timer::Kill, self.limits.kill);
                }
                // A failure under way stays the reason that is shown.
                let ending = match (earlier, ending) {
                    (Ending::Fail(error), Ending::Rest) => Ending::Fail(error),
                    (_, ending) => ending,
                };
                self.state = State::Stopping(dying, ending);
            }
        }
    }

    fn take_down(&mut self, vm: &Vm, force: bool, grace_ms: Option<u64>) {
        // A VM that waits for its disk cannot write what an orderly stop would write; what was flushed is safe.
        let stands_still = vm.disk_trouble.is_some() || vm.accelerator_failed;
        let Some(agent) = vm.agent.clone().filter(|_| !force && !stands_still) else {
            vm.kill();
            self.set_timer(Timer::Kill, self.limits.kill);
            return;
        };
        let grace = match (grace_ms, &self.provisioned) {
            (Some(ms), _) => Duration::from_millis(ms),
            (None, Some(provisioned)) => provisioned.stop_grace,
            (None, None) => Duration::from_secs(10),
        };
        self.set_timer(Timer::Stop, grace.saturating_add(self.limits.stop_extra));
        let (instance, link, paused) = (
            Arc::clone(&vm.instance),
            vm.link.clone(),
            vm.paused || vm.pause_busy,
        );
        let (run, inputs) = (self.run, self.sender.clone());
        let grace_ms = u64::try_from(grace.as_millis()).unwrap_or(u64::MAX);
        tokio::spawn(async move {
            let asked = async {
                if paused {
                    instance.resume().await.map_err(|error| error.to_string())?;
                    link.suspend_heartbeat(false);
                }
                agent
                    .call(Request::Shutdown { grace_ms })
                    .await
                    .map_err(|error| crate::failure::chain(&error))
            };
            if let Err(reason) = asked.await {
                drop(inputs.send(Input::ShutdownRefused { run, reason }));
            }
        });
    }

    /// The guest does not stop by itself; there is no more to gain by waiting.
    pub(super) fn shutdown_refused(&mut self, reason: &str) {
        if let State::Stopping(Dying::Vm(vm), _) = &self.state {
            tracing::warn!(reason, "orderly stop failed, killing the machine");
            vm.kill();
            self.set_timer(Timer::Kill, self.limits.kill);
        }
    }

    pub(super) fn stop_expired(&mut self) {
        self.shutdown_refused("the guest did not power off in time");
    }

    /// The driver does not report the end of a VM that it was told to kill. Dropping the instance kills it too.
    pub(super) fn kill_expired(&mut self) {
        match mem::replace(&mut self.state, State::Idle(None)) {
            State::Stopping(Dying::Vm(vm), ending) => {
                tracing::error!(pid = vm.instance.pid(), "end of the machine not reported");
                drop(vm);
                self.rest(ending);
            }
            other => self.state = other,
        }
    }
}
