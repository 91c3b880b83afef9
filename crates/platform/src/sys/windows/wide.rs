//! Text as Windows takes it.

use std::{ffi::OsStr, iter, os::windows::ffi::OsStrExt};

/// UTF-16 with its final zero.
pub fn wide(text: impl AsRef<OsStr>) -> Vec<u16> {
    text.as_ref().encode_wide().chain(iter::once(0)).collect()
}
