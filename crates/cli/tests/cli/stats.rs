//! `pinnace stats`.

use serde_json::{Value, json};

use crate::{
    engine::{End, Engine, Script},
    home::Home,
};

fn counted() -> Value {
    json!({
        "cpu_stats": {"cpu_usage": {"total_usage": 300}, "system_cpu_usage": 2000, "online_cpus": 2},
        "precpu_stats": {"cpu_usage": {"total_usage": 100}, "system_cpu_usage": 1000, "online_cpus": 2},
        "memory_stats": {"usage": 3_145_728, "limit": 1_073_741_824, "stats": {"inactive_file": 1_048_576}},
        "networks": {"eth0": {"rx_bytes": 1536, "tx_bytes": 0}},
        "blkio_stats": {"io_service_bytes_recursive": null},
        "pids_stats": {"current": 4}
    })
}

fn script() -> Script {
    let listed = json!([
        {"Id": "a1".repeat(32), "Names": ["/web"]},
        {"Id": "b2".repeat(32), "Names": ["/gone"]},
        {"Id": "c3".repeat(32), "Names": ["/ev\x1b[2Jil"]}
    ]);
    let stats = |id: &str| format!("GET /containers/{}/stats", id.repeat(32));
    Script::new()
        .json("GET /containers/json", &listed)
        .json(&stats("a1"), &counted())
        .json(&stats("c3"), &json!({}))
}

#[test]
fn stats_without_terminal_is_one_table() {
    let home = Home::new();
    let engine = Engine::start(&home, script());
    let ran = home.run(&["stats"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    insta::assert_snapshot!(ran.stdout);
    assert!(
        engine
            .calls()
            .iter()
            .any(|call| call.ends_with("/stats?stream=false"))
    );
}

#[test]
fn stats_json_has_numbers() {
    let home = Home::new();
    let script = script().json(
        "GET /containers/web/json",
        &json!({"Id": "a1".repeat(32), "Name": "/web"}),
    );
    let _engine = Engine::start(&home, script);
    let ran = home.run(&["stats", "web", "--format", "json"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    insta::assert_snapshot!(ran.stdout);
}

#[test]
fn stats_unknown_or_broken_container_is_an_error() {
    let home = Home::new();
    let broken = format!("GET /containers/{}/stats", "a1".repeat(32));
    let script = script()
        .json(
            "GET /containers/web/json",
            &json!({"Id": "a1".repeat(32), "Name": "/web"}),
        )
        .stream(&broken, 200, &[b"{\"cpu_"], End::Broken);
    let _engine = Engine::start(&home, script);
    let ran = home.run(&["stats", "nope"]);
    assert_eq!(
        (ran.code, ran.stderr.as_str()),
        (1, "error: No such container: nope\n")
    );
    let ran = home.run(&["stats", "web"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""));
    assert!(
        ran.stderr.contains("failed to talk to the engine"),
        "{}",
        ran.stderr
    );
}
