//! One session: a container and the client that made it, attached to it and started it. Pure: what happens comes in as
//! [`SessionInput`], what should be done goes out as [`Effect`]; time is an argument.
//!
//! The state machine is drawn in the parent's header. The rules are in [`intent`] (what the user said: K, K2, K3, H, T),
//! [`leaving`] (the client is gone: C1 to C4, O, S) and [`verdict`] (the container was asked, and what follows).

mod event;
mod evidence;
mod intent;
mod leaving;
mod verdict;

pub(super) use event::{Effect, SessionInput, Why};

use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
    time::Duration,
};

use tokio::time::Instant;

use super::{CreateFacts, GuardSettings, ProcessNow, Rule, exempt, input::ClientKey, signal::Signal};
use leaving::Leaving;

/// How long a client may be gone, or a terminal closed, before that counts.
const GRACE: Duration = Duration::from_secs(2);
/// Signals that are remembered.
const MOST_SIGNALS: usize = 4;
/// How long after the start, and after the first look, the main process is looked at, so that a handler which removes
/// itself when it ran is not taken for one that never was.
const SAMPLES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(9)];
/// How long after a failure the container is asked again which run of it this is.
const ASK_AGAIN: Duration = Duration::from_secs(2);

/// What the session waits for besides inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    /// Ask again which run it is.
    Run,
    /// Look what the main process does with signals.
    Sample,
    /// Look again.
    Confirm,
    /// The container had its time to end after a Ctrl+C.
    Interrupt,
    /// The client has been gone long enough.
    Grace,
    /// The engine ended the stream a while ago.
    Ended,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Made; not both attached to and started.
    Preparing,
    /// Attached to and started.
    Watching,
    /// The guard acts.
    Acting,
    /// Nothing more is done.
    Over,
}

/// What the main process was seen to do with signals.
#[derive(Debug)]
struct Sample {
    program: String,
    handled: u64,
}

/// The session.
#[derive(Debug)]
pub(super) struct Session {
    container: String,
    name: String,
    client: ClientKey,
    tty: bool,
    auto_remove: bool,
    settings: GuardSettings,
    /// Whether the client passes signals on; `None` while that is not known.
    passes_signals: Option<bool>,
    phase: Phase,
    attached: bool,
    started: bool,
    /// The run marker of the run that the client started.
    run: Option<String>,
    /// Its client's open streams.
    open: BTreeSet<u64>,
    /// Other clients' open streams.
    others: BTreeSet<u64>,
    /// The engine or the endpoint ended the client's last stream: that the client ends then is no evidence.
    stream_lost: bool,
    /// The client closed its last stream.
    closed: bool,
    exit: Option<Option<u32>>,
    /// The last signals, oldest first.
    signals: Vec<(Signal, Instant)>,
    input_ended: Option<Instant>,
    /// A look because of a key is under way.
    key_asked: bool,
    /// What is confirmed when its timer is over.
    doubt: Option<(Rule, Signal)>,
    leaving: Option<Leaving>,
    sample: Option<Sample>,
    samples: usize,
    timers: BTreeMap<Timer, Instant>,
    /// Looks under way.
    looks: u32,
    effects: Vec<Effect>,
}

impl Session {
    pub(super) fn new(
        client: ClientKey,
        container: String,
        facts: &CreateFacts,
        settings: GuardSettings,
    ) -> Self {
        let wait = exempt::interrupt_wait(&facts.labels);
        Self {
            container,
            name: String::new(),
            client,
            tty: facts.tty,
            auto_remove: facts.auto_remove,
            settings: GuardSettings {
                interrupt_wait: wait.unwrap_or(settings.interrupt_wait),
                ..settings
            },
            passes_signals: None,
            phase: Phase::Preparing,
            attached: false,
            started: false,
            run: None,
            open: BTreeSet::new(),
            others: BTreeSet::new(),
            stream_lost: false,
            closed: false,
            exit: None,
            signals: Vec::new(),
            input_ended: None,
            key_asked: false,
            doubt: None,
            leaving: None,
            sample: None,
            samples: 0,
            timers: BTreeMap::new(),
            looks: 0,
            effects: Vec::new(),
        }
    }

    pub(super) fn client(&self) -> ClientKey {
        self.client
    }

    pub(super) fn container(&self) -> &str {
        &self.container
    }

    /// Whether a client that says `spoken` means this container.
    pub(super) fn is_called(&self, spoken: &str) -> bool {
        /// As short as Docker shows them.
        const SHORT_ID: usize = 12;
        let id = spoken.len() >= SHORT_ID && self.container.starts_with(spoken);
        id || (!self.name.is_empty() && self.name == spoken.trim_start_matches('/'))
    }

    /// Whether keys typed by its client matter.
    pub(super) fn wants_keys(&self) -> bool {
        self.tty && self.settings.mode.allows(Rule::T) && self.phase != Phase::Over
    }

