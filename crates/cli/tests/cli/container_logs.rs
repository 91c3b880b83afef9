//! `pinnace logs CONTAINER`.

use std::process::Stdio;

use serde_json::json;

use crate::{
    engine::{End, Engine, Script, frame},
    home::Home,
};

fn container(tty: bool) -> serde_json::Value {
    json!({"Id": "a1", "Name": "/web", "Config": {"Tty": tty}, "State": {"Running": true}})
}

fn script(tty: bool, pieces: &[&[u8]], end: End) -> Script {
    Script::new()
        .json("GET /containers/web/json", &container(tty))
        .stream("GET /containers/web/logs", 200, pieces, end)
}

#[test]
fn logs_of_a_container_keep_its_outputs_apart() {
    let home = Home::new();
    let bytes = [frame(1, "out\x1b[31m\n"), frame(2, "err\n"), frame(1, "more")].concat();
    // Cut inside of a head and inside of a payload.
    let pieces = [&bytes[..3], &bytes[3..11], &bytes[11..]];
    let engine = Engine::start(&home, script(false, &pieces, End::Whole));
    let ran = home.run(&["logs", "web"]);
    assert_eq!(
        (ran.code, ran.stdout.as_str(), ran.stderr.as_str()),
        (0, "out\x1b[31m\nmore", "err\n")
    );
    assert_eq!(
        engine.calls()[1],
        "GET /containers/web/logs?stdout=1&stderr=1&follow=false&timestamps=false&tail=all"
    );
}

#[test]
fn logs_of_a_container_pass_the_choice_on() {
    let home = Home::new();
    let engine = Engine::start(&home, script(true, &[b"raw \xff"], End::Whole));
    let ran = home
        .command(&[
            "logs",
            "--container",
            "web",
            "-n",
            "5",
            "-f",
            "-t",
            "--since",
            "1700000000",
            "--until",
            "2026-11-24T04:00:00Z",
        ])
        .output()
        .unwrap();
    assert_eq!((ran.status.code(), &ran.stdout[..]), (Some(0), &b"raw \xff"[..]));
    assert_eq!(
        engine.calls()[1],
        "GET /containers/web/logs?stdout=1&stderr=1&follow=true&timestamps=true&tail=5&since=1700000000&until=1795492800.000000000"
    );
}

#[test]
fn logs_stream_that_breaks_off_is_an_error() {
    let check = |pieces: &[&[u8]], end, message: &str| {
        let home = Home::new();
        let _engine = Engine::start(&home, script(false, pieces, end));
        let ran = home.run(&["logs", "-f", "web"]);
        assert_eq!((ran.code, ran.stdout.as_str()), (1, "one\n"), "{}", ran.stderr);
        assert!(ran.stderr.contains(message), "{}", ran.stderr);
    };
    let one = frame(1, "one\n");
    check(
        &[&one],
        End::Broken,
        "error: failed to talk to the engine about GET /containers/web/logs",
    );
    check(
        &[&one, &[1, 0, 0]],
        End::Whole,
        "error: failed to read the log: it broke off",
    );
    check(
        &[&one, &[9, 0, 0, 0, 0, 0, 0, 1]],
        End::Whole,
        "error: failed to read the log: the engine's stream has a frame of kind 9",
    );
    let words = frame(3, "cannot read\x1b[2J the file\n");
    check(
        &[&one, &words],
        End::Whole,
        "error: failed to read the log: cannot read^[[2J the file\n",
    );
}

#[test]
fn logs_unknown_container_names_it() {
    let home = Home::new();
    let _engine = Engine::start(&home, Script::new());
    let ran = home.run(&["logs", "nope"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""));
    assert!(
        ran.stderr.starts_with("error: No such container: nope\nhint: "),
        "{}",
        ran.stderr
    );
}

#[test]
fn logs_closed_stdout_ends_well() {
    let home = Home::new();
    let long = frame(1, &"x".repeat(60_000));
    let pieces: Vec<&[u8]> = (0..100).map(|_| long.as_slice()).collect();
    let _engine = Engine::start(&home, script(false, &pieces, End::Open));
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_pinnace"))
        .args(["logs", "-f", "web"])
        .env("PINNACE_HOME", home.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn logs_of_ours_refuse_what_is_for_containers() {
    let home = Home::new();
    for arguments in [
        &["logs", "--since", "10m"][..],
        &["logs", "engine", "--until", "10m"],
        &["logs", "kernel", "-t"],
    ] {
        let ran = home.run(arguments);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{arguments:?}");
        assert!(ran.stderr.contains("--container"), "{}", ran.stderr);
    }
}
