//! What a container's process does with signals, and with Ctrl+C in its terminal.

use anyhow::{Context, bail};
use protocol::{ProcessFacts, TerminalFacts};
use rustix::{
    process::{PidfdGetfdFlags, pidfd_getfd},
    termios::{LocalModes, SpecialCodeIndex, tcgetattr},
};

use super::{container::Container, member::Member, proc_files, stat::Stat};

/// What the key Ctrl+C sends.
const CTRL_C: u8 = 3;

/// Looks at the process. Fails when the container has no such process.
pub fn facts(pid: u32, container: &Container) -> anyhow::Result<ProcessFacts> {
    let gone = || format!("container {} has no process {pid}", container.id());
    let member = Member::open(pid, container)?.with_context(gone)?;
    // Inits such as tini wait for signals instead of catching them. They may begin or end to wait between two looks.
    let waited = proc_files::waits_for_signals(member.pid());
    let status = proc_files::status(member.pid())?.with_context(gone)?;
    let waits = waited || proc_files::waits_for_signals(member.pid());
    let terminal = terminal(&member);
    if member.has_ended()? {
        bail!(gone());
    }
    Ok(ProcessFacts {
        program: member.stat().program.clone(),
        caught: status.caught,
        blocked: if waits { !0 } else { status.blocked },
        ignored: status.ignored,
        terminal,
    })
}

/// The terminal on its standard input. The descriptor is a copy of the process's own: opening the file again could
/// wake a device, or make the terminal ours.
fn terminal(member: &Member) -> Option<TerminalFacts> {
    let input = pidfd_getfd(member, libc::STDIN_FILENO, PidfdGetfdFlags::empty()).ok()?;
    // Nothing but a terminal has modes.
    let modes = tcgetattr(input).ok()?;
    let interrupt = modes.special_codes[SpecialCodeIndex::VINTR];
    Some(TerminalFacts {
        signals_on: modes.local_modes.contains(LocalModes::ISIG) && interrupt == CTRL_C,
        foreground: is_foreground(member.stat()),
    })
}

fn is_foreground(stat: &Stat) -> bool {
    stat.foreground_group == Some(stat.group)
}

#[cfg(test)]
mod tests {
    use rustix::termios::{OptionalActions, tcsetattr};

    use super::*;
    use crate::container_process::test_child::TestChild;

    const HANGUP: u8 = 1;
    const INTERRUPT: u8 = 2;
    const TERMINATE: u8 = 15;

    fn check(script: &str) -> ProcessFacts {
        let child = TestChild::start(script);
        facts(child.pid(), &Container::of_all()).unwrap()
    }

    #[test]
    fn facts_of_a_plain_program_catch_nothing() {
        let facts = check("exec sleep 600");
        assert_eq!(facts.program, "sleep");
        assert!(!facts.catches(INTERRUPT) && !facts.catches(TERMINATE) && !facts.catches(HANGUP));
        assert_eq!(facts.terminal, None);
    }

    #[test]
    fn facts_of_a_shell_with_traps_tell_them() {
        let facts = check("trap : INT; trap '' TERM; echo ready; read line");
        assert!(facts.catches(INTERRUPT) && !facts.ignores(INTERRUPT));
        assert!(facts.ignores(TERMINATE) && !facts.catches(TERMINATE));
        assert!(!facts.catches(HANGUP) && !facts.ignores(HANGUP));
    }

    #[test]
    fn facts_of_a_process_that_is_gone_is_an_error_with_both_names() {
        let mut child = TestChild::start("exec sleep 600");
        child.kill();
        let error = facts(child.pid(), &Container::of_all()).unwrap_err().to_string();
        assert!(
            error.contains("has no process") && error.contains(&child.pid().to_string()),
            "{error}"
        );
    }

    #[test]
    fn facts_of_a_process_elsewhere_is_an_error() {
        let child = TestChild::start("exec sleep 600");
        let other = Container::new("0".repeat(64)).unwrap();
        assert!(facts(child.pid(), &other).is_err());
    }

    #[test]
    fn facts_on_a_terminal_follow_its_modes() {
        let (child, terminal) = TestChild::start_on_terminal("exec sleep 600");
        let look = || facts(child.pid(), &Container::of_all()).unwrap().terminal;
        let usual = TerminalFacts {
            signals_on: true,
            foreground: true,
        };
        assert_eq!(look(), Some(usual));

        let mut modes = tcgetattr(&terminal).unwrap();
        modes.special_codes[SpecialCodeIndex::VINTR] = 24;
        tcsetattr(&terminal, OptionalActions::Now, &modes).unwrap();
        assert_eq!(look().map(|facts| facts.signals_on), Some(false));

        modes.make_raw();
        tcsetattr(&terminal, OptionalActions::Now, &modes).unwrap();
        assert_eq!(look().map(|facts| facts.signals_on), Some(false));
    }

    #[test]
    fn facts_behind_a_job_in_the_foreground_say_so() {
        // With job control (-m) each command has a process group of its own; the one in the foreground owns the keys.
        let (child, _terminal) = TestChild::start_on_terminal("set -m; sleep 600");
        let look = || facts(child.pid(), &Container::of_all()).unwrap().terminal;
        while look().is_none_or(|facts| facts.foreground) {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        assert!(look().is_some_and(|facts| facts.signals_on));
    }
}
