//! Children that end, are ended, and lose their parent.

use std::{
    io::{BufRead, BufReader, Read, Write},
    os::unix::process::ExitStatusExt,
    process::Stdio,
    thread,
};

use super::*;
use crate::test_program;

fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]).stdin(Stdio::null());
    command
}

#[tokio::test]
async fn wait_child_that_exits_gives_its_code_to_all_waiters() {
    let child = TiedChild::spawn(shell("exit 7")).unwrap();
    let (one, other) = tokio::join!(child.wait(), child.wait());
    assert_eq!(one.code(), Some(7));
    assert_eq!(one, other);
    assert_eq!(child.status(), Some(one));
    assert_eq!(child.wait().await, one);
}

#[tokio::test]
async fn kill_running_child_ends_it_and_again_is_no_error() {
    let child = TiedChild::spawn(shell("exec sleep 600")).unwrap();
    assert_eq!(child.status(), None);
    child.kill().unwrap();
    assert_eq!(child.wait().await.signal(), Some(9));
    child.kill().unwrap();
}

#[tokio::test]
async fn kill_reaped_child_reaches_nobody() {
    let child = TiedChild::spawn(shell("exit 0")).unwrap();
    child.wait().await;
    // Its number is free now; were it used again, this would be the moment.
    child.kill().unwrap();
    assert_eq!(child.wait().await.code(), Some(0));
}

#[test]
fn spawn_missing_program_is_not_found() {
    let error = TiedChild::spawn(Command::new("/no/such/program")).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
}

#[test]
fn drop_running_child_ends_it() {
    let mut command = shell("echo here; exec sleep 600");
    command.stdout(Stdio::piped());
    let mut child = TiedChild::spawn(command).unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    output.read_line(&mut String::new()).unwrap();
    drop(child);
    // Ends only when the last holder of the other end is gone.
    assert_eq!(output.read_to_end(&mut Vec::new()).unwrap(), 0);
}

#[test]
fn spawn_in_a_thread_that_ends_child_lives_on() {
    let mut command = Command::new("cat");
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = thread::spawn(|| TiedChild::spawn(command).unwrap())
        .join()
        .unwrap();
    // A death signal that hung on the thread would have been sent before `join` returned.
    child.stdin.take().unwrap().write_all(b"still here\n").unwrap();
    let mut said = String::new();
    child.stdout.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(said, "still here\n");
}

#[test]
fn kill_parent_child_ends_too() {
    let (mut parent, mut output, _) =
        test_program::start_until(test_program::command("tied_child::tests::parent", "x"), "spawned");
    parent.kill().unwrap();
    parent.wait().unwrap();
    // The grandchild holds the pipe's other end, and would for ten minutes.
    output.read_to_end(&mut Vec::new()).unwrap();
}

#[test]
#[ignore = "a part of kill_parent_child_ends_too"]
fn parent() {
    if test_program::argument().is_none() {
        return;
    }
    let _child = TiedChild::spawn(shell("echo spawned; exec sleep 600")).unwrap();
    // Until killed: nobody writes here.
    let _ = io::stdin().read(&mut [0]);
}
