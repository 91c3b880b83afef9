//! Work that was put off.

use super::{Finding, tree::Tree};

/// Written in two parts, so that this file does not find itself.
const MACROS: &[&str] = &[
    concat!("to", "do!"),
    concat!("unimpl", "emented!"),
    concat!("db", "g!"),
];

pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.sources() {
        for (line, text) in file.lines() {
            for found in MACROS
                .iter()
                .filter(|found| text.contains(**found) && !text.trim_start().starts_with("//"))
            {
                findings.push(Finding::new(&file.path, line, format!("finish it: `{found}`")));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_unfinished_code_fails_also_in_tests() {
        for found in MACROS {
            let text = format!("fn f() {{\n    {found}();\n}}\n");
            for path in ["crates/x/src/a.rs", "crates/x/tests/a.rs"] {
                assert_eq!(
                    check(&Tree::of(&[(path, &text)])),
                    [Finding::new(path, 2, format!("finish it: `{found}`"))]
                );
            }
        }
    }

    #[test]
    fn check_finished_code_passes() {
        assert_eq!(check(&Tree::of(&[("a.rs", "// nothing to do!\nlet x;\n")])), []);
    }
}
