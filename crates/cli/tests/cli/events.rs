//! `pinnace events`.

use serde_json::{Value, json};

use crate::{
    engine::{End, Engine, Script},
    home::Home,
};

fn script(end: End) -> Script {
    let events = [
        json!({
            "Type": "container", "Action": "die", "scope": "local", "time": 1_795_492_800,
            "timeNano": 1_795_492_800_500_000_000_i64,
            "Actor": {"ID": "a1".repeat(32), "Attributes": {"name": "web", "exitCode": "137", "l": "\u{1b}[2J\u{9b}"}}
        }),
        json!({"Type": "image", "Action": "pull", "time": 1_795_492_801, "Actor": {"ID": format!("sha256:{}", "c3".repeat(32))}}),
    ];
    let text: String = events.iter().map(|event| format!("{event}\n")).collect();
    // Cut inside of an object.
    let (one, two) = text.split_at(40);
    Script::new().stream("GET /events", 200, &[one.as_bytes(), two.as_bytes()], end)
}

#[test]
fn events_are_a_line_each() {
    let home = Home::new();
    let engine = Engine::start(&home, script(End::Whole));
    let ran = home.run(&["events", "--since", "1", "--until", "2", "-f", "type=container"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    assert_eq!(
        ran.stdout,
        "2026-11-24 04:00:00 container die web (exitCode=137, l=^[[2J\\u{9b})\n2026-11-24 04:00:01 image pull c3c3c3c3c3c3\n"
    );
    assert_eq!(
        engine.calls(),
        ["GET /events?since=1&until=2&filters=%7B%22type%22:%7B%22container%22:true%7D%7D"]
    );
    let ran = home.run(&["events", "--until", "2", "--format", "json"]);
    let lines: Vec<Value> = ran
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines[0]["Actor"]["Attributes"]["l"], "\u{1b}[2J\u{9b}");
    assert_eq!(lines.len(), 2);
    assert!(!ran.stdout.contains(['\u{1b}', '\u{9b}']));
}

#[test]
fn events_stream_that_ends_by_itself_is_an_error() {
    for end in [End::Whole, End::Broken] {
        let home = Home::new();
        let _engine = Engine::start(&home, script(end));
        let ran = home.run(&["events"]);
        assert_eq!((ran.code, ran.stdout.lines().count()), (1, 2), "{end:?}");
        assert!(ran.stderr.starts_with("error: "), "{}", ran.stderr);
        assert!(ran.stderr.contains("hint: "), "{}", ran.stderr);
    }
    let ran = Home::new().run(&["events", "--since", "soon"]);
    assert_eq!(ran.code, 2);
}
