//! Which crate may depend on which. An arrow never reverses; a new one is a change of the architecture.

use super::{Finding, tree::Tree};

/// Folder, and the crates of ours that it may depend on.
const ARROWS: &[(&str, &[&str])] = &[
    ("crates/protocol", &[]),
    ("crates/link", &[]),
    ("crates/platform", &[]),
    ("crates/machine", &["link"]),
    ("crates/fileserver", &["link"]),
    ("crates/agent-client", &["protocol", "link"]),
    ("guest-agent", &["protocol", "link"]),
    ("crates/driver-qemu", &["machine", "link", "platform"]),
    ("crates/driver-vz", &["machine", "link", "platform"]),
    ("crates/driver-fake", &["machine", "link", "platform"]),
    ("crates/engine-client", &[]),
    ("crates/engine-proxy", &["platform"]),
    ("crates/api", &["platform"]),
    ("crates/cli", &["api", "engine-client", "platform"]),
    ("src-tauri", &["api", "platform"]),
    (
        "crates/host-agent",
        &[
            "api",
            "machine",
            "agent-client",
            "engine-client",
            "engine-proxy",
            "fileserver",
            "platform",
            "link",
            "protocol",
            "driver-qemu",
            "driver-vz",
            "driver-fake",
        ],
    ),
];

/// These stand outside the product and may use all of it.
const OUTSIDE: &[&str] = &["crates/xtask", "tests/", "fuzz"];

/// The one file that names drivers.
const COMPOSITION_ROOT: &str = "crates/host-agent/src/drivers.rs";

pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for manifest in tree.manifests() {
        let folder = manifest.path.trim_end_matches("/Cargo.toml");
        if OUTSIDE
            .iter()
            .any(|outside| folder.starts_with(outside) || folder.ends_with(outside))
        {
            continue;
        }
        let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == folder) else {
            findings.push(Finding::new(
                &manifest.path,
                0,
                "this crate has no place in the table of arrows",
            ));
            continue;
        };
        for (line, dependency) in dependencies(&manifest.text) {
            let ours = ARROWS
                .iter()
                .any(|(name, _)| name.rsplit('/').next() == Some(dependency));
            if ours && !allowed.contains(&dependency) {
                findings.push(Finding::new(
                    &manifest.path,
                    line,
                    format!("{folder} must not depend on {dependency}"),
                ));
            }
        }
    }
    findings.extend(drivers_named_elsewhere(tree));
    findings
}

/// The names in the tables of what a crate is built with; what only its tests use is free.
fn dependencies(manifest: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut inside = false;
    for (index, line) in manifest.lines().enumerate() {
        let line = line.trim();
        if let Some(table) = line.strip_prefix('[') {
            let table = table.trim_end_matches(']');
            let kind = |kind: &str| table == kind || table.ends_with(&format!(".{kind}"));
            inside = kind("dependencies") || kind("build-dependencies");
            // `[dependencies.link]`
            if let Some((before, name)) = table.rsplit_once('.')
                && (before == "dependencies" || before.ends_with(".dependencies"))
            {
                found.push((index + 1, name));
            }
        } else if inside && let Some(name) = line.split(['.', '=', ' ']).next().filter(|name| is_name(name)) {
            found.push((index + 1, name));
        }
    }
    found
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
}

fn drivers_named_elsewhere(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let sources = tree
        .sources()
        .filter(|file| file.path.starts_with("crates/host-agent/src/"));
    for file in sources.filter(|file| file.path != COMPOSITION_ROOT) {
        for (line, text) in file.code() {
            if ["driver_qemu", "driver_vz", "driver_fake"]
                .iter()
                .any(|driver| text.contains(driver))
            {
                let message = format!("drivers are named only in {COMPOSITION_ROOT}");
                findings.push(Finding::new(&file.path, line, message));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(files: &[(&str, &str)]) -> usize {
        check(&Tree::of(files)).len()
    }

    #[test]
    fn check_allowed_arrow_passes() {
        assert_eq!(
            count(&[(
                "crates/cli/Cargo.toml",
                "[dependencies]\napi.workspace = true\nserde = \"1\"\n"
            )]),
            0
        );
    }

    #[test]
    fn check_reversed_arrow_fails_however_it_is_written() {
        for text in [
            "[dependencies]\nhost-agent = { path = \"../host-agent\" }\n",
            "[dependencies]\nlink.workspace = true\n",
            "[dependencies.machine]\nworkspace = true\n",
            "[target.'cfg(unix)'.dependencies]\napi.workspace = true\n",
            "[build-dependencies]\napi.workspace = true\n",
        ] {
            assert_eq!(count(&[("crates/protocol/Cargo.toml", text)]), 1, "{text}");
        }
    }

    #[test]
    fn check_arrow_of_tests_only_passes() {
        assert_eq!(
            count(&[(
                "crates/protocol/Cargo.toml",
                "[dev-dependencies]\nlink.workspace = true\n"
            )]),
            0
        );
    }

    #[test]
    fn check_unknown_crate_fails_and_the_outside_passes() {
        assert_eq!(count(&[("crates/new/Cargo.toml", "")]), 1);
        assert_eq!(
            count(&[(
                "crates/xtask/Cargo.toml",
                "[dependencies]\napi.workspace = true\n"
            )]),
            0
        );
        assert_eq!(
            count(&[(
                "crates/link/fuzz/Cargo.toml",
                "[dependencies]\nprotocol = \"0\"\n"
            )]),
            0
        );
    }

    #[test]
    fn check_driver_named_outside_the_composition_root_fails() {
        let source = "use driver_qemu::Qemu;\n";
        assert_eq!(count(&[("crates/host-agent/src/supervisor.rs", source)]), 1);
        assert_eq!(count(&[(COMPOSITION_ROOT, source)]), 0);
    }
}
