//! `pinnace ps`, `stop CONTAINER`, `kill` and `rm`.

use api::{ApiError, Code, Route, SignalReport, StopVerdict};
use serde_json::{Value, json};

use crate::{
    engine::{End, Engine, Script},
    home::Home,
    host_agent::{self, HostAgent, running},
};

/// 64 digits, of which the first are `digits`.
fn id(digits: &str) -> String {
    format!("{digits:0<64}")
}

fn listed() -> Value {
    json!([
        {
            "Id": id("a1"), "Names": ["/web"], "Image": "nginx:1.29", "Command": "nginx", "Created": 1_795_492_800,
            "State": "running", "Status": "Up 3 minutes", "Labels": {"tier": "front"},
            "Ports": [
                {"IP": "0.0.0.0", "PrivatePort": 80, "PublicPort": 8080, "Type": "tcp"},
                {"IP": "::", "PrivatePort": 80, "PublicPort": 8080, "Type": "tcp"}
            ]
        },
        {
            "Id": id("b2"), "Names": ["/sleepy"], "Image": format!("sha256:{}", id("cc")), "Created": 0,
            "State": "running", "Status": "Up\x1b]0;owned\x07 \u{202e}2 hours", "Ports": [], "New": true
        }
    ])
}

fn reports() -> Vec<SignalReport> {
    let report = |container: &str, verdict, advice: Option<&str>| SignalReport {
        container: id(container),
        name: String::new(),
        verdict,
        program: String::new(),
        advice: advice.map(str::to_owned),
    };
    vec![
        report("a1", StopVerdict::Handles, None),
        report(
            "b2",
            StopVerdict::IgnoresBoth,
            Some("ignores SIGINT and SIGTERM; add --init"),
        ),
    ]
}

