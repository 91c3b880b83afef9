//! RLIMIT_NOFILE.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// `OPEN_MAX` of macOS: what a soft limit may be there whatever the hard one is, infinity included (setrlimit(2)).
const ALWAYS_ALLOWED: u64 = 10_240;

/// Soft to hard.
pub fn raise() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let most = limit.maximum.unwrap_or(ALWAYS_ALLOWED);
    for wanted in [most, most.min(ALWAYS_ALLOWED)] {
        if limit.current.is_none_or(|current| current >= wanted) {
            break;
        }
        let raised = Rlimit {
            current: Some(wanted),
            maximum: limit.maximum,
        };
        match setrlimit(Resource::Nofile, raised) {
            Ok(()) => return wanted,
            Err(error) => tracing::debug!(wanted, %error, "descriptor limit refused"),
        }
    }
    limit.current.unwrap_or(u64::MAX)
}
