//! The table of many alike things, one per line under a line of headings.

use std::fmt::Write as _;

use crate::harmless;

/// What stands between two columns.
const GAP: &str = "  ";

/// Lines of cells, aligned, everything harmless to a terminal.
pub struct Columns {
    lines: Vec<Vec<String>>,
}

impl Columns {
    /// A table with nothing but its headings.
    pub fn new(headings: &[&str]) -> Self {
        Self {
            lines: vec![headings.iter().map(|heading| (*heading).to_owned()).collect()],
        }
    }

    /// Adds a line.
    pub fn add<const N: usize>(&mut self, cells: [String; N]) {
        self.lines
            .push(cells.iter().map(|cell| harmless::line(cell)).collect());
    }

    /// The whole table.
    pub fn text(&self) -> String {
        let columns = self.lines.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column| {
            let cells = self.lines.iter().filter_map(|line| line.get(column));
            cells.map(|cell: &String| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let mut text = String::new();
        for line in &self.lines {
            let mut row = String::new();
            for (cell, width) in line.iter().zip(&widths) {
                let _ = write!(row, "{cell:width$}{GAP}");
            }
            text.push_str(row.trim_end());
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_hostile_cell_is_harmless_and_aligned() {
        let mut columns = Columns::new(&["NAME", "STATUS"]);
        columns.add(["web".to_owned(), "up\nand\x1b[2J".to_owned()]);
        columns.add(["größe".to_owned(), String::new()]);
        assert_eq!(columns.text(), "NAME   STATUS\nweb    up and^[[2J\ngröße\n");
    }
}
