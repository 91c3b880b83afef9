//! Arguments of `run`: what parts a container from others and from the machine.

use clap::Args;

use crate::run_flags::parse_setting;

/// What parts a container from others and from the machine.
#[derive(Debug, Args)]
pub struct IsolationArgs {
    /// Add a capability.
    #[arg(long, value_name = "CAPABILITY")]
    pub cap_add: Vec<String>,
    /// Take a capability away.
    #[arg(long, value_name = "CAPABILITY")]
    pub cap_drop: Vec<String>,
    /// Give it every capability and device.
    #[arg(long)]
    pub privileged: bool,
    /// Make the container's own files read-only.
    #[arg(long)]
    pub read_only: bool,
    /// A security option, as in no-new-privileges or seccomp=PROFILE.json.
    #[arg(long, value_name = "OPTION")]
    pub security_opt: Vec<String>,
    /// Another group of the user, by name or id.
    #[arg(long, value_name = "GROUP")]
    pub group_add: Vec<String>,
    /// A kernel parameter of its own: NAME=VALUE.
    #[arg(long, value_name = "PARAMETER", value_parser = parse_setting)]
    pub sysctl: Vec<(String, String)>,
    /// Whose processes it sees: its own, those of container:NAME, or of the host.
    #[arg(long, value_name = "MODE")]
    pub pid: Option<String>,
    /// Whose shared memory it sees: none, private, shareable, container:NAME, host.
    #[arg(long, value_name = "MODE")]
    pub ipc: Option<String>,
    /// Whose host name it has: its own, or host.
    #[arg(long, value_name = "MODE")]
    pub uts: Option<String>,
    /// Whose users it has: its own, or host.
    #[arg(long, value_name = "MODE")]
    pub userns: Option<String>,
    /// Whose control groups it sees: private or host.
    #[arg(long, value_name = "MODE")]
    pub cgroupns: Option<String>,
}
