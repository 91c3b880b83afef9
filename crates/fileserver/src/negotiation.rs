//! INIT: what the guest's kernel and this server agree on.

use crate::{
    Errno,
    abi::{self, InitIn, InitOut, init},
    reply::Body,
};

/// What is wanted as far as the kernel offers it.
///
/// No writeback cache: with it the kernel would own sizes and times, and a host's edit be lost. Pages are dropped when a
/// file's time or size has changed (`AUTO_INVAL_DATA`), beside what the watch says. Set-user-id and set-group-id exist
/// only in what is stored for the guest, so this side takes them away (`HANDLE_KILLPRIV_V2`).
const WANTED: u32 = init::ASYNC_READ
    | init::POSIX_LOCKS
    | init::FLOCK_LOCKS
    | init::ATOMIC_O_TRUNC
    | init::BIG_WRITES
    | init::AUTO_INVAL_DATA
    | init::DO_READDIRPLUS
    | init::READDIRPLUS_AUTO
    | init::ASYNC_DIO
    | init::PARALLEL_DIROPS
    | init::MAX_PAGES
    | init::CACHE_SYMLINKS
    | init::HANDLE_KILLPRIV_V2
    | init::INIT_EXT;

/// Requests that the kernel may have on the way without anybody waiting: read-ahead mostly.
const BACKGROUND: u16 = 64;

/// Answers an INIT.
pub fn answer(input: InitIn) -> Result<Body, Errno> {
    if input.major < abi::MAJOR || (input.major == abi::MAJOR && input.minor < abi::OLDEST_MINOR) {
        tracing::warn!(
            major = input.major,
            minor = input.minor,
            "guest speaks a FUSE that is too old"
        );
        // The kernel gives the mount up.
        return Err(Errno::PROTO);
    }
    let ours = InitOut {
        major: abi::MAJOR,
        minor: abi::MINOR,
        ..InitOut::default()
    };
    if input.major > abi::MAJOR {
        // The kernel asks again with our version.
        return Ok(Body::of(&ours));
    }
    Ok(Body::of(&InitOut {
        max_readahead: input.max_readahead.min(abi::MOST_DATA as u32),
        flags: input.flags & WANTED,
        max_background: BACKGROUND,
        congestion_threshold: BACKGROUND / 4 * 3,
        max_write: abi::MOST_DATA as u32,
        time_gran: 1,
        max_pages: (abi::MOST_DATA / abi::PAGE) as u16,
        ..ours
    }))
}

/// Whether after this INIT the kernel can be told that every name is to be looked up anew (Linux 6.16 and later).
///
/// It may be an INIT that the guest repeats because this server is a new one: the kernel then has names and attributes of
/// an earlier server, for an hour to come, and this one does not know which.
pub fn can_expire_names(input: &InitIn) -> bool {
    input.major == abi::MAJOR && input.minor >= abi::notify::INC_EPOCH_MINOR
}

#[cfg(test)]
mod tests {
    use zerocopy::FromBytes;

    use super::*;

    fn agreed(input: InitIn) -> InitOut {
        let bytes = crate::reply::answer(1, answer(input));
        InitOut::read_from_prefix(&bytes[16..]).unwrap().0
    }

    #[test]
    fn answer_only_what_was_offered_is_taken() {
        let input = InitIn {
            major: 7,
            minor: 31,
            max_readahead: 1 << 17,
            flags: init::ASYNC_READ | 1 << 16,
        };
        let output = agreed(input);
        assert_eq!(output.flags, init::ASYNC_READ);
        assert_eq!(
            (output.max_readahead, output.max_write, output.max_pages),
            (1 << 17, 1 << 20, 256)
        );
    }

    #[test]
    fn answer_writeback_cache_is_never_taken() {
        assert_eq!(
            agreed(InitIn {
                major: 7,
                minor: 45,
                max_readahead: 0,
                flags: u32::MAX
            })
            .flags
                & (1 << 16),
            0
        );
    }

    #[test]
    fn answer_older_kernels_are_refused_and_newer_ones_asked_again() {
        assert!(
            answer(InitIn {
                major: 7,
                minor: 30,
                ..InitIn::default()
            })
            .is_err()
        );
        assert!(
            answer(InitIn {
                major: 6,
                minor: 99,
                ..InitIn::default()
            })
            .is_err()
        );
        let output = agreed(InitIn {
            major: 8,
            minor: 0,
            ..InitIn::default()
        });
        assert_eq!((output.major, output.flags), (7, 0));
    }

    #[test]
    fn can_expire_names_since_the_version_that_has_it() {
        let of = |major, minor| {
            can_expire_names(&InitIn {
                major,
                minor,
                ..InitIn::default()
            })
        };
        assert!(of(7, 44) && of(7, 60));
        assert!(!of(7, 43) && !of(8, 44));
    }
}
