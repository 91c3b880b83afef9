//! Where in the settings file something is wrong.

use std::{ops::Range, path::Path};

use api::{ApiError, Code};

use crate::failure::hinted;

/// A file and its text.
pub(super) struct Place<'a> {
    path: &'a Path,
    text: &'a str,
}

impl<'a> Place<'a> {
    pub(super) fn new(path: &'a Path, text: &'a str) -> Self {
        Self { path, text }
    }

    pub(super) fn file(&self) -> String {
        self.path.display().to_string()
    }

    /// The error at a range of bytes, as `file:line:column: message`.
    pub(super) fn error(&self, span: Option<Range<usize>>, message: &str) -> ApiError {
        let before = self
            .text
            .get(..span.map_or(0, |span| span.start))
            .unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        let message = message.trim().replace('\n', ", ");
        hinted(
            Code::Settings,
            format!("{}:{line}:{column}: {message}", self.path.display()),
            "correct or remove that line, then run `pinnace start`",
        )
    }
}
