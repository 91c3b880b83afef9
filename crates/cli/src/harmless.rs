//! Text from the engine or the guest, made safe to show in a terminal.
//!
//! A container's name, a log line or an error may hold escape sequences that move the cursor, set the window's title or
//! answer questions into the shell's input, and Unicode marks that make text read in another order than it is. None of
//! that leaves this program for a terminal; files and pipes get the bytes as they are.

use std::fmt::Write as _;

/// `text` in which every control character is visible. Line feeds and tabs become spaces.
pub fn line(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' | '\t' | '\r' => clean.push(' '),
            other => push(&mut clean, other),
        }
    }
    clean
}

/// JSON of the same meaning without a character that a terminal obeys. JSON itself escapes only the first 32.
pub fn json(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for character in text.chars() {
        if character == '\u{7f}' || is_obeyed(character) {
            // Such characters occur inside of strings only.
            let _ = write!(clean, "\\u{:04x}", character as u32);
        } else {
            clean.push(character);
        }
    }
    clean
}

/// Makes a stream of bytes harmless piece by piece. Keeps line feeds and tabs; characters that are cut between two
/// pieces stay whole; bytes that are no UTF-8 become U+FFFD.
#[derive(Default)]
pub struct Cleaner {
    /// The start of a character whose rest has not come yet: at most three bytes.
    cut: Vec<u8>,
}

impl Cleaner {
    /// The harmless text of the next piece.
    pub fn push(&mut self, piece: &[u8]) -> String {
        let mut bytes = std::mem::take(&mut self.cut);
        bytes.extend_from_slice(piece);
        let mut clean = String::with_capacity(bytes.len());
        let mut rest = bytes.as_slice();
        loop {
            match std::str::from_utf8(rest) {
                Ok(text) => {
                    push_text(&mut clean, text);
                    return clean;
                }
                Err(error) => {
                    let (valid, after) = rest.split_at(error.valid_up_to());
                    push_text(&mut clean, &String::from_utf8_lossy(valid));
                    let Some(bad) = error.error_len() else {
                        self.cut = after.to_vec();
                        return clean;
                    };
                    clean.push(char::REPLACEMENT_CHARACTER);
                    rest = &after[bad..];
                }
            }
        }
    }

    /// What is left when the stream has ended.
    pub fn finish(self) -> &'static str {
        if self.cut.is_empty() { "" } else { "\u{fffd}" }
    }
}

fn push_text(clean: &mut String, text: &str) {
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\n' | '\t' => clean.push(character),
            // Serial consoles end lines with both.
            '\r' if matches!(characters.peek(), Some('\n' | '\r') | None) => {}
            other => push(clean, other),
        }
    }
}

fn push(clean: &mut String, character: char) {
    match character {
        '\u{0}'..='\u{1f}' => {
            clean.push('^');
            clean.push(char::from(character as u8 + 0x40));
        }
        '\u{7f}' => clean.push_str("^?"),
        other if is_obeyed(other) => {
            let _ = write!(clean, "\\u{{{:x}}}", other as u32);
        }
        other => clean.push(other),
    }
}

/// C1 controls, which some terminals obey like escape sequences, and marks that change the reading order.
fn is_obeyed(character: char) -> bool {
    matches!(
        character,
        '\u{80}'..='\u{9f}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_escape_sequences_become_visible() {
        assert_eq!(
            line("a\x1b]0;title\x07b\nc\u{9b}2J\u{202e}x\x7f"),
            "a^[]0;title^Gb c\\u{9b}2J\\u{202e}x^?"
        );
        assert_eq!(line("größe 船"), "größe 船");
    }

    #[test]
    fn json_keeps_its_meaning() {
        let text = "a\x1b\u{9b}2J\u{202e}x\x7f \\ größe";
        let clean = json(&serde_json::to_string(text).unwrap());
        assert_eq!(clean, r#""a\u001b\u009b2J\u202ex\u007f \\ größe""#);
        assert_eq!(serde_json::from_str::<String>(&clean).unwrap(), text);
    }

    #[test]
    fn cleaner_character_cut_between_pieces_stays_whole() {
        for cut in 0..="aß船\n".len() {
            let (first, second) = "aß船\n".as_bytes().split_at(cut);
            let mut cleaner = Cleaner::default();
            let text = cleaner.push(first) + &cleaner.push(second);
            assert_eq!(text, "aß船\n");
            assert_eq!(cleaner.finish(), "");
        }
    }

    #[test]
    fn cleaner_bytes_that_are_no_text_become_replacement_characters() {
        let mut cleaner = Cleaner::default();
        assert_eq!(
            cleaner.push(b"\xff\x1b[31mred\r\n\xe8\x88"),
            "\u{fffd}^[[31mred\n"
        );
        assert_eq!(cleaner.finish(), "\u{fffd}");
    }
}
