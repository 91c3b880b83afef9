//! The keys that leave a container running.

/// The keys, as bytes of the terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DetachKeys {
    bytes: Vec<u8>,
    text: String,
}

impl DetachKeys {
    /// As `--detach-keys` has them.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// As people say it: `Ctrl+P Ctrl+Q`.
    pub fn spoken(&self) -> String {
        let key = |key: &str| match key.strip_prefix("ctrl-") {
            Some(letter) => format!("Ctrl+{}", letter.to_ascii_uppercase()),
            None => key.to_owned(),
        };
        self.text.split(',').map(key).collect::<Vec<_>>().join(" ")
    }
}

impl Default for DetachKeys {
    fn default() -> Self {
        Self {
            bytes: vec![16, 17],
            text: "ctrl-p,ctrl-q".to_owned(),
        }
    }
}

/// Reads `ctrl-p,ctrl-q`: single characters, or `ctrl-` and one of a-z, @, [, \, ], ^, _.
///
/// Source: `ToBytes` in `ascii.go` of github.com/moby/term.
pub fn parse_detach_keys(text: &str) -> Result<DetachKeys, String> {
    if text.is_empty() {
        return Ok(DetachKeys::default());
    }
    let text = text.to_owned();
    let bytes = text.split(',').map(key_byte).collect::<Result<_, _>>()?;
    Ok(DetachKeys { bytes, text })
}

fn key_byte(key: &str) -> Result<u8, String> {
    match (key.as_bytes(), key.strip_prefix("ctrl-").map(str::as_bytes)) {
        ([byte], _) => Ok(*byte),
        (_, Some([letter @ b'a'..=b'z'])) => Ok(letter - b'a' + 1),
        (_, Some(b"@")) => Ok(0),
        (_, Some([sign @ b'['..=b'_'])) => Ok(sign - b'[' + 27),
        _ => Err(format!(
            "{key:?} is no key, use a character or ctrl- with a to z, @, [, \\, ], ^ or _"
        )),
    }
}

/// Looks for the keys in what is typed.
#[derive(Debug)]
pub struct DetachWatch {
    keys: Vec<u8>,
    /// Typed keys that may be the beginning: held back until the next one tells.
    held: Vec<u8>,
}

/// What is typed, without the keys that detach.
#[derive(Debug, PartialEq, Eq)]
pub struct Typed {
    /// What goes to the container.
    pub bytes: Vec<u8>,
    /// Whether the keys that detach came after it.
    pub detached: bool,
}

impl DetachWatch {
    /// Watches from now on.
    pub fn new(keys: &DetachKeys) -> Self {
        Self {
            keys: keys.bytes.clone(),
            held: Vec::new(),
        }
    }

    /// Takes what was typed. Every occurrence of the keys is found, so that the engine, which looks too, never sees one.
    pub fn typed(&mut self, typed: &[u8]) -> Typed {
        let mut bytes = Vec::with_capacity(typed.len());
        for byte in typed {
            self.held.push(*byte);
            while !self.keys.starts_with(&self.held) {
                bytes.push(self.held.remove(0));
            }
            if self.held == self.keys {
                self.held.clear();
                return Typed {
                    bytes,
                    detached: true,
                };
            }
        }
        Typed {
            bytes,
            detached: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_detach_keys_each_form_is_read() {
        let check = |text, bytes: &[u8]| assert_eq!(parse_detach_keys(text).unwrap().bytes, bytes, "{text}");
        check("ctrl-p,ctrl-q", &[16, 17]);
        check("", &[16, 17]);
        check("ctrl-x,x", &[24, b'x']);
        check("a", b"a");
        check(
            "ctrl-@,ctrl-[,ctrl-\\,ctrl-],ctrl-^,ctrl-_",
            &[0, 27, 28, 29, 30, 31],
        );
        for text in ["ctrl-", "ctrl-P", "ctrl-1", "ab", "a,,b", "ctrl-pp", ","] {
            assert!(parse_detach_keys(text).is_err(), "{text}");
        }
        assert_eq!(DetachKeys::default().spoken(), "Ctrl+P Ctrl+Q");
    }

    #[test]
    fn typed_keys_are_found_however_they_are_cut() {
        let check = |keys: &str, pieces: &[&[u8]], bytes: &[u8], detached: bool| {
            let mut watch = DetachWatch::new(&parse_detach_keys(keys).unwrap());
            let mut passed = Vec::new();
            let mut found = false;
            for piece in pieces {
                let typed = watch.typed(piece);
                passed.extend(typed.bytes);
                found |= typed.detached;
            }
            assert_eq!((passed.as_slice(), found), (bytes, detached), "{keys} {pieces:?}");
        };
        check("", &[b"ab\x10\x11"], b"ab", true);
        check("", &[b"a\x10", b"\x11"], b"a", true);
        check("", &[b"\x10", b"x"], b"\x10x", false);
        check("", &[b"\x10\x10\x11"], b"\x10", true);
        check("", &[b"\x11\x10"], b"\x11", false);
        check("a,a,b", &[b"aaab"], b"a", true);
        check("q", &[b"xq"], b"x", true);
    }
}
