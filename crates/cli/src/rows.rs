//! The table of a name and its value per line that every `--format table` here is.

use std::fmt::Write as _;

use crate::harmless;

/// Lines of `name  value`, values aligned, everything harmless to a terminal.
#[derive(Default)]
pub struct Rows {
    rows: Vec<(String, String)>,
}

impl Rows {
    /// Adds a line.
    pub fn add(&mut self, name: impl Into<String>, value: impl AsRef<str>) {
        self.rows.push((name.into(), harmless::line(value.as_ref())));
    }

    /// Adds a line if there is a value.
    pub fn add_some(&mut self, name: &str, value: Option<impl AsRef<str>>) {
        if let Some(value) = value {
            self.add(name, value);
        }
    }

    /// The whole table.
    pub fn text(&self) -> String {
        let width = self
            .rows
            .iter()
            .map(|(name, _)| name.chars().count())
            .max()
            .unwrap_or(0);
        let mut text = String::new();
        for (name, value) in &self.rows {
            let _ = writeln!(text, "{}", format!("{name:width$}  {value}").trim_end());
        }
        text
    }
}
