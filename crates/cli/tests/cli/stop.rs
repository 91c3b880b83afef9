//! `pinnace stop`, `pause` and `resume`.

use api::{ApiError, Code, MachineState, Route};
use platform::OwnerLock;

use crate::{
    home::Home,
    host_agent::{HostAgent, Script, running, stopped},
};

#[test]
fn stop_running_machine_passes_grace_and_force_on() {
    let check = |arguments: &[&str], body: &str| {
        let home = Home::new();
        let agent = HostAgent::start(
            &home.api_address(),
            Script::new(running()).answer(Route::Stop, &stopped()),
        );
        let ran = home.run(arguments);
        assert_eq!(ran.code, 0);
        assert!(ran.stderr.ends_with("machine stopped\n"), "{}", ran.stderr);
        assert_eq!(agent.bodies(Route::Stop), [body]);
    };
    check(&["stop"], r#"{"force":false,"grace_ms":null}"#);
    check(&["stop", "--force"], r#"{"force":true,"grace_ms":null}"#);
    check(&["stop", "--grace", "2.5"], r#"{"force":false,"grace_ms":2500}"#);
}

#[test]
fn stop_stopped_machine_succeeds() {
    let home = Home::new();
    let _agent = HostAgent::start(&home.api_address(), Script::new(stopped()));
    let ran = home.run(&["stop"]);
    assert_eq!(
        (ran.code, ran.stderr.as_str()),
        (0, "the machine is already stopped\n")
    );
}

#[test]
fn pause_stopped_machine_is_not_running() {
    let home = Home::new();
    let error = ApiError {
        code: Code::NotRunning,
        message: "the machine is stopped".to_owned(),
        hint: None,
    };
    let script = Script::new(stopped())
        .error(Route::Pause, &error)
        .error(Route::Resume, &error);
    let _agent = HostAgent::start(&home.api_address(), script);
    assert_eq!(home.run(&["pause"]).code, 3);
    assert_eq!(home.run(&["resume"]).code, 3);
}

#[test]
fn pause_and_resume_running_machine_succeed() {
    let home = Home::new();
    let mut paused = running();
    paused.machine.state = MachineState::Paused;
    let script = Script::new(running()).answer(Route::Pause, &paused);
    let _agent = HostAgent::start(&home.api_address(), script);
    let ran = home.run(&["pause", "--format", "json"]);
    assert_eq!(ran.code, 0);
    assert!(ran.stdout.contains("\"paused\""));
    assert_eq!(home.run(&["resume"]).code, 0);
}

#[test]
fn daemon_stop_is_over_when_the_lock_is_free() {
    let home = Home::new();
    let mut status = running();
    status.host_agent.pid = std::process::id();
    let _agent = HostAgent::start(&home.api_address(), Script::new(status));
    let path = home.path().join("data/owner.lock");
    let lock = OwnerLock::try_acquire(&path).unwrap().unwrap();
    std::thread::scope(|scope| {
        let stopping = scope.spawn(|| home.run(&["daemon", "--stop"]));
        // Nobody listens any more, and still the host agent has not ended.
        while home.run(&["status"]).code == 0 {}
        assert!(!stopping.is_finished());
        drop(lock);
        let ran = stopping.join().unwrap();
        assert_eq!(
            (ran.code, ran.stderr.as_str()),
            (
                0,
                "stopping the machine and ending the host agent\nhost agent ended\n"
            )
        );
    });
}

#[test]
fn daemon_stop_host_agent_that_never_ends_is_named() {
    let home = Home::new();
    let mut status = stopped();
    status.host_agent.pid = std::process::id();
    let _agent = HostAgent::start(&home.api_address(), Script::new(status));
    let _lock = OwnerLock::try_acquire(&home.path().join("data/owner.lock")).unwrap();
    let ran = home.run(&["daemon", "--stop"]);
    assert_eq!(ran.code, 4);
    let expected = format!(
        "error: the host agent (process {}) has not ended 15 s after it was asked to",
        std::process::id()
    );
    assert!(ran.stderr.contains(&expected), "{}", ran.stderr);
    assert!(ran.stderr.contains("hint: "), "{}", ran.stderr);
}

#[test]
fn daemon_stop_error_of_the_host_agent_is_passed_on() {
    let home = Home::new();
    let error = ApiError {
        code: Code::Internal,
        message: "it broke".to_owned(),
        hint: None,
    };
    let script = Script::new(running()).error(Route::Quit, &error);
    let _agent = HostAgent::start(&home.api_address(), script);
    let ran = home.run(&["daemon", "--stop"]);
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.ends_with("error: it broke\n"), "{}", ran.stderr);
}
