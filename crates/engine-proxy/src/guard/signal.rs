//! Signals of Linux as the engine's clients name them.

use std::fmt;

use super::ProcessNow;

/// A signal, by its number on amd64 and arm64: 1 to 64. Shown as `SIGTERM`, `SIGRTMIN+3`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signal(u8);

const NAMES: [&str; 31] = [
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE",
    "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ",
    "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
];
const OTHER_NAMES: [(&str, u8); 3] = [("IOT", 6), ("CLD", 17), ("POLL", 29)];
const REALTIME_MIN: u8 = 34;
const REALTIME_MAX: u8 = 64;

impl Signal {
    pub(super) const HUP: Self = Self(1);
    /// What Ctrl+C sends.
    pub const INT: Self = Self(2);
    pub(super) const QUIT: Self = Self(3);
    /// What nothing survives.
    pub const KILL: Self = Self(9);
    /// What stops a container unless it says otherwise.
    pub const TERM: Self = Self(15);
    pub(super) const CONT: Self = Self(18);

    /// The signal with this number; `None` when there is none.
    pub fn from_number(number: u8) -> Option<Self> {
        (1..=REALTIME_MAX).contains(&number).then_some(Self(number))
    }

    /// Its number.
    pub fn number(self) -> u8 {
        self.0
    }

    /// Reads what `POST /containers/x/kill` takes (moby/sys `signal.ParseSignal`): a number or a name in any case, with
    /// or without `SIG`; nothing is SIGKILL. `None` when there is no such signal.
    pub fn parse(text: &str) -> Option<Self> {
        if text.is_empty() {
            return Some(Self::KILL);
        }
        if let Ok(number) = text.parse::<u8>() {
            return Self::from_number(number);
        }
        let upper = text.to_ascii_uppercase();
        let name = upper.strip_prefix("SIG").unwrap_or(&upper);
        let usual = (1..).zip(NAMES).find(|(_, known)| *known == name);
        let other = OTHER_NAMES.into_iter().find(|(known, _)| *known == name);
        usual
            .map(|(number, _)| Self(number))
            .or(other.map(|(_, number)| Self(number)))
            .or_else(|| realtime(name))
    }

    /// Whether a user says with it that the program should end.
    pub(super) fn is_intent(self) -> bool {
        matches!(self, Self::INT | Self::TERM | Self::QUIT)
    }

    /// Whether it certainly does nothing to this process, the first of its container: the kernel drops a signal for
    /// such a process that has no handler for it, ignored or not, unless it is blocked (`sig_task_ignored`).
    pub(super) fn is_lost_on(self, process: &ProcessNow) -> bool {
        self != Self::KILL && (process.caught | process.blocked) & self.bit() == 0
    }

    pub(super) fn bit(self) -> u64 {
        1 << (self.0 - 1)
    }
}

fn realtime(name: &str) -> Option<Signal> {
    let number = match name {
        "RTMIN" => Some(REALTIME_MIN),
        "RTMAX" => Some(REALTIME_MAX),
        _ => match (name.strip_prefix("RTMIN+"), name.strip_prefix("RTMAX-")) {
            (Some(plus), _) => REALTIME_MIN.checked_add(plus.parse().ok()?),
            (_, Some(minus)) => REALTIME_MAX.checked_sub(minus.parse().ok()?),
            _ => None,
        },
    };
    number
        .filter(|number| (REALTIME_MIN..=REALTIME_MAX).contains(number))
        .map(Signal)
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match NAMES.get(usize::from(self.0 - 1)) {
            Some(name) => write!(f, "SIG{name}"),
            None if self.0 >= REALTIME_MIN => write!(f, "SIGRTMIN+{}", self.0 - REALTIME_MIN),
            None => write!(f, "{}", self.0),
        }
    }
}

impl fmt::Debug for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn parse_all_forms_is_the_same_signal() {
        for (text, name) in [
            ("INT", "SIGINT"),
            ("SIGINT", "SIGINT"),
            ("sigint", "SIGINT"),
            ("2", "SIGINT"),
            ("", "SIGKILL"),
            ("9", "SIGKILL"),
            ("15", "SIGTERM"),
            ("iot", "SIGABRT"),
            ("SYS", "SIGSYS"),
            ("31", "SIGSYS"),
            ("SIGRTMIN+3", "SIGRTMIN+3"),
            ("37", "SIGRTMIN+3"),
            ("RTMAX-1", "SIGRTMIN+29"),
        ] {
            assert_eq!(Signal::parse(text).unwrap().to_string(), name, "{text}");
        }
    }

    #[test]
    fn parse_no_signal_is_none() {
        for text in [
            "0",
            "65",
            "-2",
            "NO",
            "SIG",
            "SIGSIGINT",
            "RTMIN+31",
            "RTMAX-31",
            "RTMIN+x",
            "2.0",
        ] {
            assert_eq!(Signal::parse(text), None, "{text}");
        }
    }

    #[test]
    fn is_lost_on_needs_neither_handler_nor_block() {
        let process = |caught, blocked, ignored| ProcessNow {
            program: "x".into(),
            caught,
            blocked,
            ignored,
            terminal: None,
        };
        let bit = Signal::TERM.bit();
        assert_eq!(bit, 0x4000);
        assert!(Signal::TERM.is_lost_on(&process(0, 0, 0)));
        assert!(Signal::TERM.is_lost_on(&process(0, 0, bit)));
        assert!(!Signal::TERM.is_lost_on(&process(bit, 0, 0)));
        // What tini does: no handler, but it waits for blocked signals.
        assert!(!Signal::TERM.is_lost_on(&process(0, bit, bit)));
        assert!(!Signal::KILL.is_lost_on(&process(0, 0, 0)));
    }

    proptest! {
        #[test]
        fn parse_any_text_names_what_it_parses(text in ".{0,12}") {
            if let Some(signal) = Signal::parse(&text) {
                prop_assert_eq!(Signal::parse(&signal.to_string()), Some(signal));
                prop_assert_ne!(signal.bit(), 0);
            }
        }
    }
}
