//! What the host may ask for.

use std::{collections::HashSet, path::Path};

use anyhow::bail;
use protocol::ShareSpec;

/// More shares are refused.
pub const MAX_SHARES: usize = 64;
const MAX_ID_BYTES: usize = 64;
const MAX_PATH_BYTES: usize = 4096;

/// Top-level names that are the machine's own: a folder of the host is never put there.
const OWN: &[&str] = &[
    "bin", "boot", "dev", "etc", "lib", "lib32", "lib64", "libx32", "newroot", "proc", "run", "sbin", "sys",
    "usr", "var",
];

/// Checks each share. The first with an id has it.
pub fn check_all(specs: &[ShareSpec]) -> Vec<anyhow::Result<()>> {
    let mut ids = HashSet::new();
    specs
        .iter()
        .enumerate()
        .map(|(index, spec)| {
            if index >= MAX_SHARES {
                bail!("at most {MAX_SHARES} folders can be shared; remove one that is not needed");
            }
            check(spec)?;
            if !ids.insert(&spec.id) {
                bail!("share {} is there twice", spec.id);
            }
            Ok(())
        })
        .collect()
}

fn check(spec: &ShareSpec) -> anyhow::Result<()> {
    let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if !(1..=MAX_ID_BYTES).contains(&spec.id.len()) || !spec.id.bytes().all(is_allowed) {
        bail!("{:?} is no id of a share", shortened(&spec.id));
    }
    if !is_plain(&spec.path) {
        bail!("{:?} is no absolute path without detours", shortened(&spec.path));
    }
    Ok(())
}

fn shortened(text: &str) -> String {
    text.chars().take(100).collect()
}

/// Absolute, of whole names. `/` is.
fn is_plain(path: &str) -> bool {
    let Some(below) = path.strip_prefix('/') else {
        return false;
    };
    path.len() <= MAX_PATH_BYTES
        && (below.is_empty()
            || below
                .split('/')
                .all(|name| !matches!(name, "" | "." | "..") && !name.contains('\0') && name.len() <= 255))
}

/// Why a share cannot be at its own path, as far as the paths tell. None: it may.
pub fn why_elsewhere(index: usize, specs: &[ShareSpec]) -> Option<&'static str> {
    let path = Path::new(&specs[index].path);
    let Some(top) = path.iter().nth(1) else {
        return Some("it is the root");
    };
    if OWN.iter().any(|own| top == *own) {
        return Some("the machine has its own there");
    }
    let in_another = specs.iter().enumerate().any(|(at, other)| {
        let other = Path::new(&other.path);
        at != index && path.starts_with(other) && other != Path::new("/") && (path != other || at < index)
    });
    in_another.then_some("another share is there")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(id: &str, path: &str) -> ShareSpec {
        ShareSpec {
            id: id.to_owned(),
            path: path.to_owned(),
            read_only: false,
        }
    }

    #[test]
    fn check_refuses_what_is_no_id() {
        for id in ["", "..", "a/b", "A", "a b", "a\0", "ä", &"a".repeat(65)] {
            assert!(check(&spec(id, "/home")).is_err(), "{id}");
        }
        for id in ["a", "0", "-", "home-2", &"a".repeat(64)] {
            assert!(check(&spec(id, "/home")).is_ok(), "{id}");
        }
    }

    #[test]
    fn check_refuses_what_is_no_plain_path() {
        let long = format!("/{}", "a/".repeat(2100));
        for path in [
            "", "home", "./a", "/a/", "//a", "/a//b", "/a/./b", "/a/..", "/..", "/a\0b", &long,
        ] {
            assert!(check(&spec("a", path)).is_err(), "{path}");
        }
        for path in ["/", "/home/me", "/home/a b", "/home/..me", "/home/ä"] {
            assert!(check(&spec("a", path)).is_ok(), "{path}");
        }
    }

    #[test]
    fn check_all_too_many_or_twice_refuses_the_later_ones() {
        let mut specs: Vec<_> = (0..70).map(|n| spec(&format!("s{n}"), "/home")).collect();
        specs[1].id = "s0".to_owned();
        let checked: Vec<_> = check_all(&specs).iter().map(Result::is_ok).collect();
        assert_eq!(checked[..3], [true, false, true]);
        assert_eq!(checked[62..66], [true, true, false, false]);
    }

    #[test]
    fn why_elsewhere_own_folders_and_nested_shares() {
        let specs = [
            spec("a", "/home/me"),
            spec("b", "/home/me/.ssh"),
            spec("c", "/home/men"),
            spec("d", "/usr"),
            spec("e", "/var/lib"),
            spec("f", "/"),
            spec("g", "/home/me"),
            spec("h", "/users"),
        ];
        let elsewhere: Vec<_> = (0..specs.len())
            .map(|index| why_elsewhere(index, &specs).is_some())
            .collect();
        assert_eq!(elsewhere, [false, true, false, true, true, true, true, false]);
    }
}
