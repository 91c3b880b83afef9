//! The three orders in which the three can end.

use std::{
    io::{BufRead, BufReader, Read},
    process::Stdio,
};

use super::*;
use crate::test_program;

fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]).stdin(Stdio::null());
    command
}

#[test]
fn drop_leash_child_ends() {
    let mut command = shell("echo here; exec sleep 600");
    command.stdout(Stdio::piped());
    let (mut child, leash) = spawn(command).unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    output.read_line(&mut String::new()).unwrap();
    drop(leash);
    assert!(!child.wait().unwrap().success());
    // The watcher kept no copy of the child's output.
    assert_eq!(output.read_to_end(&mut Vec::new()).unwrap(), 0);
}

#[test]
fn spawn_twice_watchers_do_not_hold_each_other() {
    let (mut first, first_leash) = spawn(shell("exec sleep 600")).unwrap();
    let (mut second, second_leash) = spawn(shell("exec sleep 600")).unwrap();
    drop(first_leash);
    assert!(!first.wait().unwrap().success());
    assert_eq!(second.try_wait().unwrap(), None);
    drop(second_leash);
    assert!(!second.wait().unwrap().success());
}

#[test]
fn wait_child_that_exits_gives_its_code_while_watched() {
    let (mut child, _leash) = spawn(shell("exit 7")).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(7));
}

#[test]
fn spawn_missing_program_is_not_found() {
    let error = spawn(Command::new("/no/such/program")).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
}

#[test]
fn kill_parent_child_ends_too() {
    let command = test_program::command("sys::unix::watcher::tests::parent", "x");
    let (mut parent, mut output, _) = test_program::start_until(command, "spawned");
    parent.kill().unwrap();
    parent.wait().unwrap();
    output.read_to_end(&mut Vec::new()).unwrap();
}

#[test]
#[ignore = "a part of kill_parent_child_ends_too"]
fn parent() {
    if test_program::argument().is_none() {
        return;
    }
    let _tied = spawn(shell("echo spawned; exec sleep 600")).unwrap();
    // Until killed: nobody writes here.
    let _ = io::stdin().read(&mut [0]);
}
