//! The container was looked at, and what follows.

use tokio::time::Instant;

use super::{Effect, Phase, SAMPLES, Session, Timer, Why, evidence, intent::CONFIRM};
use crate::guard::{
    Action, ContainerNow, Evidence, ProcessNow, Rule,
    exempt::{self, Exemption},
    input::Seen,
    signal::Signal,
};

/// Which run of the container was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Run {
    /// The one that the client started.
    Ours,
    /// It ended, or another one runs.
    Ended,
    /// Nobody can tell.
    Unclear,
}

/// A stop time for a main process that its stop signal does nothing to.
const POINTLESS_WAIT_S: i64 = 1;

impl Session {
    pub(super) fn seen(&mut self, why: Why, seen: Option<&Seen>, now: Instant) {
        if why == Why::Key {
            self.key_asked = false;
        }
        if matches!(why, Why::Confirm(..)) {
            self.doubt = None;
        }
        let Some(seen) = seen else {
            if why == Why::Run && self.run.is_none() && !self.open.is_empty() {
                self.timers.insert(Timer::Run, now + super::ASK_AGAIN);
            }
            return;
        };
        self.name.clone_from(&seen.container.name);
        if why == Why::Decide(Rule::O) {
            return self.never_started(&seen.container);
        }
        if self.phase != Phase::Watching {
            return;
        }
        match self.which_run(why, &seen.container) {
            Run::Ours => self.go_by(why, seen, now),
            Run::Ended => self.container_ended(why),
            Run::Unclear => {}
        }
    }

    /// While the client's stream is open, whichever run is seen is the one that it started: the engine ends streams with
    /// the container. The look right after the start counts too, also when the client is already gone.
    fn which_run(&mut self, why: Why, container: &ContainerNow) -> Run {
        if !container.running || container.id != self.container {
            return Run::Ended;
        }
        match &self.run {
            Some(run) if *run == container.run_marker => Run::Ours,
            Some(_) => Run::Ended,
            None if why == Why::Run || !self.open.is_empty() => {
                self.run = Some(container.run_marker.clone());
                Run::Ours
            }
            None => Run::Unclear,
        }
    }

    fn container_ended(&mut self, why: Why) {
        if let (Why::Decide(rule), Some(leaving)) = (why, self.leaving.take())
            && !leaving.others
            && !matches!(rule, Rule::K2 | Rule::K3 | Rule::C4)
        {
            let mut evidence = self.evidence_of(&leaving, rule);
            evidence.push(Evidence::ContainerEnded);
            self.record(rule, Action::Cancelled, evidence);
        }
        self.end();
    }

    fn go_by(&mut self, why: Why, seen: &Seen, now: Instant) {
        match why {
            Why::Run => {
                if exempt::at_action(&seen.container) == Some(Exemption::Asked) {
                    return self.end();
                }
                if let Some(wait) = exempt::interrupt_wait(&seen.container.labels) {
                    self.settings.interrupt_wait = wait;
                }
            }
            Why::Sample => {
                self.samples += 1;
                if let (Some(after), false) = (SAMPLES.get(self.samples), self.open.is_empty()) {
                    self.timers.insert(Timer::Sample, now + *after);
                }
                if let Some(process) = &seen.process {
                    self.keep_sample(process);
                }
            }
            Why::Sent(signal) => self.suspect(Rule::K, signal, seen, now),
            Why::Key => self.suspect(Rule::T, Signal::INT, seen, now),
            Why::Confirm(rule, signal) => self.lost_signal(rule, signal, seen, now),
            Why::Decide(rule) => self.decide(rule, seen, now),
            Why::Ended => {}
        }
    }

    /// Notes that a signal seems to have done nothing, and looks again in a moment.
    fn suspect(&mut self, rule: Rule, signal: Signal, seen: &Seen, now: Instant) {
        if self.doubt.is_none() && self.did_nothing(rule, signal, seen).is_some() {
            self.doubt = Some((rule, signal));
            self.timers.insert(Timer::Confirm, now + CONFIRM);
        }
    }