#[test]
fn ps_shows_who_ignores_signals() {
    let home = Home::new();
    let engine = Engine::start(&home, Script::new().json("GET /containers/json", &listed()));
    let script = host_agent::Script::new(running()).answer(Route::Signals, &reports());
    let _agent = HostAgent::start(&home.api_address(), script);
    let ran = home.run(&["ps"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    insta::assert_snapshot!(ran.stdout);
    assert_eq!(engine.calls(), ["GET /containers/json?all=false"]);
    let ran = home.run(&["ps", "--format", "json"]);
    insta::assert_snapshot!("ps_json", ran.stdout);
}

#[test]
fn ps_works_without_the_signal_doctor() {
    let home = Home::new();
    let _engine = Engine::start(&home, Script::new().json("GET /containers/json", &listed()));
    let check = || {
        let ran = home.run(&["ps", "--no-trunc"]);
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
        assert!(ran.stdout.contains(&id("a1")), "{}", ran.stdout);
        assert!(
            ran.stdout.contains(&format!("sha256:{}", id("cc"))),
            "{}",
            ran.stdout
        );
        assert!(!ran.stdout.contains("ignores"), "{}", ran.stdout);
    };
    check();
    let error = ApiError {
        code: Code::Internal,
        message: "it broke".to_owned(),
        hint: None,
    };
    let script = host_agent::Script::new(running()).error(Route::Signals, &error);
    let _agent = HostAgent::start(&home.api_address(), script);
    check();
}

#[test]
fn ps_filters_and_quiet_are_passed_on() {
    let home = Home::new();
    let engine = Engine::start(&home, Script::new().json("GET /containers/json", &listed()));
    let ran = home.run(&["ps", "-aq", "-f", "status=exited", "--filter", "label=a=b"]);
    assert_eq!(
        (ran.code, ran.stdout.as_str()),
        (0, "a10000000000\nb20000000000\n")
    );
    let filters = "%7B%22label%22:%7B%22a%3Db%22:true%7D%2C%22status%22:%7B%22exited%22:true%7D%7D";
    assert_eq!(
        engine.calls(),
        [format!("GET /containers/json?all=true&filters={filters}")]
    );
}

#[test]
fn every_command_machine_not_running_exits_3_with_the_next_step() {
    let nothing = Home::new();
    let stopped = Home::new();
    let _engine = Engine::start(&stopped, Script::stopped());
    for arguments in [
        &["ps"][..],
        &["stop", "web", "db"],
        &["stop", "--all"],
        &["kill", "web"],
        &["rm", "-f", "web"],
        &["logs", "web"],
        &["stats"],
        &["stats", "web"],
        &["inspect", "web"],
        &["images"],
        &["pull", "alpine"],
        &["events"],
    ] {
        let ran = nothing.run(arguments);
        assert_eq!((ran.code, ran.stdout.as_str()), (3, ""), "{arguments:?}");
        assert!(ran.stderr.starts_with("error: "), "{arguments:?}: {}", ran.stderr);
        assert!(
            ran.stderr.contains("the machine is not running\n"),
            "{arguments:?}: {}",
            ran.stderr
        );
        assert!(
            ran.stderr
                .contains("hint: start the machine with `pinnace start`\n"),
            "{}",
            ran.stderr
        );
        let ran = stopped.run(arguments);
        assert_eq!((ran.code, ran.stdout.as_str()), (3, ""), "{arguments:?}");
        assert!(
            ran.stderr.contains("the machine is stopped"),
            "{arguments:?}: {}",
            ran.stderr
        );
        assert_eq!(
            ran.stderr.matches("error: ").count(),
            1,
            "{arguments:?}: {}",
            ran.stderr
        );
        assert_eq!(
            ran.stderr.matches("hint: ").count(),
            1,
            "{arguments:?}: {}",
            ran.stderr
        );
    }
}

/// An engine in which `web` stops by itself, `sleepy` has to be killed, and `old` does not run.
fn stopping() -> Script {
    Script::new()
        .json("POST /containers/web/wait", &json!({"StatusCode": 0}))
        .status("POST /containers/web/stop", 204)
        .json("POST /containers/sleepy/wait", &json!({"StatusCode": 137}))
        .status("POST /containers/sleepy/stop", 204)
        .json("POST /containers/old/wait", &json!({"StatusCode": 137}))
        .status("POST /containers/old/stop", 304)
}

#[test]
fn stop_containers_says_which_were_killed_and_which_are_unknown() {
    let home = Home::new();
    let engine = Engine::start(&home, stopping());
    let ran = home.run(&["stop", "web", "no\x1b[2Jpe", "sleepy", "old", "web", "-t", "5"]);
    assert_eq!(ran.code, 1);
    let mut stopped: Vec<&str> = ran.stdout.lines().collect();
    stopped.sort_unstable();
    assert_eq!(stopped, ["old", "sleepy", "web"]);
    assert!(
        ran.stderr
            .contains("error: failed to stop no^[[2Jpe: No such container"),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("sleepy: killed after "), "{}", ran.stderr);
    assert_eq!(ran.stderr.matches("killed after").count(), 1, "{}", ran.stderr);
    let stops = engine
        .calls()
        .iter()
        .filter(|call| call.contains("/stop?t=5"))
        .count();
    assert_eq!(stops, 3);
}

#[test]
fn stop_containers_json_is_the_outcome_of_each() {
    let home = Home::new();
    let _engine = Engine::start(&home, stopping());
    let ran = home.run(&["stop", "nope", "sleepy", "--format", "json"]);
    assert_eq!(ran.code, 1);
    let mut outcomes: Vec<Value> = serde_json::from_str(&ran.stdout).unwrap();
    outcomes.sort_by_key(|outcome| outcome["container"].to_string());
    assert_eq!(
        outcomes,
        [
            json!({"container": "nope", "error": "failed to stop nope: No such container: nope"}),
            json!({"container": "sleepy", "killed": true, "error": null}),
        ]
    );
}

#[test]
fn stop_all_stops_what_runs() {
    let home = Home::new();
    let script = stopping().json("GET /containers/json", &listed());
    let engine = Engine::start(&home, script);
    let ran = home.run(&["stop", "--all"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(ran.stdout.lines().count(), 2);
    assert!(engine.calls().contains(&"POST /containers/web/stop".to_owned()));
    let home = Home::new();
    let _engine = Engine::start(&home, Script::new().json("GET /containers/json", &json!([])));
    let ran = home.run(&["stop", "--all"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, "no container is running\n"));
}

#[test]
fn stop_connection_lost_is_a_failure() {
    let home = Home::new();
    let script = stopping().stream("POST /containers/web/stop", 200, &[b"x"], End::Broken);
    let _engine = Engine::start(&home, script);
    let ran = home.run(&["stop", "web"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""));
    assert!(
        ran.stderr
            .contains("error: failed to stop web: failed to talk to the engine"),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("hint: "), "{}", ran.stderr);
}

#[test]
fn kill_passes_the_signal_on() {
    let home = Home::new();
    let script = Script::new().status("POST /containers/web/kill", 204).error(
        "POST /containers/old/kill",
        409,
        "container old is not running",
    );
    let engine = Engine::start(&home, script);
    let ran = home.run(&["kill", "web"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "web\n"));
    let ran = home.run(&["kill", "-s", "HUP", "web"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "web\n"));
    let ran = home.run(&["kill", "old"]);
    assert_eq!(
        (ran.code, ran.stderr.as_str()),
        (1, "error: failed to kill old: container old is not running\n")
    );
    assert_eq!(
        engine.calls()[..2],
        [
            "POST /containers/web/kill?signal=KILL",
            "POST /containers/web/kill?signal=HUP"
        ]
    );
}

#[test]
fn rm_running_container_says_how() {
    let home = Home::new();
    let script = Script::new()
        .error(
            "DELETE /containers/web",
            409,
            "cannot remove container: it is running",
        )
        .json(
            "GET /containers/web/json",
            &json!({"Id": id("a1"), "State": {"Running": true}}),
        )
        .error("DELETE /containers/going", 409, "removal is already in progress")
        .json(
            "GET /containers/going/json",
            &json!({"Id": id("b2"), "State": {"Running": false}}),
        )
        .status("DELETE /containers/old", 204);
    let engine = Engine::start(&home, script);
    let ran = home.run(&["rm", "web"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""));
    assert!(
        ran.stderr
            .starts_with("error: failed to remove web: it runs; stop it first, or use --force\nhint: "),
        "{}",
        ran.stderr
    );
    let ran = home.run(&["rm", "going"]);
    assert_eq!(
        (ran.code, ran.stderr.as_str()),
        (
            1,
            "error: failed to remove going: removal is already in progress\n"
        )
    );
    let ran = home.run(&["rm", "-fv", "old"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "old\n"));
    assert_eq!(
        engine.calls().last().map(String::as_str),
        Some("DELETE /containers/old?force=true&v=true")
    );
}

#[test]
fn rm_unknown_container_fails_unless_forced() {
    let home = Home::new();
    let _engine = Engine::start(&home, Script::new());
    assert_eq!(home.run(&["rm", "nope"]).code, 1);
    let ran = home.run(&["rm", "-f", "nope"]);
    assert_eq!(
        (ran.code, ran.stdout.as_str(), ran.stderr.as_str()),
        (0, "", "nope: there is no such container\n")
    );
}

#[test]
fn engine_answer_that_is_none_is_a_failure_with_a_hint() {
    let home = Home::new();
    let script = Script::new()
        .stream("GET /containers/json", 200, &[b"[{\"Id\": 5}]"], End::Whole)
        .stream("GET /images/json", 500, &[b"<html>\x1b[2J</html>"], End::Whole);
    let _engine = Engine::start(&home, script);
    let ran = home.run(&["ps"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""));
    assert!(
        ran.stderr.contains("failed to understand the engine's answer"),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("hint: "), "{}", ran.stderr);
    let ran = home.run(&["images"]);
    assert_eq!(
        (ran.code, ran.stderr.as_str()),
        (1, "error: <html>^[[2J</html>\n")
    );
}
