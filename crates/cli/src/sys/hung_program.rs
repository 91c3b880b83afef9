//! A credential helper that never answers, which takes a program that hangs: a script.

use std::{
    fs,
    io::Write as _,
    process::{Command, Stdio},
    time::Duration,
};

use rustix::process::{Pid, test_kill_process};

use crate::registry_login::credential_program::ask_program;

#[tokio::test]
async fn ask_program_that_hangs_is_killed_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let (program, pid) = (folder.path().join("hangs"), folder.path().join("pid"));
    // Written by another process: a program that a child of a test beside this one holds open cannot be run.
    let mut install = Command::new("install")
        .args(["-m", "755", "/dev/stdin"])
        .arg(&program)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = install.stdin.take().unwrap();
    write!(stdin, "#!/bin/sh\necho $$ >{}\nexec sleep 600", pid.display()).unwrap();
    drop(stdin);
    assert!(install.wait().unwrap().success());

    let program = program.display().to_string();
    let failure = ask_program(&program, "r.example", Duration::from_secs(1))
        .await
        .unwrap_err();
    assert_eq!(
        failure.message,
        format!("{program} did not answer within 1 s and was killed")
    );
    // A host that is slow enough killed it before it said who it is.
    let pid = fs::read_to_string(pid).unwrap_or_default();
    if let Some(pid) = pid.trim().parse().ok().and_then(Pid::from_raw) {
        assert!(test_kill_process(pid).is_err());
    }
}
