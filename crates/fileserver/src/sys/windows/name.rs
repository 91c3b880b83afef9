//! Names that Linux allows and Windows does not.
//!
//! What Windows cannot have in a name is moved to the private-use characters U+F001 to U+F07F, by adding U+F000 to the
//! ASCII character, which is what WSL and Cygwin do too:
//!
//! ```text
//!   guest          host
//!   a:b            a U+F03A b             one of  " * : < > ? \ |  and control characters, anywhere
//!   end.           end U+F02E             a dot or a space at the end
//!   con.txt        U+F063 on.txt          the first letter of the name of a device, whatever its ending
//! ```

use crate::{Errno, Name};

/// Added to what is moved.
const PRIVATE: u32 = 0xf000;
/// Names of devices in every folder, with or without an ending.
const DEVICES: &[&str] = &["con", "prn", "aux", "nul", "conin$", "conout$"];
/// Those that a digit follows.
const NUMBERED_DEVICES: &[&str] = &["com", "lpt"];

/// The name on the host, in UTF-16. `EILSEQ` for bytes that are no UTF-8, and for the characters that others are moved to.
pub fn to_host(name: &Name) -> Result<Vec<u16>, Errno> {
    let text = std::str::from_utf8(name.as_bytes()).map_err(|_| Errno::ILSEQ)?;
    if text.chars().any(|c| moved_back(c).is_some()) {
        return Err(Errno::ILSEQ);
    }
    Ok(mapped(text).encode_utf16().collect())
}

/// The name in the guest, or none when it cannot be one: half a character, or too long.
pub fn to_guest(units: &[u16]) -> Option<Name> {
    let text = String::from_utf16(units).ok()?;
    let back: String = text.chars().map(|c| moved_back(c).unwrap_or(c)).collect();
    // Only what would be moved there is moved back: else two names of the host would be one in the guest.
    let name = if mapped(&back) == text { back } else { text };
    Name::new(name.as_bytes()).ok()
}

fn mapped(text: &str) -> String {
    let last = text.chars().count().saturating_sub(1);
    let is_device = is_device(text);
    let moved = |(index, c): (usize, char)| {
        let is_moved = matches!(
            c,
            '\x01'..='\x1f' | '"' | '*' | ':' | '<' | '>' | '?' | '\\' | '|'
        ) || (index == last && matches!(c, '.' | ' '))
            || (index == 0 && is_device);
        if is_moved {
            char::from_u32(PRIVATE + c as u32).unwrap_or(c)
        } else {
            c
        }
    };
    text.chars().enumerate().map(moved).collect()
}

fn moved_back(c: char) -> Option<char> {
    let code = (c as u32).checked_sub(PRIVATE)?;
    if (1..0x80).contains(&code) {
        char::from_u32(code)
    } else {
        None
    }
}

/// Windows looks at what is before the first dot or colon, without spaces at its end.
fn is_device(text: &str) -> bool {
    let stem = text
        .split(['.', ':'])
        .next()
        .unwrap_or(text)
        .trim_end_matches(' ')
        .to_lowercase();
    let is_numbered = |device: &&str| {
        // Windows takes the raised digits of Latin-1 too.
        let number = stem.strip_prefix(*device);
        number.is_some_and(|number| {
            let mut characters = number.chars();
            matches!(
                (characters.next(), characters.next()),
                (Some('0'..='9' | '¹' | '²' | '³'), None)
            )
        })
    };
    DEVICES.contains(&stem.as_str()) || NUMBERED_DEVICES.iter().any(is_numbered)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn host(text: &str) -> String {
        String::from_utf16(&to_host(&Name::new(text.as_bytes()).unwrap()).unwrap()).unwrap()
    }

    #[test]
    fn to_host_what_windows_forbids_is_moved() {
        for (guest, expected) in [
            ("plain.txt", "plain.txt"),
            ("a:b", "a\u{f03a}b"),
            ("back\\slash", "back\u{f05c}slash"),
            ("end.", "end\u{f02e}"),
            ("end ", "end\u{f020}"),
            (" start", " start"),
            ("a.b.c", "a.b.c"),
            ("line\nbreak", "line\u{f00a}break"),
            ("con", "\u{f063}on"),
            ("CON.txt", "\u{f043}ON.txt"),
            ("nul .tar.gz", "\u{f06e}ul .tar.gz"),
            ("lpt1", "\u{f06c}pt1"),
            ("com²", "\u{f063}om²"),
            ("com10", "com10"),
            ("console", "console"),
            ("...", "..\u{f02e}"),
        ] {
            assert_eq!(host(guest), expected, "{guest:?}");
        }
    }

    #[test]
    fn to_host_what_cannot_be_held_is_refused() {
        assert_eq!(to_host(&Name::new(b"\xff").unwrap()), Err(Errno::ILSEQ));
        assert_eq!(
            to_host(&Name::new("\u{f03a}".as_bytes()).unwrap()),
            Err(Errno::ILSEQ)
        );
    }

    #[test]
    fn to_guest_only_what_was_moved_comes_back() {
        let guest = |text: &str| {
            to_guest(&text.encode_utf16().collect::<Vec<_>>()).map(|name| name.as_bytes().to_vec())
        };
        assert_eq!(guest("a\u{f03a}b"), Some(b"a:b".to_vec()));
        // Nobody moves an `a` in the middle, or a slash, which no name has.
        for text in ["b\u{f061}b", "a\u{f02f}b"] {
            assert_eq!(guest(text), Some(text.as_bytes().to_vec()));
        }
        assert_eq!(to_guest(&[0xd800]), None);
    }

    proptest! {
        #[test]
        fn to_host_and_back_is_the_same(text in "[a-zA-Z0-9.:\\\\ \"*<>?|\\x01-\\x1f¹é日]{1,40}") {
            if let Ok(name) = Name::new(text.as_bytes()) {
                let units = to_host(&name).unwrap();
                prop_assert_eq!(to_guest(&units), Some(name));
                let written = String::from_utf16(&units).unwrap();
                prop_assert!(!is_device(&written) && !written.ends_with(['.', ' ']));
                prop_assert!(!written.contains(['"', '*', ':', '<', '>', '?', '\\', '|']));
            }
        }
    }
}
