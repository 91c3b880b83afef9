//! The console's text of this boot. A guest wrote it: it is bounded in length, and harmless to show.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

/// How far back the last lines are looked for.
const TAIL_BYTES: u64 = 64 << 10;

/// The longest line that is shown.
const LINE_CHARS: usize = 400;

/// From here on the file starts anew, so that a guest cannot fill the host's disk with it.
pub(crate) const MAX_FILE_BYTES: u64 = 16 << 20;

/// The console's file, and where this boot begins in it.
#[derive(Clone, Debug)]
pub(crate) struct Console {
    path: PathBuf,
    start_bytes: u64,
}

impl Console {
    /// Makes the file ready for one more boot: there, private, and not too long.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.create(true).append(true);
        sys::private(&mut options);
        let file = options.open(path)?;
        let console = Self {
            path: path.to_owned(),
            start_bytes: file.metadata()?.len(),
        };
        if console.start_bytes > MAX_FILE_BYTES / 2 {
            file.set_len(0)?;
            return Ok(Self {
                start_bytes: 0,
                ..console
            });
        }
        Ok(console)
    }

    /// How many bytes this boot has written.
    pub(crate) fn written_bytes(&self) -> u64 {
        fs::metadata(&self.path).map_or(0, |file| file.len().saturating_sub(self.start_bytes))
    }

    /// Empties the file when it got too long. QEMU appends, so it goes on at the beginning.
    pub(crate) fn limit_length(&self) -> io::Result<()> {
        if fs::metadata(&self.path)?.len() > MAX_FILE_BYTES {
            OpenOptions::new().write(true).open(&self.path)?.set_len(0)?;
        }
        Ok(())
    }

    /// The last lines of this boot, oldest first.
    pub(crate) fn tail(&self, lines: usize) -> Vec<String> {
        match self.last_bytes() {
            Ok(bytes) => last_lines(&bytes, lines),
            Err(error) => {
                tracing::debug!(%error, path = %self.path.display(), "failed to read the console");
                Vec::new()
            }
        }
    }

    fn last_bytes(&self) -> io::Result<Vec<u8>> {
        let mut file = File::open(&self.path)?;
        let length = file.metadata()?.len();
        // Shorter than where we began: it was emptied since.
        let start = if length < self.start_bytes {
            0
        } else {
            self.start_bytes
        };
        file.seek(SeekFrom::Start(start.max(length.saturating_sub(TAIL_BYTES))))?;
        let mut bytes = Vec::new();
        file.take(TAIL_BYTES).read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

fn last_lines(bytes: &[u8], lines: usize) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    let mut last: Vec<String> = text
        .lines()
        .rev()
        .map(harmless)
        .filter(|line| !line.is_empty())
        .take(lines)
        .collect();
    last.reverse();
    last
}

/// A line without escape sequences and control characters, of bounded length.
pub(crate) fn harmless(line: &str) -> String {
    let mut clean = String::new();
    let mut chars = line.chars().peekable();
    let mut count = 0;
    while let Some(char) = chars.next() {
        if char == '\u{1b}' {
            skip_escape(&mut chars);
            continue;
        }
        if char.is_control() && char != '\t' || is_bidi_override(char) {
            continue;
        }
        clean.push(char);
        count += 1;
        if count == LINE_CHARS {
            clean.push('…');
            break;
        }
    }
    clean.trim_end().to_owned()
}

/// Skips `[`, parameters, and the final letter of a control sequence; of other sequences one character.
fn skip_escape(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    if chars.next() == Some('[') {
        while chars.next_if(|char| !('@'..='~').contains(char)).is_some() {}
        chars.next();
    }
}

/// Characters that change the order in which a line is shown.
fn is_bidi_override(char: char) -> bool {
    matches!(char, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(unix)]
mod sys {
    use std::{fs::OpenOptions, os::unix::fs::OpenOptionsExt};

    pub(super) fn private(options: &mut OpenOptions) {
        options.mode(0o600);
    }
}

#[cfg(windows)]
mod sys {
    use std::fs::OpenOptions;

    /// The folder's access list, which only lets its owner in, is inherited.
    pub(super) fn private(_options: &mut OpenOptions) {}
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn tail_after_second_boot_shows_only_that_boot() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("console.log");
        fs::write(&path, "old boot\n").unwrap();
        let console = Console::open(&path).unwrap();
        assert_eq!(console.tail(5), Vec::<String>::new());
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b"one\r\n\x1b[31mtwo\x1b[0m\x07\n\nthree\xff\n")
            .unwrap();
        assert_eq!(console.tail(2), ["two", "three\u{fffd}"]);
        assert_eq!(console.tail(9), ["one", "two", "three\u{fffd}"]);
    }

    #[test]
    fn open_long_file_starts_it_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("console.log");
        File::create(&path).unwrap().set_len(MAX_FILE_BYTES).unwrap();
        Console::open(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().len(), 0);
    }

    proptest! {
        #[test]
        fn harmless_any_text_has_no_controls(text in any::<String>()) {
            let clean = harmless(&text);
            prop_assert!(clean.chars().all(|char| !char.is_control() || char == '\t'));
            prop_assert!(clean.chars().count() <= LINE_CHARS + 1);
        }
    }
}
