//! Work inside a container's network.

use std::{fs, os::fd::AsFd as _, path::Path, thread};

use anyhow::{Context, bail};
use rustix::thread::{ThreadNameSpaceType, move_into_thread_name_spaces};
use tokio::sync::oneshot;

use crate::container_process::{Container, Member};

const STACK_BYTES: usize = 256 * 1024;

/// Holds the first process of a running container. `running` has a folder for each (containerd's runtime v2 layout).
/// The number in it is verified: the process is in the container's control group.
pub fn first_process(running: &Path, container: &Container) -> anyhow::Result<Member> {
    let path = running.join(container.id()).join("init.pid");
    let not_running = || format!("container {} does not run", container.id());
    let pid = fs::read_to_string(path).with_context(not_running)?;
    let pid = pid.trim().parse().with_context(not_running)?;
    Member::open(pid, container)?.with_context(not_running)
}

/// Does work in the network namespace of a process. A socket that is made there stays there.
///
/// On a thread that ends with the work: no other work ever runs in the wrong network.
pub async fn inside<T: Send + 'static>(
    process: Member,
    work: impl FnOnce() -> T + Send + 'static,
) -> anyhow::Result<T> {
    let (done, outcome) = oneshot::channel();
    thread::Builder::new()
        .name("namespace".to_owned())
        .stack_size(STACK_BYTES)
        .spawn(move || {
            let moved = move_into_thread_name_spaces(process.as_fd(), ThreadNameSpaceType::NETWORK);
            // Who does not wait any more needs no outcome.
            let _ = done.send(moved.map(|()| work()));
        })
        .context("failed to start a thread")?;
    match outcome.await {
        Ok(outcome) => outcome.context("failed to enter the container's network"),
        Err(_) => bail!("the thread in the container's network ended"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        container_process::test_child::TestChild,
        forward::{dial, local},
    };

    fn network_of(path: &str) -> std::path::PathBuf {
        fs::read_link(format!("/proc/{path}/ns/net")).unwrap()
    }

    #[tokio::test]
    async fn inside_is_in_the_network_of_the_process_and_nobody_else_is() {
        let child = TestChild::start("unshare --net sh -c 'echo $$; echo ready; read line'");
        let pid: u32 = child.lines()[0].parse().unwrap();
        let member = Member::open(pid, &Container::of_all()).unwrap().unwrap();
        let own = network_of("self");
        let seen = inside(member, || network_of("thread-self")).await.unwrap();
        assert_eq!(seen, network_of(&pid.to_string()));
        assert_ne!(seen, own);
        assert_eq!(network_of("self"), own);
    }

    #[tokio::test]
    async fn sockets_made_inside_reach_a_server_on_its_localhost_only() {
        // busybox's or any other shell has no server; the agent's test program itself is one, on a thread inside.
        let child =
            TestChild::start("unshare --net sh -c 'ip link set lo up; echo $$; echo ready; read line'");
        let pid: u32 = child.lines()[0].parse().unwrap();
        let hold = || Member::open(pid, &Container::of_all()).unwrap().unwrap();
        let listener = inside(hold(), || std::net::TcpListener::bind("[::1]:0").unwrap())
            .await
            .unwrap();
        let port = listener.local_addr().unwrap().port();
        let sockets = inside(hold(), move || local::tcp_sockets(port))
            .await
            .unwrap()
            .unwrap();
        let stream = dial::first_of(sockets).await.unwrap();
        let (_, client) = listener.accept().unwrap();
        assert_eq!(stream.local_addr().unwrap(), client);
        // Out here the port is not that server's.
        assert_ne!(
            std::net::TcpStream::connect(("::1", port))
                .and_then(|stream| stream.peer_addr())
                .ok(),
            Some(client)
        );
    }

    #[test]
    fn first_process_of_another_container_or_of_none_is_refused() {
        let child = TestChild::start("exec sleep 600");
        let running = tempfile::tempdir().unwrap();
        let container = Container::new("0".repeat(64)).unwrap();
        let error = |running: &Path| first_process(running, &container).unwrap_err().to_string();
        assert!(error(running.path()).contains("does not run"));
        let folder = running.path().join(container.id());
        fs::create_dir(&folder).unwrap();
        for text in ["", "-1", "x", &child.pid().to_string()] {
            fs::write(folder.join("init.pid"), text).unwrap();
            assert!(error(running.path()).contains("does not run"), "{text}");
        }
    }

    #[test]
    fn first_process_is_the_one_that_is_named() {
        let child = TestChild::start("exec sleep 600");
        let running = tempfile::tempdir().unwrap();
        let container = Container::of_all();
        let folder = running.path().join(container.id());
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("init.pid"), child.pid().to_string()).unwrap();
        let member = first_process(running.path(), &container).unwrap();
        assert_eq!(member.identity().pid, child.pid());
    }
}