    /// Whether it can be forgotten.
    pub(super) fn is_over(&self) -> bool {
        self.phase == Phase::Over
    }

    /// When it wants [`SessionInput::TimePassed`].
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.timers.values().min().copied()
    }

    /// Takes one input.
    pub(super) fn on(&mut self, input: SessionInput, now: Instant) -> Vec<Effect> {
        if self.phase != Phase::Over {
            self.take(input, now);
            self.settle();
        }
        mem::take(&mut self.effects)
    }

    fn take(&mut self, input: SessionInput, now: Instant) {
        match input {
            SessionInput::Attached(attachment) => {
                self.open.insert(attachment);
                self.attached = true;
                self.closed = false;
                self.returned();
                self.ready(now);
            }
            SessionInput::Closed { attachment, by } => {
                self.others.remove(&attachment);
                if self.open.remove(&attachment) && self.open.is_empty() {
                    self.stream_ended(by, now);
                }
            }
            SessionInput::InputEnded => {
                self.input_ended = Some(now);
                self.look_for_hangup(now);
            }
            SessionInput::KeyTyped => self.key_typed(),
            SessionInput::OtherAttached(attachment) => {
                self.others.insert(attachment);
                self.taken_over();
            }
            SessionInput::Started => {
                if self.started {
                    // Started again: another run, which nobody is in the foreground of.
                    return self.end();
                }
                self.started = true;
                self.ready(now);
            }
            SessionInput::OtherStarted | SessionInput::StopAsked => self.end(),
            SessionInput::Signalled(signal) => self.signalled(signal, now),
            SessionInput::Arguments(Some(false)) => self.end(),
            SessionInput::Arguments(passes) => self.passes_signals = passes,
            SessionInput::ClientExited(code) => {
                self.exit = Some(code);
                self.client_ended(now);
            }
            SessionInput::Seen { why, seen } => {
                self.looks = self.looks.saturating_sub(1);
                self.seen(why, seen.as_deref(), now);
            }
            SessionInput::Acted { succeeded } => {
                if succeeded {
                    self.end();
                } else {
                    // Whoever presses Ctrl+C again deserves another attempt.
                    self.phase = Phase::Watching;
                    self.signals.clear();
                }
            }
            SessionInput::TimePassed => self.time_passed(now),
        }
    }

    /// Begins to watch when its client has both attached to it and started it.
    fn ready(&mut self, now: Instant) {
        if self.phase == Phase::Preparing && self.attached && self.started {
            self.phase = Phase::Watching;
            self.look(Why::Run);
            self.timers.insert(Timer::Sample, now + SAMPLES[0]);
            // It may have left in the same moment.
            self.leaving = None;
            self.timers.remove(&Timer::Grace);
            let said = self.signals.iter().find(|(signal, _)| signal.is_intent());
            if let Some((signal, _)) = said.copied() {
                self.intent_said(signal, now);
            }
            if self.exit.is_some() || self.closed {
                self.leave(now);
            }
        }
    }

    fn time_passed(&mut self, now: Instant) {
        let due = self.timers.extract_if(.., |_, at| *at <= now);
        for timer in due.map(|(timer, _)| timer).collect::<Vec<_>>() {
            match timer {
                Timer::Run => self.look(Why::Run),
                Timer::Sample => self.look(Why::Sample),
                Timer::Confirm => {
                    if let Some((rule, signal)) = self.doubt {
                        self.look(Why::Confirm(rule, signal));
                    }
                }
                Timer::Interrupt => self.look(Why::Decide(Rule::K3)),
                Timer::Grace => self.grace_over(),
                Timer::Ended => self.look(Why::Ended),
            }
        }
    }

    fn look(&mut self, why: Why) {
        self.looks += 1;
        self.effects.push(Effect::Look(why));
    }

    fn allows(&self, rule: Rule) -> bool {
        self.settings.mode.allows(rule)
    }

    /// Remembers what the main process handles, as long as it is the same program.
    fn keep_sample(&mut self, process: &ProcessNow) {
        let handled = process.caught | process.blocked;
        match &mut self.sample {
            Some(sample) if sample.program == process.program => sample.handled |= handled,
            sample => {
                *sample = Some(Sample {
                    program: process.program.clone(),
                    handled,
                });
            }
        }
    }

    fn end(&mut self) {
        self.phase = Phase::Over;
        self.timers.clear();
        self.doubt = None;
    }

    /// Ends a session that nothing can come of any more.
    fn settle(&mut self) {
        let gone = self.exit.is_some() || (!self.client.is_known() && self.attached && self.open.is_empty());
        if !gone {
            return;
        }
        for timer in [Timer::Run, Timer::Sample, Timer::Ended] {
            self.timers.remove(&timer);
        }
        if self.timers.is_empty() && self.looks == 0 {
            self.end();
        }
    }
}
