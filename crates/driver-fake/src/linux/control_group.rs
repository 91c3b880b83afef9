//! The control groups of one machine: one group in each hierarchy of the host, so that everything that runs in the
//! machine can be frozen, killed and counted together.
//!
//! In a v1 hierarchy the group is made below the one that the host agent is in, so that its limits go on to hold. In the
//! v2 hierarchy it is made at the top, because a group with processes of its own cannot hand controllers down.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// Far more than the kernel needs to end killed processes.
const EMPTY_WITHIN: Duration = Duration::from_secs(30);

/// One mounted hierarchy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hierarchy {
    /// `None` in v2; in v1 the controllers as the mount option, `cpu,cpuacct`.
    pub controllers: Option<String>,
    /// Where the host has it.
    pub mount_point: PathBuf,
}

/// The groups of one machine.
#[derive(Clone, Debug)]
pub struct ControlGroups {
    groups: Vec<(Hierarchy, PathBuf)>,
}

impl ControlGroups {
    /// Makes a group called `name` in each hierarchy. Groups of that name which a crash left behind are ended and
    /// removed first.
    pub async fn create(name: &str) -> io::Result<Self> {
        let mounts = fs::read_to_string("/proc/self/mountinfo")?;
        let memberships = fs::read_to_string("/proc/self/cgroup")?;
        let groups = Self {
            groups: parse_hierarchies(&mounts)
                .into_iter()
                .map(|hierarchy| {
                    let group = parent_of_group(&hierarchy, &memberships).join(name);
                    (hierarchy, group)
                })
                .collect(),
        };
        groups.remove().await?;
        for (hierarchy, group) in &groups.groups {
            fs::create_dir_all(group)?;
            if hierarchy
                .controllers
                .as_deref()
                .is_some_and(|names| names.contains("cpuset"))
            {
                inherit_cpuset(group);
            }
        }
        Ok(groups)
    }

    /// The hierarchies and this machine's group in each.
    pub fn iter(&self) -> impl Iterator<Item = (&Hierarchy, &Path)> {
        self.groups
            .iter()
            .map(|(hierarchy, group)| (hierarchy, group.as_path()))
    }

    /// Whether there is a hierarchy that can stop processes.
    pub fn can_freeze(&self) -> bool {
        self.freezer().is_some()
    }

