//! What a script's commands answered, without what differs from run to run.

use std::fmt::Write;

use anyhow::{Result, ensure};
use sha2::{Digest, Sha256};

use crate::{Door, Invocation, Machine};

/// Longer outputs are compared by their hash.
const SHOWN_BYTES: usize = 64 * 1024;
/// Hexadecimal digits of an id, or decimal ones of a time, at least.
const ID_DIGITS: usize = 10;

/// A script under way: its commands go through one door.
pub struct Transcript<'a> {
    pub machine: &'a Machine,
    pub door: &'a Door,
    text: String,
}

impl<'a> Transcript<'a> {
    pub fn new(machine: &'a Machine, door: &'a Door) -> Self {
        Self {
            machine,
            door,
            text: String::new(),
        }
    }

    /// A docker command through the script's door.
    pub fn docker(&self, args: &[&str]) -> Invocation {
        self.machine.docker_through(self.door, args)
    }

    /// Runs it and takes down its answer. It must succeed.
    pub fn step(&mut self, args: &[&str]) -> Result<()> {
        self.take(args, self.docker(args), true)
    }

    /// The same with input.
    pub fn step_with(&mut self, args: &[&str], input: impl Into<Vec<u8>>) -> Result<()> {
        self.take(args, self.docker(args).input(input), true)
    }

    /// Runs it and takes down its answer. It must fail.
    pub fn fails(&mut self, args: &[&str]) -> Result<()> {
        self.take(args, self.docker(args), false)
    }

    /// The same with input.
    pub fn fails_with(&mut self, args: &[&str], input: impl Into<Vec<u8>>) -> Result<()> {
        self.take(args, self.docker(args).input(input), false)
    }

    /// Runs a prepared command and takes down its answer.
    pub fn take(&mut self, shown: &[&str], command: Invocation, succeeds: bool) -> Result<()> {
        let output = command.run()?;
        let code = output.status.to_string();
        ensure!(
            output.status.success() == succeeds,
            "docker {} ended with {code}: {}",
            shown.join(" "),
            output.stderr
        );
        self.note(&format!("$ docker {}\n{code}", shown.join(" ")));
        self.note_bytes(&output.stdout);
        self.note_bytes(output.stderr.as_bytes());
        Ok(())
    }

    /// Takes down a line or more.
    pub fn note(&mut self, text: &str) {
        let _ = writeln!(self.text, "{}", settled(text));
    }

    fn note_bytes(&mut self, bytes: &[u8]) {
        match std::str::from_utf8(bytes) {
            Ok("") => {}
            Ok(text) if bytes.len() <= SHOWN_BYTES => self.note(text.trim_end()),
            _ => self.note(&format!("{} bytes, {}", bytes.len(), hash(bytes))),
        }
    }

    pub fn finish(self) -> String {
        self.text
    }
}

/// A hash for a transcript: in words, so that it is not taken for an id.
pub fn hash(bytes: &[u8]) -> String {
    let digest = hex::encode(Sha256::digest(bytes));
    digest
        .as_bytes()
        .chunks(8)
        .map(String::from_utf8_lossy)
        .collect::<Vec<_>>()
        .join("-")
}

/// Fails with the first line in which the two differ.
pub fn ensure_equal(direct: &str, through: &str) -> Result<()> {
    let (left, right): (Vec<_>, Vec<_>) = (direct.lines().collect(), through.lines().collect());
    let same = left
        .iter()
        .zip(&right)
        .take_while(|(left, right)| left == right)
        .count();
    let from = |lines: &[&str]| {
        lines
            .iter()
            .skip(same.saturating_sub(3))
            .take(10)
            .copied()
            .collect::<Vec<_>>()
            .join("\n  ")
    };
    ensure!(
        direct == through,
        "the answers differ from line {}\n dockerd:\n  {}\n endpoint:\n  {}",
        same + 1,
        from(&left),
        from(&right)
    );
    Ok(())
}

/// Puts words in the place of ids and times.
pub fn settled(text: &str) -> String {
    let mut settled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if let Some(length) = time_length(rest) {
            settled.push_str("<time>");
            rest = &rest[length..];
        } else if first.is_ascii_alphanumeric() {
            let end = rest
                .find(|c: char| !c.is_ascii_alphanumeric())
                .unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            let is_id =
                word.len() >= ID_DIGITS && word.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
            settled.push_str(if is_id { "<id>" } else { word });
            rest = after;
        } else {
            settled.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    settled
}

/// The length of a time as in RFC 3339 at the beginning of a text.
fn time_length(text: &str) -> Option<usize> {
    const PATTERN: &[u8] = b"dddd-dd-ddTdd:dd:dd";
    let bytes = text.as_bytes().get(..PATTERN.len())?;
    let fits = |(byte, pattern): (&u8, &u8)| match pattern {
        b'd' => byte.is_ascii_digit(),
        _ => byte == pattern,
    };
    if !bytes.iter().zip(PATTERN).all(fits) {
        return None;
    }
    let zone = |c: char| !(c.is_ascii_digit() || matches!(c, '.' | ':' | '+' | '-' | 'Z'));
    let more = text[PATTERN.len()..]
        .find(zone)
        .unwrap_or(text.len() - PATTERN.len());
    Some(PATTERN.len() + more)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settled_text_has_no_ids_and_no_times() {
        let check = |text: &str, expected: &str| assert_eq!(settled(text), expected);
        check("sha256:0123456789abcdef x", "sha256:<id> x");
        check("at 2026-11-24T16:28:37.123Z, 1764001234", "at <time>, <id>");
        check("beef 42 — ok\n", "beef 42 — ok\n");
        check("\"2026-11-24T16:28:37+01:00\"", "\"<time>\"");
    }

    #[test]
    fn hash_is_no_id() {
        assert_eq!(settled(&hash(b"x")), hash(b"x"));
    }

    #[test]
    fn unequal_transcripts_name_the_line() {
        assert!(ensure_equal("a\nb", "a\nb").is_ok());
        assert!(
            ensure_equal("a\nb", "a\nc")
                .unwrap_err()
                .to_string()
                .contains("line 2")
        );
        assert!(ensure_equal("a", "a\nb").is_err());
    }
}
