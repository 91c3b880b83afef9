//! What a detached program has, and what it has not.

use std::{
    io::{Read, pipe},
    os::fd::OwnedFd,
    process::Stdio,
};

use rustix::process::{Pid, getsid};

use super::*;

#[test]
fn spawn_detached_program_holds_none_of_our_descriptors() {
    let (mut ours, leaked) = pipe().unwrap();
    // Unlike what Rust opens, this one is inherited by every child that does not resist.
    let inheritable = rustix::io::dup(&leaked).unwrap();
    let (input, alive) = pipe().unwrap();
    let mut command = Command::new("cat");
    command
        .stdin(OwnedFd::from(input))
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    spawn_detached(command).unwrap();
    drop((leaked, inheritable));
    // The program lives as long as `alive`, and would hold the pipe's other end as long.
    assert_eq!(ours.read(&mut [0]).unwrap(), 0);
    drop(alive);
}

#[test]
fn spawn_detached_program_leads_a_session() {
    let (input, alive) = pipe().unwrap();
    let mut command = Command::new("cat");
    command
        .stdin(OwnedFd::from(input))
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let pid = spawn_detached(command).unwrap();
    let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    assert_eq!(getsid(Some(pid)).unwrap(), pid);
    drop(alive);
}

#[test]
fn spawn_detached_program_keeps_the_output_it_was_given() {
    let (mut ours, output) = pipe().unwrap();
    let mut command = Command::new("echo");
    command
        .arg("hello")
        .stdin(Stdio::null())
        .stdout(OwnedFd::from(output))
        .stderr(Stdio::null());
    spawn_detached(command).unwrap();
    let mut said = String::new();
    ours.read_to_string(&mut said).unwrap();
    assert_eq!(said, "hello\n");
}

#[test]
fn spawn_detached_missing_program_is_not_found() {
    let error = spawn_detached(Command::new("/no/such/program")).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
}
