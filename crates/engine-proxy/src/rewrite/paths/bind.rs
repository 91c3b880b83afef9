//! Bind mounts in one string: `source:target`, `source:target:options`.

use super::{PathMap, PathStyle};
use crate::rewrite::Refusal;

impl PathMap {
    /// The string with the source as it is in the machine. `None` when it names no path of the host.
    pub(in crate::rewrite) fn guest_bind(&self, bind: &str) -> Result<Option<String>, Refusal> {
        // What is not split here has no target that the engine takes.
        let Some((source, rest)) = split(self.style, bind) else {
            return Ok(None);
        };
        // Only a path that was the machine's own anyway can have a colon; the engine splits it as it likes.
        let guest = self.guest_path(source)?.filter(|guest| !guest.contains(':'));
        Ok(guest.map(|guest| format!("{guest}{rest}")))
    }
}

/// The source, and what follows it with its colon.
///
/// Windows has colons in paths too, so there the source ends where a target of a Linux container begins, with a slash.
fn split(style: PathStyle, bind: &str) -> Option<(&str, &str)> {
    let end = match style {
        PathStyle::Unix => bind.find(':')?,
        PathStyle::Windows => {
            let start = drive_end(bind);
            start + bind[start..].find(":/")?
        }
    };
    Some(bind.split_at(end))
}

/// Where the drive's colon, if there is one, is behind: in `C:/a:/b` the first is no end.
fn drive_end(bind: &str) -> usize {
    let prefix = bind.get(..4);
    let start = match prefix {
        Some("\\\\?\\" | "//?/") => 4,
        _ => 0,
    };
    match bind.as_bytes().get(start..start + 2) {
        Some([letter, b':']) if letter.is_ascii_alphabetic() => start + 2,
        _ => 0,
    }
}
