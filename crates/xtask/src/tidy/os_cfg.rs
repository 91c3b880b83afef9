//! Code for one operating system stays where it is looked for.

use super::{Finding, tree::Tree};

/// Whole crates and files that are about systems.
const ALLOWED: &[&str] = &[
    "crates/platform/",
    "crates/driver-",
    "crates/host-agent/src/drivers.rs",
    "crates/xtask/",
];

/// What tells systems apart.
const WORDS: &[&str] = &["target_os", "target_family", "windows", "unix"];

pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.sources().filter(|file| !is_allowed(&file.path)) {
        for (line, text) in file.code().filter(|(_, text)| asks_for_a_system(text)) {
            let what = text.trim();
            let message = format!("an OS `cfg` belongs into a `sys` module, `platform` or a driver: {what}");
            findings.push(Finding::new(&file.path, line, message));
        }
    }
    findings
}

fn is_allowed(path: &str) -> bool {
    ALLOWED.iter().any(|allowed| path.starts_with(allowed))
        || path.split('/').any(|part| part == "sys" || part == "sys.rs")
}

fn asks_for_a_system(line: &str) -> bool {
    let mut rest = line;
    while let Some(at) = rest.find("cfg") {
        rest = &rest[at + "cfg".len()..];
        let conditions = rest
            .strip_prefix("_attr(")
            .or_else(|| rest.strip_prefix("!("))
            .or_else(|| rest.strip_prefix('('));
        let Some(conditions) = conditions else { continue };
        let mut words = conditions.split(|c: char| !c.is_alphanumeric() && c != '_');
        if words.any(|word| WORDS.contains(&word)) {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(path: &str, text: &str) -> usize {
        check(&Tree::of(&[(path, text)])).len()
    }

    #[test]
    fn check_os_cfg_in_ordinary_code_fails_however_it_is_written() {
        for text in [
            "#[cfg(unix)]\n",
            "#[cfg(not(windows))]\n",
            "#[cfg(target_os = \"linux\")]\n",
            "    if cfg!(windows) {\n",
            "#[cfg_attr(target_os = \"macos\", path = \"x.rs\")]\n",
            "#![cfg(all(feature = \"x\", unix))]\n",
        ] {
            assert_eq!(count("crates/cli/src/start.rs", text), 1, "{text}");
        }
    }

    #[test]
    fn check_os_cfg_where_it_belongs_passes() {
        for path in [
            "crates/platform/src/sys.rs",
            "crates/link/src/sys.rs",
            "crates/link/src/sys/listener.rs",
            "crates/driver-qemu/src/lib.rs",
            "crates/host-agent/src/drivers.rs",
            "crates/link/tests/serial.rs",
        ] {
            assert_eq!(count(path, "#[cfg(unix)]\n"), 0, "{path}");
        }
    }

    #[test]
    fn check_other_cfg_and_comments_pass() {
        for text in [
            "#[cfg(feature = \"x\")]\n",
            "// #[cfg(unix)]\n",
            "#[cfg(test)]\nmod tests {\n#[cfg(unix)]\n",
            "let windows = 1;\n",
        ] {
            assert_eq!(count("crates/cli/src/start.rs", text), 0, "{text}");
        }
    }
}
