//! How many connections and files this process may have open.

use crate::sys::os;

/// Raises the limit of open descriptors as far as the OS lets us, never lowers it, and returns what holds now.
///
/// Desktops start programs with 256 (macOS) or 1024 (Linux), because programs that use select(2) break above that; we
/// do not, and each connection of a client takes two to four. Programs that we start inherit it. Windows has no such
/// limit; the highest number of handles is returned.
pub fn raise_descriptor_limit() -> u64 {
    os::descriptor_limit::raise()
}

#[cfg(all(test, unix))]
mod tests {
    use rustix::process::{Resource, getrlimit};

    use super::*;

    #[test]
    fn raise_descriptor_limit_twice_gives_the_limit_that_holds() {
        let before = getrlimit(Resource::Nofile).current;
        let raised = raise_descriptor_limit();
        assert_eq!(getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX), raised);
        assert!(before.is_none_or(|before| before <= raised));
        assert_eq!(raise_descriptor_limit(), raised);
    }
}
