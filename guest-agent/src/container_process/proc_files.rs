//! Files below `/proc/PID`, read with limits.

use std::{
    fs::{self, File},
    io::{self, Read},
};

use anyhow::{Context, bail};
use rustix::{io::Errno, process::Pid};

use super::stat::Stat;

/// Some 50 numbers and a name.
const LONGEST_STAT_BYTES: u64 = 4 << 10;
/// It lists up to 65,536 supplementary groups.
const LONGEST_STATUS_BYTES: u64 = 1 << 20;
/// A path for each hierarchy.
const LONGEST_CGROUP_BYTES: u64 = 64 << 10;

/// What of `/proc/PID/status` (proc_pid_status(5)) matters here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Signals with a handler; bit *n* - 1 is signal *n*.
    pub caught: u64,
    /// Signals that are blocked.
    pub blocked: u64,
    /// Signals that are ignored.
    pub ignored: u64,
    /// Its number in our namespace and in each one below it, down to its own.
    pub numbers: Vec<u32>,
}

impl Status {
    /// Reads the text. The name in it is escaped by the kernel, so that it cannot look like another line.
    pub fn parse(text: &str) -> Option<Self> {
        let field = |name: &str| {
            text.lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
        };
        let mask = |name| u64::from_str_radix(field(name)?.trim(), 16).ok();
        let numbers = field("NSpid")
            .unwrap_or_default()
            .split_ascii_whitespace()
            .map_while(|number| number.parse().ok())
            .collect();
        Some(Self {
            caught: mask("SigCgt")?,
            blocked: mask("SigBlk")?,
            ignored: mask("SigIgn")?,
            numbers,
        })
    }
}

/// `/proc/PID/stat`. `None` when there is no such process.
pub fn stat(pid: Pid) -> anyhow::Result<Option<Stat>> {
    parsed(pid, "stat", LONGEST_STAT_BYTES, Stat::parse)
}

/// `/proc/PID/status`. `None` when there is no such process.
pub fn status(pid: Pid) -> anyhow::Result<Option<Status>> {
    parsed(pid, "status", LONGEST_STATUS_BYTES, |text| {
        Status::parse(&String::from_utf8_lossy(text))
    })
}

/// `/proc/PID/cgroup`. `None` when there is no such process.
pub fn cgroup(pid: Pid) -> anyhow::Result<Option<String>> {
    parsed(pid, "cgroup", LONGEST_CGROUP_BYTES, |text| {
        Some(String::from_utf8_lossy(text).into_owned())
    })
}

/// Whether the process is in the call that waits for signals. While it is, those that it waits for do not count as
/// blocked in its status, although they are taken.
pub fn waits_for_signals(pid: Pid) -> bool {
    let path = format!("/proc/{}/syscall", pid.as_raw_nonzero());
    fs::read_to_string(path).is_ok_and(|text| is_signal_wait(&text))
}

/// `/proc/PID/syscall` (proc_pid_syscall(5)) begins with the call's number.
fn is_signal_wait(text: &str) -> bool {
    let number = text
        .split_ascii_whitespace()
        .next()
        .and_then(|number| number.parse().ok());
    number == Some(libc::SYS_rt_sigtimedwait)
}

/// Every process, as far as its stat can be read. Those that end meanwhile are left out.
pub fn all() -> Vec<Stat> {
    fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| Pid::from_raw(entry.file_name().to_str()?.parse().ok()?))
        .filter_map(|pid| stat(pid).ok().flatten())
        .collect()
}

fn parsed<T>(
    pid: Pid,
    name: &str,
    limit: u64,
    parse: impl FnOnce(&[u8]) -> Option<T>,
) -> anyhow::Result<Option<T>> {
    let path = format!("/proc/{}/{name}", pid.as_raw_nonzero());
    let mut text = Vec::new();
    match File::open(&path).and_then(|file| file.take(limit + 1).read_to_end(&mut text)) {
        Ok(_) => {}
        Err(error) if is_gone(&error) => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("failed to read {path}")),
    }
    if text.len() as u64 > limit {
        bail!("{path} is longer than {limit} bytes");
    }
    parse(&text)
        .map(Some)
        .with_context(|| format!("{path} has an unknown form"))
}

/// Opening fails so, reading a file that was opened before fails otherwise.
fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(Errno::SRCH.raw_os_error())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn parse_status_gives_masks_and_numbers() {
        let text = "Name:\tsh\nPid:\t310\nNSpid:\t310\t12\t1\nGroups:\t\nSigBlk:\t0000000000000004\nSigIgn:\t0000000000001000\n\
                    SigCgt:\t8000000000000002\n";
        let expected = Status {
            caught: 1 << 63 | 2,
            blocked: 4,
            ignored: 1 << 12,
            numbers: vec![310, 12, 1],
        };
        assert_eq!(Status::parse(text), Some(expected));
    }

    #[test]
    fn parse_status_without_masks_gives_none() {
        assert_eq!(Status::parse(""), None);
        assert_eq!(Status::parse("SigBlk:\t0\nSigIgn:\t0\nSigCgt:\tx\n"), None);
        assert_eq!(Status::parse("SigBlk:\t0\nXSigIgn:\t0\nSigCgt:\t0\n"), None);
    }

    #[test]
    fn is_signal_wait_only_that_call() {
        let number = libc::SYS_rt_sigtimedwait;
        assert!(is_signal_wait(&format!(
            "{number} 0x7ffd 0x0 0x7ffd 0x8 0x0 0x0 0x7ffd 0x7f2a\n"
        )));
        assert!(!is_signal_wait(&format!("{} 0x0\n", number + 1)));
        assert!(!is_signal_wait("running\n"));
        assert!(!is_signal_wait(""));
    }

    #[test]
    fn files_of_our_own_process_are_read() {
        let own = rustix::process::getpid();
        let status = status(own).unwrap().unwrap();
        assert_eq!(status.numbers.first(), Some(&std::process::id()));
        assert_eq!(stat(own).unwrap().unwrap().pid, std::process::id());
        assert!(cgroup(own).unwrap().unwrap().contains(':'));
        assert!(all().iter().any(|stat| stat.pid == std::process::id()));
    }

    #[test]
    fn files_of_no_process_are_none() {
        // Above the highest possible number (PID_MAX_LIMIT).
        let nobody = Pid::from_raw(1 << 23).unwrap();
        assert_eq!(stat(nobody).unwrap(), None);
        assert_eq!(cgroup(nobody).unwrap(), None);
    }

    proptest! {
        #[test]
        fn parse_status_never_panics(text in any::<String>()) {
            Status::parse(&text);
        }

        #[test]
        fn parse_status_like_text_never_panics(
            text in "((NSpid|SigCgt|SigIgn):\t[0-9a-f ]{0,20}\n){0,5}"
        ) {
            Status::parse(&text);
        }
    }
}
