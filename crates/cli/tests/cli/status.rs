//! `pinnace status` and `pinnace version` of something that runs.

use api::{ApiError, Code, Forward, ForwardOrigin, ForwardState, MachineState, Route};

use crate::{
    home::Home,
    host_agent::{HostAgent, Script, running, starting, stopped},
};

#[test]
fn status_running_machine_is_a_table() {
    let home = Home::new();
    let _agent = HostAgent::start(&home.api_address(), Script::new(running()));
    let ran = home.run(&["status"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    insta::assert_snapshot!(ran.stdout);
}

#[test]
fn status_json_is_the_answer_itself() {
    let home = Home::new();
    let _agent = HostAgent::start(&home.api_address(), Script::new(running()));
    let ran = home.run(&["status", "--format", "json"]);
    assert_eq!(ran.code, 0);
    insta::assert_snapshot!(ran.stdout);
}

#[test]
fn status_text_from_the_guest_is_harmless() {
    let home = Home::new();
    let mut status = running();
    status.machine.state = MachineState::Degraded;
    status.machine.reason = Some("disk\x1b]0;owned\x07 full\nline".to_owned());
    status.forwards.push(Forward {
        id: "1".to_owned(),
        origin: ForwardOrigin::Published,
        protocol: "tcp".to_owned(),
        host: "127.0.0.1:80\x1b[2J".to_owned(),
        target: "172.17.0.2:80".to_owned(),
        container: Some("web\x1b[1m".to_owned()),
        container_id: None,
        state: ForwardState::Open,
        reason: None,
        connections: 0,
    });
    status.host_agent.warnings.push("ignored \u{202e}key".to_owned());
    let _agent = HostAgent::start(&home.api_address(), Script::new(status));
    let ran = home.run(&["status"]);
    assert_eq!(ran.code, 0);
    assert!(
        !ran.stdout.contains(['\x1b', '\x07', '\u{202e}']),
        "{:?}",
        ran.stdout
    );
    insta::assert_snapshot!(ran.stdout);
}

#[test]
fn status_each_state_has_its_exit_code() {
    let check = |status, code| {
        let home = Home::new();
        let _agent = HostAgent::start(&home.api_address(), Script::new(status));
        assert_eq!(home.run(&["status"]).code, code);
    };
    let in_state = |state| {
        let mut status = running();
        status.machine.state = state;
        status
    };
    check(stopped(), 3);
    check(starting("kernel", 2), 3);
    check(in_state(MachineState::Degraded), 0);
    check(in_state(MachineState::Paused), 3);
    check(in_state(MachineState::Failed), 3);
}

#[test]
fn status_error_answer_is_error_and_hint_on_stderr() {
    let home = Home::new();
    let error = ApiError {
        code: Code::UnsupportedHost,
        message: "this host has no\x1b[31m QEMU".to_owned(),
        hint: Some("install it".to_owned()),
    };
    let _agent = HostAgent::start(
        &home.api_address(),
        Script::new(running()).error(Route::Status, &error),
    );
    let ran = home.run(&["status"]);
    assert_eq!(ran.code, 5);
    assert_eq!(ran.stdout, "");
    assert_eq!(
        ran.stderr,
        "error: this host has no^[[31m QEMU\nhint: install it\n"
    );
}

#[test]
fn version_running_machine_names_all_parts() {
    let home = Home::new();
    let _agent = HostAgent::start(&home.api_address(), Script::new(running()));
    let ran = home.run(&["version"]);
    assert_eq!(ran.code, 0);
    insta::assert_snapshot!(ran.stdout);
}

#[test]
fn doctor_running_machine_tells_its_accelerator() {
    let home = Home::new();
    let _agent = HostAgent::start(&home.api_address(), Script::new(running()));
    let ran = home.run(&["doctor", "--format", "json"]);
    let checks: Vec<serde_json::Value> = serde_json::from_str(&ran.stdout).unwrap();
    let check = |name: &str| checks.iter().find(|check| check["name"] == name).unwrap();
    assert_eq!(check("accelerator")["verdict"], "warn");
    assert_eq!(
        check("accelerator")["detail"],
        "tcg: kvm does not run guests on this host: internal error"
    );
    assert_eq!(check("host agent")["verdict"], "ok");
}
