//! `pinnace inspect`.

use api::{Route, SignalReport, StopVerdict};
use serde_json::{Value, json};

use crate::{
    engine::{Engine, Script},
    home::Home,
    host_agent::{self, HostAgent, running},
};

fn container() -> Value {
    json!({
        "Id": "a1".repeat(32), "Name": "/web", "Created": "2026-11-24T04:00:00Z", "Path": "sleep", "Args": ["1000"],
        "Unheard": {"of": [1, 2.5]},
        "State": {
            "Status": "running", "Running": true, "Pid": 4242, "ExitCode": 0, "Error": "",
            "StartedAt": "2026-11-24T04:00:12Z", "FinishedAt": "0001-01-01T00:00:00Z"
        },
        "Config": {"Image": "alpine\x1b[2J\u{9b}x", "StopSignal": "SIGQUIT", "StopTimeout": 30},
        "HostConfig": {"RestartPolicy": {"Name": "always"}, "Memory": 67_108_864},
        "NetworkSettings": {
            "Networks": {"bridge": {"IPAddress": "172.17.0.2"}},
            "Ports": {"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}], "90/tcp": null}
        },
        "Mounts": [{"Name": "data", "Source": "/x", "Destination": "/data", "RW": false}]
    })
}

fn image() -> Value {
    json!({
        "Id": format!("sha256:{}", "c3".repeat(32)), "RepoTags": ["alpine:3.22", "alpine:latest"], "Os": "linux",
        "Architecture": "amd64", "Size": 8_388_608, "Created": "2026-11-01T00:00:00Z",
        "Config": {"Entrypoint": null, "Cmd": ["/bin/sh"], "ExposedPorts": {"80/tcp": {}}}
    })
}

fn script() -> Script {
    Script::new()
        .json("GET /containers/web/json", &container())
        .json("GET /images/alpine/json", &image())
}

#[test]
fn inspect_json_is_the_engines_answer() {
    let home = Home::new();
    let _engine = Engine::start(&home, script());
    let ran = home.run(&["inspect", "web", "alpine"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    let found: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(found, json!([container(), image()]));
    // JSON itself would let the second of both pass.
    assert!(!ran.stdout.contains(['\u{1b}', '\u{9b}']), "{}", ran.stdout);
}

#[test]
fn inspect_table_has_the_verdict() {
    let home = Home::new();
    let _engine = Engine::start(&home, script());
    let report = SignalReport {
        container: "a1".repeat(32),
        name: "web".to_owned(),
        verdict: StopVerdict::IgnoresBoth,
        program: "sleep".to_owned(),
        advice: Some("ignores SIGINT and SIGTERM; add --init".to_owned()),
    };
    let script = host_agent::Script::new(running()).answer(Route::Signals, &[report]);
    let agent = HostAgent::start(&home.api_address(), script);
    let ran = home.run(&["inspect", "web", "alpine", "--format", "table"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    insta::assert_snapshot!(ran.stdout);
    assert_eq!(
        agent.bodies(Route::Signals),
        [format!("container={}", "a1".repeat(32))]
    );
}

#[test]
fn inspect_unknown_name_does_not_keep_the_others() {
    let home = Home::new();
    let engine = Engine::start(&home, script());
    let ran = home.run(&["inspect", "no\x1b[2Jpe", "web"]);
    assert_eq!(ran.code, 1);
    assert_eq!(ran.stderr, "error: there is no container or image no^[[2Jpe\n");
    let found: Vec<Value> = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(found.len(), 1);
    let asked = engine.calls().len();
    let ran = home.run(&["inspect", "--type", "image", "web"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (1, "[]\n"));
    assert_eq!(engine.calls()[asked..], ["GET /images/web/json"]);
}
