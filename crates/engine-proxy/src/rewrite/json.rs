//! JSON as text: where each value begins and ends.
//!
//! What is taken is what Go's `encoding/json` takes, so that nothing is passed over here which the engine reads: RFC
//! 8259, and strings may hold bytes that are no UTF-8 and halves of surrogate pairs, both of which read as U+FFFD. What
//! follows the first value is the engine's business (it takes anything after `]` or `}`).

/// Deepest nesting; Go's decoder takes no more (`maxNestingDepth`).
const MAX_DEPTH: usize = 10_000;

/// The first value of a text, and what follows it.
pub(super) fn first_value(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut cursor = Cursor::at_start(text);
    let value = cursor.value()?;
    Some((value, &text[cursor.at..]))
}

/// Keys and values of an object, as they are written and in their order. `None` when the text is no object.
pub(super) fn members(text: &[u8]) -> Option<Vec<(&[u8], &[u8])>> {
    let mut cursor = Cursor::at_start(text);
    let mut members = Vec::new();
    cursor.list(b'{', b'}', |cursor| {
        members.push((cursor.key()?, cursor.value()?));
        Some(())
    })?;
    Some(members)
}

/// The values of an array, as they are written. `None` when the text is no array.
pub(super) fn elements(text: &[u8]) -> Option<Vec<&[u8]>> {
    let mut cursor = Cursor::at_start(text);
    let mut elements = Vec::new();
    cursor.list(b'[', b']', |cursor| {
        elements.push(cursor.value()?);
        Some(())
    })?;
    Some(elements)
}

/// What a string says. `None` when the text is no string.
pub(super) fn string(text: &[u8]) -> Option<String> {
    let mut rest = text.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    let mut said = String::with_capacity(rest.len());
    while let Some(at) = rest.iter().position(|&byte| byte == b'\\') {
        push_bytes(&mut said, &rest[..at]);
        let (letter, after) = escape(&rest[at + 1..])?;
        said.push(letter);
        rest = after;
    }
    push_bytes(&mut said, rest);
    Some(said)
}

