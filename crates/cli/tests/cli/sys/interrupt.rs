//! Ctrl+C.

use std::process::{Command, Stdio};

use api::Route;
use rustix::process::{Pid, Signal, kill_process};

use crate::{
    home::Home,
    host_agent::{HostAgent, Script, running, stopped},
};

/// Interrupts the program once `route` was called, and returns its exit code and what it wrote to stderr.
fn interrupted(arguments: &[&str], script: Script, route: Route) -> (Option<i32>, String) {
    let home = Home::new();
    let agent = HostAgent::start(&home.api_address(), script);
    let child = Command::new(env!("CARGO_BIN_EXE_pinnace"))
        .args(arguments)
        .env("PINNACE_HOME", home.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    while agent.bodies(route).is_empty() {
        std::thread::yield_now();
    }
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn start_interrupted_says_that_the_machine_goes_on() {
    let (code, stderr) = interrupted(
        &["start"],
        Script::new(stopped()).never(Route::Start),
        Route::Start,
    );
    assert_eq!(code, Some(130));
    assert_eq!(
        stderr,
        "no longer waiting; the machine goes on starting\nhint: stop it with `pinnace stop`\n"
    );
}

#[test]
fn stop_interrupted_says_that_the_machine_goes_on() {
    let (code, stderr) = interrupted(&["stop"], Script::new(running()).never(Route::Stop), Route::Stop);
    assert_eq!(code, Some(130));
    assert!(stderr.contains("goes on stopping"), "{stderr}");
}

#[test]
fn logs_interrupted_ends_quietly() {
    let (code, stderr) = interrupted(
        &["logs", "-f", "engine"],
        Script::new(running()).never(Route::Logs),
        Route::Logs,
    );
    assert_eq!((code, stderr.as_str()), (Some(130), ""));
}
