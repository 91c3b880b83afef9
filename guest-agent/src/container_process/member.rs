//! One process of a container, held.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use anyhow::Context;
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal},
};

use super::{
    container::Container,
    proc_files,
    stat::{Identity, Stat},
};

/// A process that belonged to the container, and lived, after it was held.
#[derive(Debug)]
pub struct Member {
    handle: OwnedFd,
    pid: Pid,
    stat: Stat,
}

impl Member {
    /// Holds the process with this number. `None` when the container has no such process.
    pub fn open(pid: u32, container: &Container) -> anyhow::Result<Option<Self>> {
        let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) else {
            return Ok(None);
        };
        let handle = match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(handle) => handle,
            // The latter two: a thread's number.
            Err(Errno::SRCH | Errno::INVAL | Errno::NOENT) => return Ok(None),
            Err(error) => return Err(error).with_context(|| format!("failed to hold {pid:?}")),
        };
        let (Some(stat), Some(cgroup)) = (proc_files::stat(pid)?, proc_files::cgroup(pid)?) else {
            return Ok(None);
        };
        let member = Self { handle, pid, stat };
        // As long as it lives, its number is its own: both files were its.
        let belongs = container.holds(&cgroup) && !member.has_ended()?;
        Ok(belongs.then_some(member))
    }

    /// Holds this process again. `None` when it has ended, or has left the container.
    pub fn reopen(identity: Identity, container: &Container) -> anyhow::Result<Option<Self>> {
        let found = Self::open(identity.pid, container)?;
        Ok(found.filter(|member| member.identity() == identity))
    }

    /// Which process this is.
    pub fn identity(&self) -> Identity {
        self.stat.identity()
    }

    /// Its number, for reading more about it. Ask [`has_ended`](Self::has_ended) afterwards.
    pub fn pid(&self) -> Pid {
        self.pid
    }

    /// What the kernel said about it when it was held.
    pub fn stat(&self) -> &Stat {
        &self.stat
    }

    /// Whether it has ended since. Then its number may be another's.
    pub fn has_ended(&self) -> io::Result<bool> {
        let mut polled = [PollFd::new(&self.handle, PollFlags::IN)];
        let now = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        Ok(poll(&mut polled, Some(&now))? != 0)
    }

    /// Signals it, and nobody else. No error when it has ended.
    pub fn signal(&self, signal: Signal) -> io::Result<()> {
        match pidfd_send_signal(&self.handle, signal) {
            Ok(()) | Err(Errno::SRCH) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

impl AsFd for Member {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.handle.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::container_process::test_child::TestChild;

    #[test]
    fn open_process_that_ends_is_noticed_and_not_found_again() {
        let mut child = TestChild::start("exec sleep 600");
        let container = Container::of_all();
        let member = Member::open(child.pid(), &container).unwrap().unwrap();
        assert!(!member.has_ended().unwrap());
        let again = Member::reopen(member.identity(), &container).unwrap();
        assert_eq!(again.unwrap().identity(), member.identity());

        member.signal(Signal::KILL).unwrap();
        child.wait();
        assert!(member.has_ended().unwrap());
        member.signal(Signal::KILL).unwrap();
        assert!(Member::open(child.pid(), &container).unwrap().is_none());
        assert!(Member::reopen(member.identity(), &container).unwrap().is_none());
    }

    #[test]
    fn reopen_number_of_another_process_gives_none() {
        let child = TestChild::start("exec sleep 600");
        let earlier = Identity {
            pid: child.pid(),
            started: 1,
        };
        assert!(Member::reopen(earlier, &Container::of_all()).unwrap().is_none());
    }

    #[test]
    fn open_process_of_no_container_gives_none() {
        let child = TestChild::start("exec sleep 600");
        let container = Container::new("0".repeat(64)).unwrap();
        assert!(Member::open(child.pid(), &container).unwrap().is_none());
    }

    #[test]
    fn open_impossible_numbers_gives_none() {
        for pid in [0, 1 << 23, u32::MAX] {
            assert!(
                Member::open(pid, &Container::of_all()).unwrap().is_none(),
                "{pid}"
            );
        }
    }
}
