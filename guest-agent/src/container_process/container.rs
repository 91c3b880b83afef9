//! Which processes are a container's.

use anyhow::bail;

/// Docker's ids are SHA-256 sums in hex.
const ID_DIGITS: usize = 64;

/// A container, told from others by the name of its control group.
#[derive(Clone, Debug)]
pub struct Container {
    id: String,
    names: fn(cgroup: &str, id: &str) -> bool,
}

impl Container {
    /// The container with this full id. A part of an id could mean another container.
    pub fn new(id: String) -> anyhow::Result<Self> {
        if id.len() != ID_DIGITS || !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            bail!("{id:?} is no full container id");
        }
        Ok(Self { id, names })
    }

    /// Its id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whether a process with this text in its `/proc/PID/cgroup` is in it.
    pub fn holds(&self, cgroup: &str) -> bool {
        (self.names)(cgroup, &self.id)
    }

    /// Every process is in it.
    #[cfg(test)]
    pub fn of_all() -> Self {
        let id = "a".repeat(ID_DIGITS);
        Self {
            id,
            names: |_, _| true,
        }
    }
}

/// Whether one of the groups (cgroups(7): `hierarchy:controllers:path`) is the container's, or below it.
///
/// The engine's drivers name it `…/ID` (cgroupfs, ours) and `…/docker-ID.scope` (systemd). A process sees its own path
/// shortened by a control group namespace; we see it from outside, whole or with `..` parts before the name.
fn names(cgroup: &str, id: &str) -> bool {
    cgroup
        .lines()
        .filter_map(|line| line.splitn(3, ':').nth(2))
        .flat_map(|path| path.split('/'))
        .any(|part| part == id || scope(part) == Some(id))
}

/// `docker-ID.scope`: what systemd's unit is named after.
fn scope(part: &str) -> Option<&str> {
    Some(part.strip_suffix(".scope")?.rsplit_once('-')?.1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ID: &str = "4f0d2e9c4f0d2e9c4f0d2e9c4f0d2e9c4f0d2e9c4f0d2e9c4f0d2e9c4f0d2e9c";

    fn check(cgroup: &str) -> bool {
        Container::new(ID.to_owned()).unwrap().holds(cgroup)
    }

    #[test]
    fn holds_groups_of_every_driver_and_hierarchy() {
        for group in [
            format!("0::/docker/{ID}\n"),
            format!("0::/../../docker/{ID}\n"),
            format!("0::/docker/{ID}/init\n"),
            format!("0::/system.slice/docker-{ID}.scope\n"),
            format!("0::/parent/{ID}/docker/0123\n"),
            format!("9:name=systemd:/\n4:memory:/docker/{ID}\n0::/\n"),
        ] {
            assert!(check(&group), "{group}");
        }
    }

    #[test]
    fn holds_nothing_else() {
        for group in [
            String::new(),
            "0::/\n".to_owned(),
            format!("0::/docker/{}\n", &ID[1..]),
            format!("0::/docker/x{ID}\n"),
            format!("0::/docker/{ID}x\n"),
            format!("3:{ID}:/\n"),
            format!("{ID}\n"),
            format!("0::/docker-{ID}\n"),
        ] {
            assert!(!check(&group), "{group}");
        }
    }

    #[test]
    fn new_refuses_what_is_no_full_id() {
        let dots = format!("{}..", &ID[2..]);
        for id in ["", "docker", &ID[..12], &dots, &format!("{ID}0")] {
            assert!(Container::new(id.to_owned()).is_err(), "{id}");
        }
    }

    proptest! {
        #[test]
        fn holds_never_panics(text in any::<String>()) {
            check(&text);
        }
    }
}
