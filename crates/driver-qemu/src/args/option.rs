//! Arguments and the `key=value,…` lists in them.

use std::ffi::{OsStr, OsString};

/// Arguments in their order.
#[derive(Debug, Default)]
pub(crate) struct Flags {
    args: Vec<OsString>,
}

impl Flags {
    /// Adds a flag that stands alone.
    pub(crate) fn switch(&mut self, flag: &str) {
        self.args.push(flag.into());
    }

    /// Adds a flag and its value.
    pub(crate) fn add(&mut self, flag: &str, value: impl Into<OsString>) {
        self.args.push(flag.into());
        self.args.push(value.into());
    }

    pub(crate) fn into_args(self) -> Vec<OsString> {
        self.args
    }
}

/// One `key=value,…` list. QEMU reads a comma in a value when it is doubled.
#[derive(Debug)]
pub(crate) struct OptionList {
    text: OsString,
}

impl OptionList {
    /// Starts with the part that has no comma in it: a driver's name, or the first pairs.
    pub(crate) fn new(head: &str) -> Self {
        Self { text: head.into() }
    }

    /// Adds `key=value`.
    pub(crate) fn set(mut self, key: &str, value: impl AsRef<OsStr>) -> Self {
        self.text.push(",");
        self.text.push(key);
        self.text.push("=");
        self.text.push(escape_commas(value.as_ref()));
        self
    }
}

impl From<OptionList> for OsString {
    fn from(list: OptionList) -> Self {
        list.text
    }
}

/// Doubles every comma, and keeps all other bytes, also those that are no text.
fn escape_commas(value: &OsStr) -> OsString {
    match value.to_str() {
        Some(text) => text.replace(',', ",,").into(),
        None => sys::escape_commas(value),
    }
}

#[cfg(unix)]
mod sys {
    use std::{
        ffi::{OsStr, OsString},
        os::unix::ffi::{OsStrExt, OsStringExt},
    };

    pub(super) fn escape_commas(value: &OsStr) -> OsString {
        let mut bytes = Vec::with_capacity(value.len());
        for &byte in value.as_bytes() {
            bytes.push(byte);
            if byte == b',' {
                bytes.push(byte);
            }
        }
        OsString::from_vec(bytes)
    }
}

#[cfg(windows)]
mod sys {
    use std::{
        ffi::{OsStr, OsString},
        os::windows::ffi::{OsStrExt, OsStringExt},
    };

    pub(super) fn escape_commas(value: &OsStr) -> OsString {
        let comma = u16::from(b',');
        let mut units = Vec::new();
        for unit in value.encode_wide() {
            units.push(unit);
            if unit == comma {
                units.push(unit);
            }
        }
        OsString::from_wide(&units)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn set_value_with_commas_doubles_them() {
        let list = OptionList::new("file").set("path", "/a,b/c,,d");
        assert_eq!(OsString::from(list), "file,path=/a,,b/c,,,,d");
    }

    #[cfg(unix)]
    #[test]
    fn set_value_that_is_no_text_keeps_its_bytes() {
        use std::os::unix::ffi::{OsStrExt, OsStringExt};
        let list = OptionList::new("file").set("path", OsStr::from_bytes(b"\xff,x"));
        assert_eq!(OsString::from(list).into_vec(), b"file,path=\xff,,x");
    }
}
