//! `pinnace start` and `pinnace restart` with a host agent that runs.

use api::{ApiError, Code, Route};

use crate::{
    home::Home,
    host_agent::{HostAgent, Script, running, starting, stopped},
};

/// A script of a boot from cold to ready.
fn boot() -> Script {
    Script::new(stopped())
        .event(starting("checking image", 0))
        .event(starting("kernel", 2))
        .answer(Route::Start, &running())
        .answer(Route::Restart, &running())
}

#[test]
fn start_stopped_machine_shows_each_phase_once() {
    let home = Home::new();
    home.docker_context(&running().engine.endpoint);
    let agent = HostAgent::start(&home.api_address(), boot());
    let ran = home.run(&["start"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, ""));
    insta::assert_snapshot!(ran.stderr);
    assert_eq!(agent.bodies(Route::Start), [r#"{"wait":true,"timeout_ms":null}"#]);
}

#[test]
fn start_running_machine_says_so() {
    let home = Home::new();
    let _agent = HostAgent::start(&home.api_address(), Script::new(running()));
    let ran = home.run(&["start"]);
    assert_eq!(ran.code, 0);
    insta::assert_snapshot!(ran.stderr);
}

#[test]
fn start_without_the_context_in_this_shells_configuration_names_the_way_that_works() {
    for endpoint in [None, Some("unix:///somewhere/else.sock")] {
        let home = Home::new();
        if let Some(endpoint) = endpoint {
            home.docker_context(endpoint);
        }
        let _agent = HostAgent::start(&home.api_address(), boot());
        let ran = home.run(&["start"]);
        let next = "next: eval \"$(pinnace docker-host --shell)\"\n      docker run --rm hello-world\n";
        assert!(ran.stderr.ends_with(next), "{}", ran.stderr);
    }
}

#[test]
fn start_json_prints_the_status_alone_on_stdout() {
    let home = Home::new();
    let _agent = HostAgent::start(&home.api_address(), boot());
    let ran = home.run(&["start", "--format", "json"]);
    let status: api::Status = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(status, running());
}

#[test]
fn start_no_wait_asks_for_no_wait() {
    let home = Home::new();
    let script = Script::new(stopped()).answer(Route::Start, &starting("launching", 1));
    let agent = HostAgent::start(&home.api_address(), script);
    let ran = home.run(&["start", "--no-wait"]);
    assert_eq!(ran.code, 0);
    assert_eq!(
        ran.stderr,
        "the machine is starting\nhint: see `pinnace status`\n"
    );
    assert_eq!(
        agent.bodies(Route::Start),
        [r#"{"wait":false,"timeout_ms":null}"#]
    );
}

#[test]
fn start_each_failure_has_its_exit_code() {
    let check = |code, exit| {
        let home = Home::new();
        let error = ApiError {
            code,
            message: "it broke".to_owned(),
            hint: Some("mend it".to_owned()),
        };
        let agent = HostAgent::start(
            &home.api_address(),
            Script::new(stopped()).error(Route::Start, &error),
        );
        let ran = home.run(&["start", "--timeout", "1500ms"]);
        assert_eq!(ran.code, exit, "{code:?}");
        assert_eq!(ran.stderr, "error: it broke\nhint: mend it\n");
        assert_eq!(agent.bodies(Route::Start), [r#"{"wait":true,"timeout_ms":1500}"#]);
    };
    check(Code::Timeout, 4);
    check(Code::UnsupportedHost, 5);
    check(Code::VmImage, 1);
    check(Code::Superseded, 1);
}

#[test]
fn restart_shows_the_boot() {
    let home = Home::new();
    let agent = HostAgent::start(&home.api_address(), boot());
    let ran = home.run(&["restart"]);
    assert_eq!(ran.code, 0);
    assert!(ran.stderr.contains("machine running in 8.4 s"), "{}", ran.stderr);
    assert_eq!(agent.bodies(Route::Restart).len(), 1);
}
