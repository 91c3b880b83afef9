//! The guest agent: static, PID 1 of the VM, or an ordinary process in namespaces of its own.
//!
//! ```text
//!   /init                                       in a VM: mounts, modules, root disk, then forks; see `init`
//!   pinnace-guest-agent process --lanes DIR --state DIR     the same agent without a VM, for `driver-fake`
//!   docker-proxy -proto … -host-ip …                        as dockerd starts it for a published port; see `publish`
//!   pinnace-guest-agent --version
//! ```
//! It knows no VMM, opens no listener on any IP address, and talks to the host only over the link.

mod agent;
mod blank;
mod board;
mod cgroup;
mod clock;
mod container_process;
mod data_disk;
mod device;
mod dhcp;
mod engine;
mod entropy;
mod format;
mod forward;
mod init;
mod kernel_log;
mod kernel_words;
mod life;
mod limits;
mod listeners;
mod modules;
mod mount_table;
mod netlink;
mod network;
mod ports;
mod processes;
mod publish;
mod record;
mod ring;
mod root;
mod share;
mod shell;
mod start;
mod sysctl;
mod trim;

use std::{
    env,
    io::Write as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        [_, "process", "--lanes", lanes, "--state", state]
        | [_, "process", "--state", state, "--lanes", lanes] => {
            start::process(PathBuf::from(lanes), PathBuf::from(state))
        }
        [_, "--version"] => tell(&format!("pinnace-guest-agent {}\n", env!("CARGO_PKG_VERSION"))),
        [program, ..] if Path::new(program).ends_with(publish::hook::NAME) => publish::hook::run(&arguments),
        // The kernel gives words of its command line that it does not know to PID 1.
        [program, ..] if std::process::id() == 1 && program.ends_with("init") => start::machine(),
        _ => {
            tell("usage: pinnace-guest-agent process --lanes DIR --state DIR\n");
            ExitCode::from(2)
        }
    }
}

fn tell(text: &str) -> ExitCode {
    // A reader that left is no failure of ours.
    let _ = std::io::stdout().write_all(text.as_bytes());
    ExitCode::SUCCESS
}