    /// K and T: the signal certainly did nothing.
    fn lost_signal(&mut self, rule: Rule, signal: Signal, seen: &Seen, now: Instant) {
        let Some(process) = self.did_nothing(rule, signal, seen) else {
            return;
        };
        let program = process.program.clone();
        let mut evidence = self.signals_before(now);
        evidence.push(if rule == Rule::T {
            Evidence::KeyHasNoEffect { program }
        } else {
            Evidence::NotCaught {
                signal: signal.to_string(),
                program,
            }
        });
        let stop_signal = match &seen.container.stop_signal {
            Some(name) if !name.is_empty() => Signal::parse(name),
            _ => Some(Signal::TERM),
        };
        let pointless = stop_signal.filter(|stop_signal| self.is_lost(*stop_signal, process));
        if let Some(stop_signal) = pointless {
            evidence.push(Evidence::StopSignalNotCaught {
                signal: stop_signal.to_string(),
            });
        }
        self.stop(
            rule,
            pointless.map(|_| POINTLESS_WAIT_S),
            evidence,
            &seen.container,
        );
    }

    /// The main process, if the signal certainly did nothing to it.
    fn did_nothing<'a>(&self, rule: Rule, signal: Signal, seen: &'a Seen) -> Option<&'a ProcessNow> {
        let process = seen.process.as_ref()?;
        let by_key = process
            .terminal
            .is_some_and(|terminal| terminal.signals_on && terminal.foreground);
        let holds = if rule == Rule::T {
            by_key && self.passes_signals == Some(true)
        } else {
            true
        };
        (self.is_lost(signal, process) && holds && self.allows(rule)).then_some(process)
    }

    /// A handler that was there before and is not now has run, and put itself away.
    fn is_lost(&self, signal: Signal, process: &ProcessNow) -> bool {
        let handled_before = self
            .sample
            .as_ref()
            .is_some_and(|sample| sample.program == process.program && sample.handled & signal.bit() != 0);
        signal.is_lost_on(process) && !handled_before
    }

    /// The rule's time is over, and the container still runs.
    fn decide(&mut self, rule: Rule, seen: &Seen, now: Instant) {
        let mut evidence = self.signals_before(now);
        if let (Rule::K3, Some((_, at))) = (
            rule,
            self.signals.iter().find(|(signal, _)| *signal == Signal::INT),
        ) {
            evidence.push(Evidence::StillRunning {
                after_ms: evidence::milliseconds(now - *at),
            });
        }
        let leaves = !matches!(rule, Rule::K2 | Rule::K3);
        let Some(leaving) = &self.leaving else {
            // Cancelled since it was asked, unless it is about signals only.
            if !leaves {
                self.stop(rule, None, evidence, &seen.container);
            }
            return;
        };
        let others = leaving.others || !self.others.is_empty();
        evidence.extend(self.evidence_of(leaving, rule));
        // C2 and H rest on signals that came: the client passes them on.
        let unclear = matches!(rule, Rule::C1 | Rule::C3) && self.passes_signals.is_none();
        if others {
            evidence.push(Evidence::OtherAttachment);
        }
        if unclear {
            evidence.push(Evidence::ArgumentsUnclear);
        }
        if rule == Rule::C4 || (leaves && (others || unclear)) {
            self.record(rule, Action::LeftRunning, evidence);
            self.end();
        } else if rule != Rule::K2 || !others {
            self.stop(rule, None, evidence, &seen.container);
        }
    }

    /// O: its client attached, ended, and will not start it any more.
    fn never_started(&mut self, container: &ContainerNow) {
        let ours = container.id == self.container && !container.running;
        if self.phase == Phase::Preparing && ours && exempt::at_action(container).is_none() {
            let evidence = vec![self.client_exited(), Evidence::NeverStarted];
            self.act(Rule::O, Action::Remove, evidence);
        }
    }

    /// Stops the container unless that is forbidden.
    fn stop(
        &mut self,
        rule: Rule,
        timeout_s: Option<i64>,
        mut evidence: Vec<Evidence>,
        container: &ContainerNow,
    ) {
        match exempt::at_action(container) {
            Some(Exemption::Asked) => return self.end(),
            Some(Exemption::RestartPolicy(policy)) => {
                evidence.push(Evidence::RestartPolicy { policy });
                self.record(rule, Action::LeftRunning, evidence);
                return self.end();
            }
            None => {}
        }
        if container.paused {
            // Whoever paused it knows more. A client that is there can say so again later.
            if self.leaving.is_some() {
                evidence.push(Evidence::Paused);
                self.record(rule, Action::LeftRunning, evidence);
                self.end();
            }
            return;
        }
        self.act(rule, Action::Stop { timeout_s }, evidence);
    }

    fn act(&mut self, rule: Rule, action: Action, evidence: Vec<Evidence>) {
        self.phase = Phase::Acting;
        self.timers.clear();
        self.doubt = None;
        let decision = self.decision(rule, action, evidence);
        self.effects.push(Effect::Act(decision));
    }
}
