//! Handles.

/// The highest number of handles of one process (Windows Internals, "object manager"); it cannot be set.
const MOST: u64 = 1 << 24;

/// Nothing to raise.
pub fn raise() -> u64 {
    MOST
}
