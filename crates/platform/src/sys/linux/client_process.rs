//! A process held by a pidfd.

use std::{
    ffi::OsString,
    fs::{self, File},
    future,
    io::{self, Read},
    os::fd::{AsRawFd, OwnedFd},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    process::{Pid, PidfdFlags, pidfd_open},
};
use tokio::io::{Interest, unix::AsyncFd};

use crate::sys::unix::{
    process_arguments::{LONGEST_BYTES, ended_by_zeros},
    readiness::watched,
};

/// A process.
#[derive(Debug)]
pub struct Process {
    handle: AsyncFd<OwnedFd>,
}

impl Process {
    /// See [`crate::ClientProcess::of`]. Gives its start in clock ticks since the boot as well.
    pub fn open(pid: u32) -> io::Result<Option<(Self, u64)>> {
        let Some(number) = i32::try_from(pid).ok().and_then(Pid::from_raw) else {
            return Ok(None);
        };
        let handle = match pidfd_open(number, PidfdFlags::empty()) {
            Ok(handle) => handle,
            Err(Errno::SRCH) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let Ok(stat) = fs::read(format!("/proc/{pid}/stat")) else {
            return Ok(None);
        };
        // Until it is reaped, its number is its own: that was its file.
        if has_ended(&handle)? && !has_its_number(&handle, pid) {
            return Ok(None);
        }
        let started =
            started(&stat).ok_or_else(|| io::Error::other("the process's stat has an unknown form"))?;
        let handle = watched(handle, Interest::READABLE)?;
        Ok(Some((Self { handle }, started)))
    }

    /// See [`crate::ClientProcess::arguments`].
    pub fn arguments(&self, pid: u32) -> Option<Vec<OsString>> {
        let mut text = Vec::new();
        let file = File::open(format!("/proc/{pid}/cmdline")).ok()?;
        file.take(LONGEST_BYTES as u64).read_to_end(&mut text).ok()?;
        if has_ended(self.handle.get_ref()).ok()? {
            return None;
        }
        ended_by_zeros(&text)
    }

    /// See [`crate::ClientProcess::exited`]. Only parents learn the code.
    pub async fn exited(&self) -> Option<u32> {
        // The runtime is ending otherwise.
        while let Ok(mut ready) = self.handle.readable().await {
            match has_ended(ready.get_inner()) {
                Ok(true) => return None,
                Ok(false) => ready.clear_ready(),
                Err(error) => {
                    tracing::warn!(%error, "failed to watch a client's process");
                    break;
                }
            }
        }
        future::pending().await
    }
}

/// A pidfd is readable from the process's end on (pidfd_open(2)).
fn has_ended(handle: &OwnedFd) -> io::Result<bool> {
    let mut polled = [PollFd::new(handle, PollFlags::IN)];
    let now = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    Ok(poll(&mut polled, Some(&now))? != 0)
}

/// Whether it still waits to be reaped (proc_pid_fdinfo(5): -1 afterwards).
fn has_its_number(handle: &OwnedFd, pid: u32) -> bool {
    let path = format!("/proc/self/fdinfo/{}", handle.as_raw_fd());
    let text = fs::read_to_string(path).unwrap_or_default();
    let number = text.lines().find_map(|line| line.strip_prefix("Pid:"));
    number.and_then(|number| number.trim().parse().ok()) == Some(pid)
}

/// Field 22 of the line (proc_pid_stat(5)). The second one is a name in parentheses that may hold anything.
fn started(stat: &[u8]) -> Option<u64> {
    let name_end = stat.iter().rposition(|byte| *byte == b')')?;
    let fields = str::from_utf8(stat.get(name_end + 1..)?).ok()?;
    fields.split_ascii_whitespace().nth(19)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn started_is_field_22_whatever_the_name() {
        let rest = "S 41 42 43 34816 42 4194304 139 0 0 0 1 2 0 0 20 0 1 0 9876543 2658304 221\n";
        for name in ["sh", "a b", ") S 1 (", "))", ""] {
            assert_eq!(started(format!("42 ({name}) {rest}").as_bytes()), Some(9_876_543));
        }
        assert_eq!(started(b"42 (\xff\n) S 1"), None);
        assert_eq!(started(b""), None);
    }
}
