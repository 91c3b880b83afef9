//! Ends a process and its descendants, more and more firmly.

use std::{fmt::Debug, time::Duration};

use anyhow::{Context, bail};
use rustix::process::Signal;
use tokio::time::{Instant, sleep_until};

use super::{container::Container, stat::Identity, tree::Tree};

/// The host waits 30 s for an answer.
const LONGEST_GRACE: Duration = Duration::from_secs(20);
/// How long the kernel may take to end what was killed.
const KILL_LIMIT: Duration = Duration::from_secs(5);
/// Between two looks, at first; doubled up to the longest pause.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(160);

/// SIGHUP, SIGTERM after half of the grace, SIGKILL after all of it. Resolves when all are gone, at once when the
/// container has no such process.
pub async fn end(pid: u32, container: Container, grace: Duration) -> anyhow::Result<()> {
    let found = on_thread(move || Tree::below(pid, container)).await?;
    let Some(mut tree) = found else {
        return Ok(());
    };
    let half = grace.min(LONGEST_GRACE) / 2;
    // One that is stopped hears of the hangup only when it goes on.
    let stages: [(&'static [Signal], Duration); 3] = [
        (&[Signal::HUP, Signal::CONT], half),
        (&[Signal::TERM], half),
        (&[Signal::KILL], KILL_LIMIT),
    ];
    for (signals, limit) in stages {
        let gone;
        (tree, gone) = stage(tree, signals, limit).await?;
        if gone {
            tracing::info!(pid, processes = tree.members().len(), last = ?signals, "container's process ended");
            return Ok(());
        }
    }
    bail!(
        "process {pid} is still there {} s after SIGKILL",
        KILL_LIMIT.as_secs()
    )
}

/// Signals all, and those that come later when they come. Tells whether all were gone within the limit.
async fn stage(mut tree: Tree, signals: &'static [Signal], limit: Duration) -> anyhow::Result<(Tree, bool)> {
    let deadline = Instant::now() + limit;
    let mut pause = FIRST_PAUSE;
    tree = on_thread(move || {
        send(&tree, tree.members(), signals);
        Ok(tree)
    })
    .await?;
    loop {
        let now = Instant::now();
        sleep_until((now + pause).min(deadline)).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
        let gone;
        (tree, gone) = on_thread(move || {
            let later = tree.grow();
            send(&tree, &later, signals);
            let gone = tree.is_gone()?;
            Ok((tree, gone))
        })
        .await?;
        if gone || now >= deadline {
            return Ok((tree, gone));
        }
    }
}

fn send(tree: &Tree, processes: &[Identity], signals: &[Signal]) {
    for signal in signals {
        tree.signal(processes, *signal);
    }
}

/// Files below /proc are read without waiting for anything but the processor; a thousand of them take a while.
async fn on_thread<T: Debug + Send + 'static>(
    work: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
) -> anyhow::Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .context("failed to look at a container's processes")?
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use super::*;
    use crate::container_process::test_child::TestChild;

    async fn check(script: &str, grace_ms: u64) -> (std::process::ExitStatus, Duration) {
        let mut child = TestChild::start(script);
        let start = Instant::now();
        end(child.pid(), Container::of_all(), Duration::from_millis(grace_ms))
            .await
            .unwrap();
        (child.wait(), start.elapsed())
    }

    #[tokio::test]
    async fn end_plain_process_is_hung_up() {
        let (status, took) = check("exec sleep 600", 20_000).await;
        assert_eq!(status.signal(), Some(1));
        assert!(took < Duration::from_secs(5), "{took:?}");
    }

    #[tokio::test]
    async fn end_stopped_process_is_hung_up() {
        let (status, _) = check("kill -STOP $$", 20_000).await;
        assert_eq!(status.signal(), Some(1));
    }

    #[tokio::test]
    async fn end_deaf_to_hangup_is_terminated_after_half_of_the_grace() {
        let script = "trap '' HUP; trap 'kill $!; exit 7' TERM; sleep 600 & echo ready; wait";
        let (status, took) = check(script, 600).await;
        assert_eq!(status.code(), Some(7));
        assert!(took >= Duration::from_millis(300), "{took:?}");
    }

    #[tokio::test]
    async fn end_deaf_to_all_is_killed_with_its_children_after_the_grace() {
        let script = "trap '' HUP TERM; sleep 600 & echo $!; echo ready; while :; do sleep 600; done";
        let mut child = TestChild::start(script);
        let sleeper: u32 = child.lines()[0].parse().unwrap();
        let start = Instant::now();
        let grace = Duration::from_millis(400);
        end(child.pid(), Container::of_all(), grace).await.unwrap();
        assert!(start.elapsed() >= grace);
        assert_eq!(child.wait().signal(), Some(9));
        assert!(Tree::below(sleeper, Container::of_all()).unwrap().is_none());
    }

    #[tokio::test]
    async fn end_without_grace_is_killed_at_once() {
        let (status, took) = check("trap '' HUP TERM; echo ready; read line", 0).await;
        assert_eq!(status.signal(), Some(9));
        assert!(took < Duration::from_secs(2), "{took:?}");
    }

    #[tokio::test]
    async fn end_process_of_another_container_is_left_alone() {
        let mut child = TestChild::start("echo ready; read line; exit 3");
        let other = Container::new("0".repeat(64)).unwrap();
        end(child.pid(), other, Duration::ZERO).await.unwrap();
        child.say("go");
        assert_eq!(child.wait().code(), Some(3));
    }

    #[tokio::test]
    async fn end_process_that_is_gone_is_no_error() {
        let mut child = TestChild::start("exec sleep 600");
        child.kill();
        end(child.pid(), Container::of_all(), Duration::ZERO)
            .await
            .unwrap();
    }
}
