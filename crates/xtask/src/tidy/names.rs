//! Names that say nothing: whatever is called so grows without end.

use super::{Finding, tree::Tree};

/// Crates, modules and types are not called so, nor end so.
const FORBIDDEN: &[&str] = &[
    "core",
    "common",
    "base",
    "util",
    "utils",
    "helper",
    "helpers",
    "manager",
    "service",
    "processor",
];

/// What introduces the name of a module or a type.
const INTRODUCTIONS: &[&str] = &["mod", "struct", "enum", "trait", "type", "union"];

pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.sources().chain(tree.manifests()) {
        for part in file
            .path
            .split('/')
            .filter(|part| is_forbidden(part.trim_end_matches(".rs")))
        {
            findings.push(Finding::new(
                &file.path,
                0,
                format!("name it by what it does, not `{part}`"),
            ));
        }
    }
    for file in tree.sources() {
        for (line, text) in file.lines() {
            if let Some(name) = introduced(text).filter(|name| is_forbidden(name)) {
                findings.push(Finding::new(
                    &file.path,
                    line,
                    format!("name it by what it does, not `{name}`"),
                ));
            }
        }
    }
    findings
}

/// The name that this line introduces.
fn introduced(line: &str) -> Option<&str> {
    let mut words = line
        .split_whitespace()
        .skip_while(|word| word.starts_with("pub") || *word == "unsafe" || *word == "in");
    let introduction = words.next()?;
    if !INTRODUCTIONS.contains(&introduction) {
        return None;
    }
    words
        .next()?
        .split(|c: char| !c.is_alphanumeric() && c != '_')
        .next()
}

/// `util`, `string_util`, `StringUtil`, `string-util`; not `futile`.
fn is_forbidden(name: &str) -> bool {
    let mut words = String::new();
    let mut before_lower = false;
    for c in name.chars() {
        if c.is_uppercase() && before_lower {
            words.push('_');
        }
        before_lower = c.is_lowercase() || c.is_numeric();
        words.extend(c.to_lowercase());
    }
    words
        .rsplit(['_', '-'])
        .next()
        .is_some_and(|last| FORBIDDEN.contains(&last))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(path: &str, text: &str) -> usize {
        check(&Tree::of(&[(path, text)])).len()
    }

    #[test]
    fn check_forbidden_file_or_folder_fails() {
        for path in [
            "crates/common/src/lib.rs",
            "crates/x/src/util.rs",
            "crates/x/src/path_utils/a.rs",
            "crates/core/Cargo.toml",
        ] {
            assert_eq!(count(path, ""), 1, "{path}");
        }
    }

    #[test]
    fn check_forbidden_module_or_type_fails() {
        for text in [
            "mod helpers;",
            "pub struct VmManager {",
            "pub(crate) enum Processor {",
            "    trait ForwardService<T> {",
            "type Base = u8;",
        ] {
            assert_eq!(count("crates/x/src/a.rs", text), 1, "{text}");
        }
    }

    #[test]
    fn check_other_names_pass() {
        for text in [
            "mod database;",
            "struct Futile;",
            "let manager = 1;",
            "// mod util",
            "struct ServiceName;",
            "enum Unit {",
        ] {
            assert_eq!(count("crates/x/src/a.rs", text), 0, "{text}");
        }
    }
}
