//! Resource limits and protection from the out-of-memory killer.

use std::fs;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::process::Command;

/// systemd's default: programs that use select(2) break above it, those that can do more raise it themselves.
const USUAL_FILES: u64 = 1024;

/// dockerd, as in its own systemd unit (moby, contrib/init/systemd/docker.service).
pub const OOM_DOCKERD: i16 = -500;
/// containerd, as in its own systemd unit (containerd.service).
pub const OOM_CONTAINERD: i16 = -999;
/// The agent: without it the machine ends.
const OOM_AGENT: i16 = -1000;

/// Raises the kernel's limits for PID 1, which everything inherits. What fails is recorded, no more.
pub fn raise() {
    set(Resource::Nofile, Some(USUAL_FILES), Some(524_288));
    // docker.service and containerd.service: LimitNPROC=infinity, LimitCORE=infinity.
    set(Resource::Nproc, None, None);
    set(Resource::Core, None, None);
}

/// Protects the agent itself. Children inherit it until they are given a value of their own.
pub fn protect_agent() {
    adjust_oom("self", OOM_AGENT);
}

/// Sets how much the out-of-memory killer likes a process: -1000 (never) to 1000 (first).
pub fn protect(pid: u32, score: i16) {
    adjust_oom(&pid.to_string(), score);
}

/// Lets the agent itself have all the open files that it may: two for each published port, one for each forward.
pub fn raise_own_files() {
    let maximum = getrlimit(Resource::Nofile).maximum;
    set(Resource::Nofile, maximum, maximum);
}

/// Gives a program the usual limit of open files instead of the agent's own.
#[expect(unsafe_code, reason = "what runs between fork and exec is restricted")]
pub fn usual_files(command: &mut Command) {
    let lower = || {
        let maximum = getrlimit(Resource::Nofile).maximum;
        let current = Some(maximum.map_or(USUAL_FILES, |maximum| maximum.min(USUAL_FILES)));
        Ok(setrlimit(Resource::Nofile, Rlimit { current, maximum })?)
    };
    // SAFETY: it makes two system calls and allocates nothing.
    unsafe { command.pre_exec(lower) };
}

fn adjust_oom(process: &str, score: i16) {
    if let Err(error) = fs::write(format!("/proc/{process}/oom_score_adj"), score.to_string()) {
        tracing::info!(process, %error, "oom protection left out");
    }
}

fn set(resource: Resource, current: Option<u64>, maximum: Option<u64>) {
    if let Err(error) = setrlimit(resource, Rlimit { current, maximum }) {
        tracing::info!(?resource, %error, "resource limit left out");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn usual_files_are_a_programs_and_not_ours() {
        raise_own_files();
        let own = getrlimit(Resource::Nofile);
        assert_eq!(own.current, own.maximum);
        let mut command = Command::new("sh");
        command.args(["-c", "ulimit -Sn; ulimit -Hn"]);
        usual_files(&mut command);
        let output = command.output().await.unwrap();
        let maximum = own
            .maximum
            .map_or("unlimited".to_owned(), |maximum| maximum.to_string());
        assert_eq!(
            String::from_utf8(output.stdout).unwrap(),
            format!("1024\n{maximum}\n")
        );
        assert_eq!(getrlimit(Resource::Nofile).current, own.current);
    }
}
