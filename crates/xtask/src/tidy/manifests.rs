//! What every manifest says: never published, version 0.0.0, the workspace's lints.

use super::{Finding, tree::Tree};

/// The line, or the workspace's own, that must be there; and what it is for.
const REQUIRED: &[(&[&str], &str)] = &[
    (
        &["publish.workspace = true", "publish = false"],
        "say `publish.workspace = true`",
    ),
    (
        &["version.workspace = true", "version = \"0.0.0\""],
        "say `version.workspace = true`",
    ),
];

pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for manifest in tree.manifests() {
        let lines: Vec<&str> = manifest.text.lines().map(str::trim).collect();
        for (ways, message) in REQUIRED {
            if !lines.iter().any(|line| ways.contains(line)) {
                findings.push(Finding::new(&manifest.path, 0, *message));
            }
        }
        // A fuzz crate is a workspace of its own and has nothing to inherit from.
        let inherits = lines
            .windows(2)
            .any(|pair| pair == ["[lints]", "workspace = true"]);
        if !inherits && !lines.contains(&"lints.workspace = true") && !lines.contains(&"[workspace]") {
            findings.push(Finding::new(&manifest.path, 0, "inherit the workspace's lints"));
        }
    }
    for root in tree.files().filter(|file| file.path == "Cargo.toml") {
        for line in ["publish = false", "version = \"0.0.0\""] {
            if !root.text.lines().any(|text| text == line) {
                findings.push(Finding::new(
                    &root.path,
                    0,
                    format!("[workspace.package] says `{line}`"),
                ));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str =
        "[package]\nversion.workspace = true\npublish.workspace = true\n\n[lints]\nworkspace = true\n";

    fn count(text: &str) -> usize {
        check(&Tree::of(&[("crates/x/Cargo.toml", text)])).len()
    }

    #[test]
    fn check_complete_manifest_passes() {
        assert_eq!(count(GOOD), 0);
    }

    #[test]
    fn check_manifest_without_one_of_the_lines_fails() {
        for line in [
            "version.workspace = true\n",
            "publish.workspace = true\n",
            "[lints]\nworkspace = true\n",
        ] {
            assert_eq!(count(&GOOD.replace(line, "")), 1, "{line}");
        }
    }

    #[test]
    fn check_publishable_workspace_fails() {
        assert_eq!(
            check(&Tree::of(&[(
                "Cargo.toml",
                "[workspace.package]\nversion = \"0.0.0\"\n"
            )]))
            .len(),
            1
        );
    }
}
