//! Children of the test as clients.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    time::Duration,
};

use tokio::time::{sleep, timeout};

use super::*;

/// Far more than any step takes on a busy machine.
const LIMIT: Duration = Duration::from_secs(30);

fn child(script: &str) -> Child {
    let mut command = Command::new("sh");
    command.args(["-c", script]).stdin(Stdio::piped());
    command.spawn().unwrap()
}

fn client(child: &Child) -> Option<ClientProcess> {
    ClientProcess::of(Peer {
        uid: None,
        pid: Some(child.id()),
    })
}

fn end(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

#[tokio::test]
async fn identity_is_the_same_for_one_process_and_differs_for_another() {
    let (one, other) = (child("read line"), child("read line"));
    let identity = client(&one).unwrap().identity();
    assert_eq!(identity.pid, one.id());
    assert_eq!(client(&one).unwrap().identity(), identity);
    assert_ne!(client(&other).unwrap().identity(), identity);
    end(one);
    end(other);
}

#[tokio::test]
async fn of_a_process_that_is_gone_or_unknown_is_none() {
    let mut gone = child("exit 0");
    gone.wait().unwrap();
    assert!(client(&gone).is_none());
    let unknown = [None, Some(0), Some(u32::MAX)];
    assert!(
        unknown
            .into_iter()
            .all(|pid| ClientProcess::of(Peer { uid: None, pid }).is_none())
    );
}

#[tokio::test]
async fn arguments_are_told_whole_and_also_after_the_end() {
    let script = "echo here; read line; exit 0";
    let mut command = Command::new("sh");
    command.args(["-c", script, "", "--sig-proxy=false", "a b"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A spawn is over a moment before the new program has its arguments; no client connects in between.
    let mut output = BufReader::new(child.stdout.take().unwrap());
    output.read_line(&mut String::new()).unwrap();
    let client = client(&child).unwrap();
    let expected = ["sh", "-c", script, "", "--sig-proxy=false", "a b"];
    assert_eq!(client.arguments().unwrap(), expected);
    end(child);
    assert_eq!(client.arguments().unwrap(), expected);
}

#[tokio::test]
async fn arguments_asked_first_after_the_end_are_unknown() {
    let child = child("read line");
    let client = client(&child).unwrap();
    end(child);
    assert_eq!(client.arguments(), None);
}

#[tokio::test]
async fn exited_resolves_for_all_when_the_process_ends_and_not_before() {
    let child = child("read line");
    let client = client(&child).unwrap();
    let waiting: Vec<_> = (0..3)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.exited().await })
        })
        .collect();
    assert!(
        timeout(Duration::from_millis(100), client.exited())
            .await
            .is_err()
    );
    end(child);
    for waiter in waiting {
        timeout(LIMIT, waiter).await.unwrap().unwrap();
    }
    timeout(LIMIT, client.exited()).await.unwrap();
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn of_a_process_that_waits_to_be_reaped_is_known_and_has_exited() {
    let mut child = child("exit 0");
    let path = format!("/proc/{}/stat", child.id());
    while !std::fs::read_to_string(&path).unwrap().contains(") Z ") {
        sleep(Duration::from_millis(2)).await;
    }
    let client = client(&child).unwrap();
    timeout(LIMIT, client.exited()).await.unwrap();
    child.wait().unwrap();
}
