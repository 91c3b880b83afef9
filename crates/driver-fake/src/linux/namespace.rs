//! The command that makes the namespaces and becomes the guest agent in them.

use std::{
    ffi::OsString,
    fs::File,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::control_group::ControlGroups;

/// Where Debian has the programs used here, also for a user whose PATH has no sbin.
pub const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The programs that the two scripts and the driver run on the host.
pub const PROGRAMS: [&str; 5] = ["unshare", "mount", "pivot_root", "mkfs.ext4", "sh"];

const JOIN: &str = include_str!("join.sh");
const ENTER: &str = include_str!("enter.sh");

/// What goes into the namespaces.
pub struct Entry<'a> {
    pub root_disk: &'a Path,
    pub root_mount_point: &'a Path,
    pub data_disk: &'a Path,
    pub lanes: &'a Path,
    pub guest_agent: &'a Path,
    pub groups: &'a ControlGroups,
}

/// Builds the command. `lock` becomes its standard input, so that the data disk stays locked as long as anything in the
/// chain lives; `console` takes both outputs.
pub fn command(entry: &Entry<'_>, lock: File, console: File) -> std::io::Result<Command> {
    let mut command = Command::new("/bin/sh");
    command
        .env_clear()
        .env("PATH", PATH)
        .stdin(Stdio::from(lock))
        .stdout(Stdio::from(console.try_clone()?))
        .stderr(Stdio::from(console));
    command.args(["-euc", JOIN, "pinnace-join"]);
    command.args(entry.groups.iter().map(|(_, group)| group));
    command.arg("--");
    // The guest agent is the child that `--kill-child` ties to `unshare`, which the caller ties to the host agent.
    command.args([
        "unshare",
        "--mount",
        "--pid",
        "--net",
        "--ipc",
        "--uts",
        "--cgroup",
        "--fork",
        "--kill-child",
    ]);
    command.args(["--propagation", "private", "--"]);
    command.args(["/bin/sh", "-euc", ENTER, "pinnace-enter"]);
    command.args([
        entry.root_disk,
        entry.root_mount_point,
        entry.data_disk,
        entry.lanes,
        entry.guest_agent,
    ]);
    command.args(cgroup_mounts(entry.groups));
    Ok(command)
}

/// The last argument of `enter.sh`: v1 hierarchies by controller, v2 only where it is the only one. Beside v1 it has no
/// controllers to offer, and the container runtime does without.
fn cgroup_mounts(groups: &ControlGroups) -> Vec<OsString> {
    let v1: Vec<OsString> = groups
        .iter()
        .filter_map(|(hierarchy, _)| hierarchy.controllers.as_deref())
        .map(|controllers| format!("{controllers}:/{controllers}").into())
        .collect();
    if v1.is_empty() { vec![":".into()] } else { v1 }
}

/// Finds a program of the host.
pub fn find_program(name: &str) -> Option<PathBuf> {
    PATH.split(':')
        .map(|folder| Path::new(folder).join(name))
        .find(|path| path.is_file())
}