    /// Stops or lets go all processes in the machine. Returns when it is so.
    pub async fn set_frozen(&self, frozen: bool) -> io::Result<()> {
        let Some((switch, on, off)) = self.freezer() else {
            return Err(io::ErrorKind::Unsupported.into());
        };
        let word = if frozen { on } else { off };
        fs::write(&switch, word)?;
        let is_v2 = switch.ends_with("cgroup.freeze");
        loop {
            let done = if is_v2 {
                let events = fs::read_to_string(switch.with_file_name("cgroup.events"))?;
                events.lines().any(|line| line == format!("frozen {word}"))
            } else {
                fs::read_to_string(&switch)?.trim() == word
            };
            if done {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Kills what is left in the groups, waits until they are empty and removes them.
    pub async fn remove(&self) -> io::Result<()> {
        if let Some((switch, _, off)) = self.freezer()
            && !switch.ends_with("cgroup.freeze")
        {
            // A frozen process of v1 does not see its SIGKILL.
            ignore_missing(fs::write(switch, off))?;
        }
        let deadline = Instant::now() + EMPTY_WITHIN;
        for (_, group) in &self.groups {
            while group.exists() {
                let kill = group.join("cgroup.kill");
                if kill.exists() {
                    ignore_missing(fs::write(kill, "1"))?;
                }
                match remove_tree(group) {
                    Ok(()) => break,
                    Err(error)
                        if error.kind() == io::ErrorKind::ResourceBusy && Instant::now() < deadline =>
                    {
                        tokio::time::sleep(Duration::from_millis(5)).await;
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    }

    /// The file that freezes, and the words for on and off. v2 first: its frozen processes can be killed.
    fn freezer(&self) -> Option<(PathBuf, &'static str, &'static str)> {
        let v2 = self
            .groups
            .iter()
            .find(|(hierarchy, _)| hierarchy.controllers.is_none());
        if let Some((_, group)) = v2 {
            let switch = group.join("cgroup.freeze");
            if switch.exists() {
                return Some((switch, "1", "0"));
            }
        }
        let v1 = self
            .groups
            .iter()
            .find(|(hierarchy, _)| hierarchy.controllers.as_deref() == Some("freezer"));
        v1.map(|(_, group)| (group.join("freezer.state"), "FROZEN", "THAWED"))
    }
}

/// The hierarchies in the text of `/proc/self/mountinfo`: v2, and those of v1 that have a controller. Each once.
fn parse_hierarchies(mountinfo: &str) -> Vec<Hierarchy> {
    let mut found: Vec<Hierarchy> = Vec::new();
    for line in mountinfo.lines() {
        let Some((left, right)) = line.split_once(" - ") else {
            continue;
        };
        let Some(mount_point) = left.split(' ').nth(4) else {
            continue;
        };
        let right: Vec<&str> = right.split(' ').collect();
        let [kind, _, options, ..] = right[..] else {
            continue;
        };
        let controllers = match kind {
            "cgroup2" => None,
            "cgroup" => {
                let names: Vec<&str> = options
                    .split(',')
                    .filter(|option| !matches!(*option, "rw" | "ro"))
                    .collect();
                if names.is_empty()
                    || names
                        .iter()
                        .any(|name| name.starts_with("name=") || *name == "none")
                {
                    continue;
                }
                let no_options = |name: &&&str| !matches!(**name, "xattr" | "clone_children" | "noprefix");
                Some(
                    names
                        .iter()
                        .filter(no_options)
                        .copied()
                        .collect::<Vec<_>>()
                        .join(","),
                )
            }
            _ => continue,
        };
        if !found.iter().any(|hierarchy| hierarchy.controllers == controllers) {
            found.push(Hierarchy {
                controllers,
                mount_point: PathBuf::from(mount_point),
            });
        }
    }
    found
}

/// The folder in which the machine's group is made.
fn parent_of_group(hierarchy: &Hierarchy, memberships: &str) -> PathBuf {
    let Some(controllers) = &hierarchy.controllers else {
        return hierarchy.mount_point.clone();
    };
    let own = memberships.lines().find_map(|line| {
        let mut fields = line.splitn(3, ':').skip(1);
        (fields.next()? == controllers).then(|| fields.next().map(|path| path.trim_start_matches('/')))?
    });
    let parent = hierarchy.mount_point.join(own.unwrap_or_default());
    if parent.is_dir() {
        parent
    } else {
        hierarchy.mount_point.clone()
    }
}

/// A new group of v1's cpuset has no CPU and no memory node, and takes no process before it has.
fn inherit_cpuset(group: &Path) {
    let Some(parent) = group.parent() else { return };
    for name in ["cpuset.cpus", "cpuset.mems"] {
        let copied = fs::read(parent.join(name)).and_then(|value| fs::write(group.join(name), value));
        if let Err(error) = copied {
            tracing::warn!(group = %group.display(), file = name, %error, "failed to inherit cpuset");
        }
    }
}

/// Removes a group and the groups below it, the deepest first.
fn remove_tree(group: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(group) {
        Ok(entries) => entries,
        Err(error) => return ignore_missing(Err(error)),
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove_tree(&entry.path())?;
        }
    }
    ignore_missing(fs::remove_dir(group))
}

fn ignore_missing(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        // The kernel's answer when a control file's group went away between open and write.
        Err(error) if error.raw_os_error() == Some(19) => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(mountinfo: &str, expected: &[(Option<&str>, &str)]) {
        let found = parse_hierarchies(mountinfo);
        let found: Vec<_> = found
            .iter()
            .map(|hierarchy| {
                (
                    hierarchy.controllers.as_deref(),
                    hierarchy.mount_point.to_str().unwrap(),
                )
            })
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn parse_a_hybrid_host_finds_controllers_and_v2_but_no_named_hierarchy() {
        let text = "\
30 25 0:26 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755
31 30 0:27 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct
32 30 0:28 / /sys/fs/cgroup/freezer rw,relatime - cgroup cgroup rw,freezer
33 30 0:29 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,xattr,name=systemd
34 30 0:30 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
35 90 0:28 / /elsewhere rw,relatime - cgroup cgroup rw,freezer
";
        check(
            text,
            &[
                (Some("cpu,cpuacct"), "/sys/fs/cgroup/cpu,cpuacct"),
                (Some("freezer"), "/sys/fs/cgroup/freezer"),
                (None, "/sys/fs/cgroup/unified"),
            ],
        );
    }

    #[test]
    fn parse_a_unified_host_finds_v2_only() {
        check(
            "31 30 0:27 / /sys/fs/cgroup rw,relatime shared:4 - cgroup2 cgroup2 rw,nsdelegate",
            &[(None, "/sys/fs/cgroup")],
        );
    }
}
