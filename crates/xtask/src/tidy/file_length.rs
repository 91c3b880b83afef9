//! A file that is hard to read whole holds more than one thing.

use super::{
    Finding,
    tree::{File, Tree},
};

/// Above it a file says why it is that long.
const EXPLAINED_LINES: usize = 400;
/// No reason is good enough above it.
const MOST_LINES: usize = 600;
/// How the reason starts.
const REASON: &str = "//! Long because: ";

pub fn check(tree: &Tree) -> Vec<Finding> {
    tree.sources()
        .filter(|file| !file.is_test())
        .filter_map(check_file)
        .collect()
}

fn check_file(file: &File) -> Option<Finding> {
    let lines = file.text.lines().count();
    let explained = file.text.lines().any(|line| {
        line.strip_prefix(REASON)
            .is_some_and(|reason| !reason.trim().is_empty())
    });
    match lines {
        _ if lines > MOST_LINES => Some(Finding::new(
            &file.path,
            0,
            format!("{lines} lines; split it, the limit is {MOST_LINES}"),
        )),
        _ if lines > EXPLAINED_LINES && !explained => Some(Finding::new(
            &file.path,
            0,
            format!("{lines} lines; split it, or say `{REASON}…` in its header"),
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(path: &str, header: &str, lines: usize) -> usize {
        let text = format!("{header}\n{}", "let x;\n".repeat(lines - 1));
        check(&Tree::of(&[(path, &text)])).len()
    }

    #[test]
    fn check_long_file_needs_a_reason() {
        assert_eq!(count("a.rs", "//! A.", 400), 0);
        assert_eq!(count("a.rs", "//! A.", 401), 1);
        assert_eq!(count("a.rs", "//! Long because: ", 401), 1);
        assert_eq!(count("a.rs", "//! Long because: one table.", 600), 0);
    }

    #[test]
    fn check_longer_file_fails_with_any_reason() {
        assert_eq!(count("a.rs", "//! Long because: one table.", 601), 1);
        assert_eq!(count("crates/x/tests/a.rs", "//! A.", 601), 0);
    }
}
