//! Telling one boot of the host from the next.

use std::{
    process,
    time::{SystemTime, UNIX_EPOCH},
};

use crate::sys::os;

/// A text that changes at every boot of the host and at no other time.
///
/// What is remembered under it dies with the boot. Where the OS does not tell, the text is new at every call, so that
/// nothing remembered under it is ever believed.
pub fn boot_id() -> String {
    os::boot_id().unwrap_or_else(|| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        format!("unknown-{}-{}", process::id(), now.as_nanos())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boot_id_asked_twice_is_the_same() {
        let id = boot_id();
        assert!(!id.starts_with("unknown"), "{id}");
        assert_eq!(id, id.trim());
        assert_eq!(id, boot_id());
    }
}
