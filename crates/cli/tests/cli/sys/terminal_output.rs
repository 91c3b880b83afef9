//! What the engine says, on a terminal.

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use super::terminal::Terminal;
use crate::{
    engine::{End, Engine, Script, frame},
    home::Home,
};

#[test]
fn logs_on_a_terminal_are_harmless() {
    let home = Home::new();
    let bytes = [
        frame(1, "red \x1b[31m\u{202e}\n"),
        frame(2, "title \x1b]0;x\x07\n"),
    ]
    .concat();
    let script = Script::new()
        .json("GET /containers/web/json", &json!({"Config": {"Tty": false}}))
        .stream("GET /containers/web/logs", 200, &[&bytes], End::Open);
    let _engine = Engine::start(&home, script);
    let mut terminal = Terminal::run(&home, &["logs", "-f", "web"]);
    terminal.wait_for("title ^[]0;x^G");
    terminal.wait_for("red ^[[31m\\u{202e}");
    assert!(!terminal.seen.contains('\x1b'), "{:?}", terminal.seen);
    kill_process(Pid::from_child(&terminal.child), Signal::INT).unwrap();
    assert_eq!(terminal.child.wait().unwrap().code(), Some(130));
}

#[test]
fn stats_on_a_terminal_renew_until_interrupted() {
    let home = Home::new();
    let counted = |pids: u32| {
        let stats = json!({"pids_stats": {"current": pids}, "memory_stats": {"usage": 2048, "limit": 4096}});
        format!("{stats}\n").into_bytes()
    };
    let script = Script::new()
        .json(
            "GET /containers/json",
            &json!([{"Id": "a1", "Names": ["/w\x1b[2Jeb"]}]),
        )
        .stream(
            "GET /containers/a1/stats",
            200,
            &[&counted(7), &counted(4_242)],
            End::Open,
        );
    let engine = Engine::start(&home, script);
    let mut terminal = Terminal::run(&home, &["stats"]);
    terminal.wait_for("w^[[2Jeb");
    terminal.wait_for("4242");
    // Looks again who runs.
    while engine
        .calls()
        .iter()
        .filter(|call| call.starts_with("GET /containers/json"))
        .count()
        < 3
    {
        std::thread::yield_now();
    }
    let followed = engine
        .calls()
        .iter()
        .filter(|call| call.ends_with("/stats?stream=true"))
        .count();
    assert_eq!(followed, 1);
    kill_process(Pid::from_child(&terminal.child), Signal::INT).unwrap();
    assert_eq!(terminal.child.wait().unwrap().code(), Some(130));
}

#[test]
fn stats_on_a_terminal_of_a_machine_that_stops_is_an_error() {
    let home = Home::new();
    let script = Script::new()
        .json("GET /containers/json", &json!([{"Id": "a1", "Names": ["/web"]}]))
        .stream("GET /containers/a1/stats", 200, &[b"{}\n"], End::Broken);
    let _engine = Engine::start(&home, script);
    let mut terminal = Terminal::run(&home, &["stats"]);
    terminal.wait_for("error: failed to talk to the engine about GET /containers/a1/stats");
    assert_eq!(terminal.child.wait().unwrap().code(), Some(1));
}

#[test]
fn pull_on_a_terminal_has_a_bar_per_layer() {
    let home = Home::new();
    let steps = [
        json!({"status": "Pulling from library/alpine", "id": "latest"}),
        json!({"status": "Downloading", "id": "a1", "progressDetail": {"current": 1_048_576, "total": 4_194_304}}),
        json!({"status": "Down\x1b[2J", "id": "b2", "progressDetail": {"current": 9, "total": 4}}),
    ];
    let text: String = steps.iter().map(|step| format!("{step}\n")).collect();
    let script = Script::new().stream("POST /images/create", 200, &[text.as_bytes()], End::Open);
    let _engine = Engine::start(&home, script);
    let mut terminal = Terminal::run(&home, &["pull", "alpine"]);
    terminal.wait_for("latest: Pulling from library/alpine");
    terminal.wait_for("1.00 MiB/4.00 MiB");
    terminal.wait_for("Down^[[2J");
    kill_process(Pid::from_child(&terminal.child), Signal::INT).unwrap();
    assert_eq!(terminal.child.wait().unwrap().code(), Some(130));
}

#[test]
fn stop_containers_interrupted_says_that_they_go_on_stopping() {
    let home = Home::new();
    let script = Script::new()
        .stream("POST /containers/web/wait", 200, &[b" "], End::Open)
        .stream("POST /containers/web/stop", 200, &[b" "], End::Open);
    let _engine = Engine::start(&home, script);
    let mut terminal = Terminal::run(&home, &["stop", "web"]);
    terminal.wait_for("stopping 1 container");
    kill_process(Pid::from_child(&terminal.child), Signal::INT).unwrap();
    terminal.wait_for("no longer waiting; the engine goes on stopping what it was asked to");
    terminal.wait_for("hint: `pinnace kill`");
    assert_eq!(terminal.child.wait().unwrap().code(), Some(130));
}
