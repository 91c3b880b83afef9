//! Errors of a Unix host as Linux's.

use std::io;

use rustix::io::Errno as Host;

use crate::Errno;

/// A host's error in Linux's numbers.
pub fn linux(error: Host) -> Errno {
    if cfg!(target_os = "linux") {
        Errno::from_linux(error.raw_os_error())
    } else {
        by_name(error)
    }
}

/// The same for an error of the standard library.
pub fn of_io(error: &io::Error) -> Errno {
    Host::from_io_error(error).map_or(Errno::IO, linux)
}

/// The systems agree on the names, and on the numbers only up to 34.
fn by_name(error: Host) -> Errno {
    const NAMES: &[(Host, Errno)] = &[
        (Host::AGAIN, Errno::AGAIN),
        (Host::DEADLK, Errno::DEADLK),
        (Host::NAMETOOLONG, Errno::NAMETOOLONG),
        (Host::NOLCK, Errno::NOLCK),
        (Host::NOSYS, Errno::NOSYS),
        (Host::NOTEMPTY, Errno::NOTEMPTY),
        (Host::LOOP, Errno::LOOP),
        (Host::OVERFLOW, Errno::OVERFLOW),
        (Host::ILSEQ, Errno::ILSEQ),
        (Host::OPNOTSUPP, Errno::OPNOTSUPP),
        (Host::NOTSUP, Errno::OPNOTSUPP),
        (Host::TIMEDOUT, Errno::TIMEDOUT),
        (Host::STALE, Errno::STALE),
        (Host::DQUOT, Errno::DQUOT),
        #[cfg(target_os = "macos")]
        (Host::NOATTR, Errno::NODATA),
        #[cfg(not(target_os = "macos"))]
        (Host::NODATA, Errno::NODATA),
    ];
    if let Some((_, ours)) = NAMES.iter().find(|(host, _)| *host == error) {
        return *ours;
    }
    match error.raw_os_error() {
        // The numbers of the first Unix, the same everywhere.
        number @ 1..=34 => Errno::from_linux(number),
        _ => Errno::IO,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_name_agrees_with_the_numbers_where_the_host_is_linux() {
        for error in [
            Host::NOTEMPTY,
            Host::NAMETOOLONG,
            Host::OPNOTSUPP,
            Host::AGAIN,
            Host::NOSPC,
            Host::STALE,
            Host::DQUOT,
        ] {
            assert_eq!(by_name(error).number(), linux(error).number());
        }
    }

    #[test]
    fn by_name_what_linux_does_not_know_is_an_input_error() {
        assert_eq!(by_name(Host::from_raw_os_error(4000)), Errno::IO);
    }
}
