//! What is true on one machine only: its paths, and the hosts that it fetches packages from.

use super::{Finding, tree::Tree};

/// Written in two parts, so that this file does not find itself.
const MACHINE_PATHS: &[&str] = &[
    concat!("/wor", "k/"),
    concat!("/ro", "ot/."),
    concat!("/hom", "e/runner"),
];

/// Registries and mirrors are what the machine is set up with. Cargo's own lock file names its registry: that is its
/// format.
const HOSTS: &[&str] = &[
    concat!("deb.deb", "ian.org"),
    concat!("security.deb", "ian.org"),
    concat!("snapshot.deb", "ian.org"),
    concat!("ftp.deb", "ian.org"),
    concat!("archive.ubu", "ntu.com"),
    concat!("ports.ubu", "ntu.com"),
    concat!("index.crates", ".io"),
    concat!("static.crates", ".io"),
    concat!("registry.npm", "js.org"),
    concat!("proxy.gol", "ang.org"),
    concat!("registry-1.dock", "er.io"),
];

pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.files().filter(|file| !file.path.ends_with("Cargo.lock")) {
        for (line, text) in file.lines() {
            for found in MACHINE_PATHS.iter().filter(|found| holds_path(text, found)) {
                findings.push(Finding::new(
                    &file.path,
                    line,
                    format!("a path of one machine: `{found}`"),
                ));
            }
            for found in HOSTS.iter().filter(|found| text.contains(**found)) {
                findings.push(Finding::new(
                    &file.path,
                    line,
                    format!("a package host; ask the machine's own setup: `{found}`"),
                ));
            }
        }
    }
    findings
}

/// Whether the path starts here, and is not the middle of another one.
fn holds_path(text: &str, path: &str) -> bool {
    text.match_indices(path).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '}' | '>'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(path: &str, text: &str) -> usize {
        check(&Tree::of(&[(path, text)])).len()
    }

    #[test]
    fn check_machine_path_fails_and_part_of_another_path_passes() {
        for path in MACHINE_PATHS {
            assert_eq!(count("a.rs", &format!("let p = \"{path}x\";")), 1);
            assert_eq!(count("README.md", &format!("See {path}x.")), 1);
        }
        assert_eq!(
            count("a.rs", &format!("folder.join(\"a{}\")", MACHINE_PATHS[0])),
            0
        );
    }

    #[test]
    fn check_package_host_fails_outside_cargos_lock() {
        for host in HOSTS {
            assert_eq!(count("vm-image/assets.lock", &format!("https://{host}/x")), 1);
        }
        assert_eq!(count("Cargo.lock", HOSTS[6]), 0);
    }
}
