//! The project's text files, in memory.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use crate::shell;

/// What is read: source, manifests and what else may carry a name of a host.
const ENDINGS: &[&str] = &[
    "rs", "toml", "json", "lock", "md", "sh", "yml", "yaml", "txt", "ts", "svelte", "js", "html", "css",
];

/// A text file of the project.
pub struct File {
    /// From the root, with slashes.
    pub path: String,
    /// Its content.
    pub text: String,
}

/// All of them.
pub struct Tree(Vec<File>);

impl Tree {
    /// Reads what git tracks, and what it would track after an `add`: products and private notes are not ours to check.
    pub fn read(root: &Path) -> Result<Self> {
        let mut git = shell::command("git");
        git.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
            .current_dir(root);
        let list = String::from_utf8(shell::output(&mut git)?).context("a file name is not UTF-8")?;
        let mut files = Vec::new();
        for path in list.split('\0').filter(|path| is_text(path)) {
            let full: PathBuf = root.join(path);
            // Deleted and not yet said so.
            if !full.is_file() {
                continue;
            }
            let text =
                fs::read_to_string(&full).with_context(|| format!("failed to read {}", full.display()))?;
            files.push(File {
                path: path.to_owned(),
                text,
            });
        }
        Ok(Self(files))
    }

    /// A made-up one.
    #[cfg(test)]
    pub fn of(files: &[(&str, &str)]) -> Self {
        Self(
            files
                .iter()
                .map(|(path, text)| File {
                    path: (*path).into(),
                    text: (*text).into(),
                })
                .collect(),
        )
    }

    /// All files.
    pub fn files(&self) -> impl Iterator<Item = &File> {
        self.0.iter()
    }

    /// The Rust sources.
    pub fn sources(&self) -> impl Iterator<Item = &File> {
        self.files().filter(|file| file.path.ends_with(".rs"))
    }

    /// The manifests of the packages.
    pub fn manifests(&self) -> impl Iterator<Item = &File> {
        self.files().filter(|file| file.path.ends_with("/Cargo.toml"))
    }
}

impl File {
    /// The lines with their numbers from 1.
    pub fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text
            .lines()
            .enumerate()
            .map(|(index, line)| (index + 1, line))
    }

    /// The lines that hold code: no comments, and nothing below the first unit-test module.
    pub fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let tests = self.text.lines().position(is_test_marker).unwrap_or(usize::MAX);
        let all_tests = self.is_test();
        self.lines()
            .filter(move |(number, _)| *number <= tests && !all_tests)
            .filter(|(_, line)| !line.trim_start().starts_with("//"))
    }

    /// Whether it is nothing but tests.
    pub fn is_test(&self) -> bool {
        self.path
            .split('/')
            .any(|part| matches!(part, "tests" | "tests.rs" | "benches" | "examples" | "fuzz"))
    }
}

fn is_test_marker(line: &str) -> bool {
    line.starts_with("#[cfg(test)]") || line.starts_with("#[cfg(all(test")
}

fn is_text(path: &str) -> bool {
    Path::new(path)
        .extension()
        .and_then(|ending| ending.to_str())
        .is_some_and(|ending| ENDINGS.contains(&ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_of_a_file_leaves_out_comments_and_tests() {
        let tree = Tree::of(&[(
            "a.rs",
            "// one\nlet two;\n#[cfg(test)]\nmod tests {\n    let five;\n}\n",
        )]);
        let lines: Vec<_> = tree.sources().flat_map(File::code).collect();
        assert_eq!(lines, [(2, "let two;")]);
    }

    #[test]
    fn code_of_a_test_file_is_nothing() {
        let tree = Tree::of(&[
            ("crates/x/tests/a.rs", "let one;\n"),
            ("crates/x/src/y/tests.rs", "let one;\n"),
        ]);
        assert_eq!(tree.sources().flat_map(File::code).count(), 0);
    }
}
