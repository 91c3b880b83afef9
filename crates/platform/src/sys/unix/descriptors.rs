//! Open file descriptors, for code between fork and exec.
#![expect(
    unsafe_code,
    reason = "descriptors as numbers, which nothing in this process owns any more"
)]

/// More than programs have open; asking for the real limit may answer "no limit".
const MOST: libc::c_int = 1 << 16;

/// Marks every descriptor from `first` on to be closed by exec. Makes only system calls.
pub fn close_on_exec_from(first: libc::c_int) {
    for descriptor in first..limit() {
        // SAFETY: fcntl on a number that is no descriptor fails and does nothing.
        unsafe { libc::fcntl(descriptor, libc::F_SETFD, libc::FD_CLOEXEC) };
    }
}

/// The number that no descriptor reaches.
pub fn limit() -> libc::c_int {
    // SAFETY: takes a number and touches no memory.
    let limit = unsafe { libc::sysconf(libc::_SC_OPEN_MAX) };
    match libc::c_int::try_from(limit) {
        Ok(limit) if (1..MOST).contains(&limit) => limit,
        _ => MOST,
    }
}
