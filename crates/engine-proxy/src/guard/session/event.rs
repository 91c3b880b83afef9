//! What a session is told, and what it wants.

use crate::guard::{ClosedBy, Decision, Rule, input::Seen, signal::Signal};

/// One thing that happened to the session.
#[derive(Debug)]
pub(in crate::guard) enum SessionInput {
    /// Its client attached.
    Attached(u64),
    /// The stream ended; one of others too.
    Closed { attachment: u64, by: ClosedBy },
    /// Its client gives no more input.
    InputEnded,
    /// Its client typed Ctrl+C.
    KeyTyped,
    /// Another client attached.
    OtherAttached(u64),
    /// Its client started it.
    Started,
    /// Another client started it.
    OtherStarted,
    /// Its client sent a signal.
    Signalled(Signal),
    /// Somebody had it stopped.
    StopAsked,
    /// Whether its client passes signals on, if that can be told.
    Arguments(Option<bool>),
    /// Its client ended.
    ClientExited(Option<u32>),
    /// The container was looked at.
    Seen { why: Why, seen: Option<Box<Seen>> },
    /// What came of [`Effect::Act`].
    Acted { succeeded: bool },
    /// A deadline has passed.
    TimePassed,
}

/// What should be done.
#[derive(Debug)]
pub(in crate::guard) enum Effect {
    /// Look at the container, and at its main process if `why` needs that; answered with [`SessionInput::Seen`].
    Look(Why),
    /// Keep a decision that is none to act.
    Record(Decision),
    /// Keep the decision, carry it out; answered with [`SessionInput::Acted`].
    Act(Decision),
}

/// What a look at the container is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::guard) enum Why {
    /// To know which run of the container it is.
    Run,
    /// To know what the main process usually does with signals.
    Sample,
    /// A signal was sent: did it arrive?
    Sent(Signal),
    /// Ctrl+C was typed: does it do anything?
    Key,
    /// It seems not: is that still so?
    Confirm(Rule, Signal),
    /// The rule's time is over.
    Decide(Rule),
    /// The engine ended the stream: did the container end?
    Ended,
}

impl Why {
    /// Whether the main process is asked too.
    pub(in crate::guard) fn needs_process(self) -> bool {
        matches!(self, Self::Sample | Self::Sent(_) | Self::Key | Self::Confirm(..))
    }
}
