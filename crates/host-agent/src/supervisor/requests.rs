//! What people ask for. The last request wins.

use api::{ApiError, Code, ResetPlan, ResetRequest};
use tokio::sync::oneshot;

use super::{
    task::{Ending, State, Task},
    waiters::{Goal, Reply},
};
use crate::failure::{failure, hinted};

impl Task {
    pub(super) fn start(&mut self, reply: Reply) {
        if self.quitting {
            return self
                .waiters
                .answer(reply, Err(failure(Code::Conflict, "the host agent is ending")));
        }
        self.waiters.supersede(Goal::Down, "start");
        match &mut self.state {
            State::Idle(_) | State::Waiting(_) => {
                self.crashes = 0;
                self.waiters.add(Goal::Up, reply);
                self.begin_boot(None);
            }
            State::Preparing(_) | State::Booting(_) => self.waiters.add(Goal::Up, reply),
            State::Stopping(_, ending) => {
                // A boot that is to follow anyway keeps its accelerator.
                if !matches!(ending, Ending::Boot(_)) {
                    *ending = Ending::Boot(None);
                }
                self.waiters.add(Goal::Up, reply);
            }
            // Whoever starts a paused machine wants it to run.
            State::Up(vm) if vm.paused || vm.pause_wanted => self.resume(reply),
            State::Up(_) => self.waiters.answer(reply, Ok(())),
        }
    }

    pub(super) fn stop(&mut self, force: bool, grace_ms: Option<u64>, reply: Reply) {
        for goal in [Goal::Up, Goal::Paused, Goal::Resumed] {
            self.waiters.supersede(goal, "stop");
        }
        self.waiters.add(Goal::Down, reply);
        self.go_down(force, grace_ms, Ending::Rest);
    }

    pub(super) fn restart(&mut self, reply: Reply) {
        match self.state {
            State::Up(_) if !self.quitting => {
                for goal in [Goal::Paused, Goal::Resumed] {
                    self.waiters.supersede(goal, "restart");
                }
                self.waiters.add(Goal::Up, reply);
                self.crashes = 0;
                self.go_down(false, None, Ending::Boot(None));
            }
            _ => self.start(reply),
        }
    }

    pub(super) fn pause(&mut self, reply: Reply) {
        self.set_paused(true, reply);
    }

    pub(super) fn resume(&mut self, reply: Reply) {
        self.set_paused(false, reply);
    }

    fn set_paused(&mut self, paused: bool, reply: Reply) {
        let (goal, other, name) = if paused {
            (Goal::Paused, Goal::Resumed, "pause")
        } else {
            (Goal::Resumed, Goal::Paused, "resume")
        };
        match &mut self.state {
            State::Up(vm) => {
                vm.pause_wanted = paused;
                self.waiters.supersede(other, name);
                self.waiters.add(goal, reply);
                self.follow_pause_wish();
            }
            State::Idle(_) | State::Waiting(_) => self.waiters.answer(
                reply,
                Err(hinted(
                    Code::NotRunning,
                    "the machine is not running",
                    "run `pinnace start`",
                )),
            ),
            State::Preparing(_) | State::Booting(_) | State::Stopping(..) => {
                self.waiters.answer(
                    reply,
                    Err(failure(
                        Code::Conflict,
                        format!("cannot {name} a machine that is starting or stopping"),
                    )),
                );
            }
        }
    }

    pub(super) fn quit(&mut self, reply: Reply) {
        self.quitting = true;
        self.stop(false, None, reply);
    }

    pub(super) async fn reset(
        &mut self,
        request: ResetRequest,
        reply: oneshot::Sender<Result<ResetPlan, ApiError>>,
    ) {
        let free = matches!(self.state, State::Idle(_) | State::Waiting(_));
        let result = if free || request.dry_run {
            // No input is taken meanwhile, so that nothing starts on half-deleted files.
            self.provision.reset(request.clone()).await
        } else {
            Err(hinted(
                Code::Conflict,
                "the machine must be stopped before a reset",
                "run `pinnace stop`",
            ))
        };
        if free && !request.dry_run && result.is_ok() {
            self.rest(Ending::Rest);
        }
        // Whoever asked may have gone.
        drop(reply.send(result));
    }
}
