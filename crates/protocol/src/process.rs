//! What is known about a container's process.

use serde::{Deserialize, Serialize};

/// What one process does with signals, and with the keys of its terminal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessFacts {
    /// Its name in the kernel (`comm`, proc_pid_comm(5)): at most 15 bytes of its program's name, unless it renamed
    /// itself.
    pub program: String,
    /// The signals that it catches: bit *n* - 1 is signal *n* (`SigCgt`, proc_pid_status(5)).
    pub caught: u64,
    /// The signals that it blocks, in the same form (`SigBlk`). They wait for it, also at a container's PID 1: an init such as
    /// tini takes them so. Every bit is set while it is in the very call that takes them.
    pub blocked: u64,
    /// The signals that it ignores, in the same form (`SigIgn`).
    pub ignored: u64,
    /// Its terminal. `None` when its standard input is none.
    pub terminal: Option<TerminalFacts>,
}

/// What a key does in a process's terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TerminalFacts {
    /// Whether Ctrl+C is made into SIGINT: signals are on (ISIG, termios(3)) and the interrupt character is the usual
    /// one. Otherwise the key is a byte like others, for the program to read.
    pub signals_on: bool,
    /// Whether the process belongs to the terminal's foreground group, which gets that signal.
    pub foreground: bool,
}

impl ProcessFacts {
    /// Whether the process has a handler for this signal. A container's PID 1 that has none for SIGINT or SIGTERM is
    /// not touched by it at all (pid_namespaces(7)); one that has may still go on.
    pub fn catches(&self, signal: u8) -> bool {
        holds(self.caught, signal)
    }

    /// Whether the signal certainly does nothing to the process as a container's PID 1: it neither has a handler for it nor
    /// blocks it, which would keep it for later.
    pub fn is_deaf_to(&self, signal: u8) -> bool {
        !holds(self.caught | self.blocked, signal)
    }

    /// Whether the process asked not to be told of this signal.
    pub fn ignores(&self, signal: u8) -> bool {
        holds(self.ignored, signal)
    }
}

/// There are signals 1 to 64.
fn holds(mask: u64, signal: u8) -> bool {
    signal
        .checked_sub(1)
        .and_then(|bit| mask.checked_shr(u32::from(bit)))
        .is_some_and(|shifted| shifted & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn catches_and_ignores_read_the_bit_below_the_signals_number() {
        let facts = ProcessFacts {
            program: "sh".into(),
            caught: 1 << 1 | 1 << 63,
            blocked: 1 << 4,
            ignored: 1,
            terminal: None,
        };
        let caught: Vec<u8> = (0..=u8::MAX).filter(|signal| facts.catches(*signal)).collect();
        let ignored: Vec<u8> = (0..=u8::MAX).filter(|signal| facts.ignores(*signal)).collect();
        assert_eq!((caught, ignored), (vec![2, 64], vec![1]));
    }
}
