//! What a home's programs were asked and answered, in order; printed when a case fails.

use std::{
    fmt::Write,
    sync::Mutex,
    time::{Duration, Instant},
};

/// The most characters of one output that are kept for printing.
const OUTPUT_CHARS: usize = 4000;

/// The record of one home. Shared by everything that runs programs in it.
#[derive(Debug)]
pub struct Journal {
    begun: Instant,
    entries: Mutex<Vec<String>>,
}

impl Default for Journal {
    fn default() -> Self {
        Self {
            begun: Instant::now(),
            entries: Mutex::default(),
        }
    }
}

impl Journal {
    /// Adds a line.
    pub fn note(&self, text: impl AsRef<str>) {
        let entry = format!("[{:8.3}] {}", self.begun.elapsed().as_secs_f64(), text.as_ref());
        self.entries().push(entry);
    }

    /// Adds a program's end.
    pub fn note_output(&self, command: &str, took: Duration, end: &str, stdout: &[u8], stderr: &[u8]) {
        let mut text = format!("{command}\n           {end} after {:.3} s", took.as_secs_f64());
        for (name, bytes) in [("stdout", stdout), ("stderr", stderr)] {
            if !bytes.is_empty() {
                let shown = shorten(&String::from_utf8_lossy(bytes));
                let _ = write!(
                    text,
                    "\n           {name}: {}",
                    shown.trim_end().replace('\n', "\n             ")
                );
            }
        }
        self.note(text);
    }

    /// How many entries there are: a mark for [`Self::since`].
    pub fn mark(&self) -> usize {
        self.entries().len()
    }

    /// The entries after a mark.
    pub fn since(&self, mark: usize) -> String {
        self.entries().get(mark..).unwrap_or_default().join("\n")
    }

    fn entries(&self) -> std::sync::MutexGuard<'_, Vec<String>> {
        self.entries
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

fn shorten(text: &str) -> String {
    let count = text.chars().count();
    if count <= OUTPUT_CHARS {
        return text.to_owned();
    }
    let head: String = text.chars().take(OUTPUT_CHARS / 2).collect();
    let tail: String = text.chars().skip(count - OUTPUT_CHARS / 2).collect();
    format!("{head}\n… {} characters …\n{tail}", count - OUTPUT_CHARS)
}