/// As Go reads bytes that are no UTF-8: each is one U+FFFD.
fn push_bytes(said: &mut String, bytes: &[u8]) {
    for chunk in bytes.utf8_chunks() {
        said.push_str(chunk.valid());
        said.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
}

/// The letter that an escape means, and what follows. The text begins after the backslash.
fn escape(text: &[u8]) -> Option<(char, &[u8])> {
    let (&kind, after) = text.split_first()?;
    let letter = match kind {
        b'"' | b'\\' | b'/' => char::from(kind),
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => return unicode(after),
        _ => return None,
    };
    Some((letter, after))
}

fn unicode(text: &[u8]) -> Option<(char, &[u8])> {
    let (unit, after) = code_unit(text)?;
    if let Some(letter) = char::from_u32(unit.into()) {
        return Some((letter, after));
    }
    // It is half of a pair; the other half has to follow at once.
    let other = after.strip_prefix(b"\\u").and_then(code_unit);
    let pair = other.and_then(|(low, after)| {
        let letter = char::decode_utf16([unit, low]).next()?.ok()?;
        Some((letter, after))
    });
    Some(pair.unwrap_or((char::REPLACEMENT_CHARACTER, after)))
}

/// Four digits, and what follows.
fn code_unit(text: &[u8]) -> Option<(u16, &[u8])> {
    let (digits, after) = text.split_at_checked(4)?;
    let unit = digits.iter().try_fold(0_u16, |unit, &digit| {
        let digit = char::from(digit).to_digit(16)?;
        Some(unit << 4 | u16::try_from(digit).ok()?)
    })?;
    Some((unit, after))
}

/// A place in a text.
struct Cursor<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn at_start(text: &'a [u8]) -> Self {
        Self { text, at: 0 }
    }

    /// Passes over a value; what it consists of is looked at only for its grammar.
    fn value(&mut self) -> Option<&'a [u8]> {
        self.space();
        let start = self.at;
        let mut open = Vec::new();
        loop {
            // A value is due.
            self.space();
            match self.text.get(self.at)? {
                b'{' | b'[' if open.len() == MAX_DEPTH => return None,
                b'{' => {
                    self.at += 1;
                    self.space();
                    if !self.take(b'}') {
                        open.push(b'}');
                        self.key()?;
                        continue;
                    }
                }
                b'[' => {
                    self.at += 1;
                    self.space();
                    if !self.take(b']') {
                        open.push(b']');
                        continue;
                    }
                }
                b'"' => drop(self.string()?),
                b't' => self.word(b"true")?,
                b'f' => self.word(b"false")?,
                b'n' => self.word(b"null")?,
                _ => self.number()?,
            }
            // A value is complete.
            loop {
                let Some(&closer) = open.last() else {
                    return Some(&self.text[start..self.at]);
                };
                self.space();
                if self.take(b',') {
                    if closer == b'}' {
                        self.key()?;
                    }
                    break;
                }
                self.expect(closer)?;
                open.pop();
            }
        }
    }

    /// Goes through what stands between two brackets, up to the end of the text.
    fn list(&mut self, opener: u8, closer: u8, mut item: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.space();
        self.expect(opener)?;
        self.space();
        if self.take(closer) {
            return Some(());
        }
        loop {
            item(self)?;
            self.space();
            if !self.take(b',') {
                return self.expect(closer);
            }
        }
    }

    /// A key with the colon after it.
    fn key(&mut self) -> Option<&'a [u8]> {
        self.space();
        let key = self.string()?;
        self.space();
        self.expect(b':')?;
        Some(key)
    }

    fn string(&mut self) -> Option<&'a [u8]> {
        let start = self.at;
        self.expect(b'"')?;
        loop {
            let byte = *self.text.get(self.at)?;
            self.at += 1;
            match byte {
                b'"' => return Some(&self.text[start..self.at]),
                b'\\' => {
                    let kind = *self.text.get(self.at)?;
                    self.at += 1;
                    match kind {
                        b'u' => {
                            code_unit(&self.text[self.at..])?;
                            self.at += 4;
                        }
                        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => {}
                        _ => return None,
                    }
                }
                0..0x20 => return None,
                _ => {}
            }
        }
    }

    fn number(&mut self) -> Option<()> {
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            let _ = self.take(b'+') || self.take(b'-');
            self.digits()?;
        }
        Some(())
    }

    /// One digit or more.
    fn digits(&mut self) -> Option<()> {
        let digits = self.text[self.at..].iter();
        let count = digits.take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        (count > 0).then_some(())
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        let found = self.text[self.at..].starts_with(word);
        self.at += word.len();
        found.then_some(())
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\r' | b'\n') = self.text.get(self.at) {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.text.get(self.at) == Some(&byte);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        self.take(byte).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn string_reads_what_go_reads() {
        for (text, said) in [
            (&br#""""#[..], ""),
            (br#""a\"\\\/\b\f\n\r\tz""#, "a\"\\/\u{8}\u{c}\n\r\tz"),
            (br#""\u0048ostIp""#, "HostIp"),
            (br#""\ud83d\ude00""#, "\u{1f600}"),
            (br#""\ud83d""#, "\u{fffd}"),
            (br#""\ude00\ud83d""#, "\u{fffd}\u{fffd}"),
            (br#""\ud83d\u0041""#, "\u{fffd}A"),
            (br#""\ud83d\\ude00""#, "\u{fffd}\\ude00"),
            (b"\"\xe2\x82-\xff\"", "\u{fffd}\u{fffd}-\u{fffd}"),
        ] {
            assert_eq!(string(text).as_deref(), Some(said), "{}", text.escape_ascii());
        }
        for text in ["", "\"", "x", "\"\\", "\"\\x\"", "\"\\u12\"", "\"\\u+123\""] {
            assert_eq!(string(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn members_and_elements_are_as_they_are_written() {
        let object = br#" { "a" : 1.50e2 , "a":[ 1,{"b":"}"}], "":null } rest"#;
        let expected: Vec<(&[u8], &[u8])> = vec![
            (b"\"a\"", b"1.50e2"),
            (b"\"a\"", br#"[ 1,{"b":"}"}]"#),
            (b"\"\"", b"null"),
        ];
        assert_eq!(members(object), Some(expected));
        assert_eq!(first_value(object).unwrap().1, b" rest");
        assert_eq!(elements(b"[]"), Some(vec![]));
        assert_eq!(elements(b"[ -0 ,\"]\" ]"), Some(vec![&b"-0"[..], b"\"]\""]));
        assert_eq!(elements(b"{}"), None);
        assert_eq!(members(b"[]"), None);
    }

    #[test]
    fn first_value_is_as_deep_as_go_allows() {
        let nested = |depth| "[".repeat(depth) + &"]".repeat(depth);
        assert!(first_value(nested(MAX_DEPTH).as_bytes()).is_some());
        assert!(first_value(nested(MAX_DEPTH + 1).as_bytes()).is_none());
        assert!(first_value("[".repeat(1_000_000).as_bytes()).is_none());
    }

    proptest! {
        /// `serde_json` is the judge of the grammar: it passes over a value without looking at what its strings say.
        #[test]
        fn first_value_takes_what_another_parser_takes(
            text in r#"([\[\]{}:, 0-9.eE+\-"]|"a"|"\\\\u00e9"|\\|true|null|false|[{]"k":){0,12}"#,
        ) {
            let judged: Result<serde::de::IgnoredAny, _> = serde_json::from_str(&text);
            let found = first_value(text.as_bytes());
            let whole = found.is_some_and(|(_, rest)| rest.trim_ascii().is_empty());
            prop_assert_eq!(whole, judged.is_ok(), "{}", text);
        }

        #[test]
        fn string_reads_what_another_parser_writes(said: String) {
            let text = serde_json::to_vec(&said).unwrap();
            prop_assert_eq!(string(&text), Some(said));
        }
    }
}
