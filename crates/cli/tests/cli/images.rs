//! `pinnace images` and `pull`.

use serde_json::json;

use crate::{
    engine::{End, Engine, Script},
    home::Home,
};

#[test]
fn images_have_a_line_per_name() {
    let home = Home::new();
    let long_ago = jiff::Timestamp::now().as_second() - 3 * 86_400 - 60;
    let script = Script::new().json(
        "GET /images/json",
        &json!([
            {"Id": format!("sha256:{}", "a1".repeat(32)), "RepoTags": ["alpine:3.22", "r:5000/ev\x1b[2Jil:1"],
             "RepoDigests": [], "Created": long_ago, "Size": 8_388_608},
            {"Id": format!("sha256:{}", "b2".repeat(32)), "RepoTags": null, "RepoDigests": null, "Created": long_ago, "Size": -1}
        ]),
    );
    let engine = Engine::start(&home, script);
    let ran = home.run(&["images"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    insta::assert_snapshot!(ran.stdout);
    let ran = home.run(&["images", "-aq"]);
    assert_eq!(
        (ran.code, ran.stdout.as_str()),
        (0, "a1a1a1a1a1a1\nb2b2b2b2b2b2\n")
    );
    assert_eq!(engine.calls()[1], "GET /images/json?all=true");
    let ran = home.run(&["images", "--format", "json"]);
    let rows: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(rows[0]["tags"][0], "alpine:3.22");
    assert_eq!(rows[1]["tags"], json!([]));
}

fn steps(steps: &[serde_json::Value]) -> Vec<u8> {
    let lines: String = steps.iter().map(|step| format!("{step}\r\n")).collect();
    lines.into_bytes()
}

#[test]
fn pull_without_terminal_prints_a_line_per_change() {
    let home = Home::new();
    let answer = steps(&[
        json!({"status": "Pulling from library/alpine", "id": "3.22"}),
        json!({"status": "Downloading", "id": "a1\x1b[2J", "progressDetail": {"current": 1, "total": 2}}),
        json!({"status": "Downloading", "id": "a1\x1b[2J", "progressDetail": {"current": 2, "total": 2}}),
        json!({"status": "Pull complete", "id": "a1\x1b[2J", "progressDetail": {}}),
        json!({"status": "Status: Downloaded newer image"}),
    ]);
    let script = Script::new()
        .stream("POST /images/create", 200, &[&answer], End::Whole)
        .json("GET /images/alpine:3.22/json", &json!({"Id": "sha256:c3"}));
    let engine = Engine::start(&home, script);
    let ran = home.run(&["pull", "alpine:3.22", "--platform", "linux/arm64"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "alpine:3.22\n"));
    assert_eq!(
        ran.stderr,
        "3.22: Pulling from library/alpine\na1^[[2J: Downloading\na1^[[2J: Pull complete\nStatus: Downloaded newer image\n"
    );
    assert_eq!(
        engine.calls(),
        ["POST /images/create?fromImage=alpine&tag=3.22&platform=linux%2Farm64"]
    );
    let ran = home.run(&["pull", "-q", "alpine:3.22", "--format", "json"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    let answer: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(answer, json!({"image": "alpine:3.22", "id": "sha256:c3"}));
}

#[test]
fn pull_error_is_in_the_engines_words() {
    let check = |script: Script, message: &str| {
        let home = Home::new();
        let _engine = Engine::start(&home, script);
        let ran = home.run(&["pull", "-q", "alpine"]);
        assert_eq!((ran.code, ran.stdout.as_str()), (1, ""));
        assert!(ran.stderr.starts_with(message), "{}", ran.stderr);
        assert!(ran.stderr.contains("hint: "), "{}", ran.stderr);
    };
    check(
        Script::new().error("POST /images/create", 404, "pull access denied for alpine"),
        "error: pull access denied for alpine\n",
    );
    let failed = steps(&[json!({"status": "x"}), json!({"error": "toomany\x1b[2Jrequests"})]);
    check(
        Script::new().stream("POST /images/create", 200, &[&failed], End::Whole),
        "error: toomany^[[2Jrequests\n",
    );
    let begun = steps(&[json!({"status": "x"})]);
    check(
        Script::new().stream("POST /images/create", 200, &[&begun], End::Broken),
        "error: failed to talk to the engine about POST /images/create",
    );
    check(
        Script::new().stream("POST /images/create", 200, &[b"{\"stat"], End::Whole),
        "error: failed to understand the engine's answer to POST /images/create",
    );
}

#[test]
fn pull_shows_what_the_configuration_keeps_for_the_registry() {
    let home = Home::new();
    home.write(
        "docker/config.json",
        // ann:pw, and hub:pw
        r#"{"auths": {"r.example:5000": {"auth": "YW5uOnB3"}, "https://index.docker.io/v1/": {"auth": "aHViOnB3"}}}"#,
    );
    let answer = steps(&[json!({"status": "x"})]);
    let script = Script::new().stream("POST /images/create", 200, &[&answer], End::Whole);
    let engine = Engine::start(&home, script);
    for image in ["r.example:5000/app", "alpine", "other.example/app"] {
        assert_eq!(home.run(&["pull", "-q", image]).code, 0);
    }
    // {"username":"ann","password":"pw","serveraddress":"r.example:5000"}, and Docker Hub's.
    assert_eq!(
        engine.registry_auths(),
        [
            "eyJ1c2VybmFtZSI6ImFubiIsInBhc3N3b3JkIjoicHciLCJzZXJ2ZXJhZGRyZXNzIjoici5leGFtcGxlOjUwMDAifQ==",
            "eyJ1c2VybmFtZSI6Imh1YiIsInBhc3N3b3JkIjoicHciLCJzZXJ2ZXJhZGRyZXNzIjoiaHR0cHM6Ly9pbmRleC5kb2NrZXIuaW8vdjEvIn0=",
        ]
    );
}

#[test]
fn pull_refused_names_the_login() {
    let home = Home::new();
    let script = Script::new().error("POST /images/create", 404, "pull access denied");
    let _engine = Engine::start(&home, script);
    let ran = home.run(&["pull", "-q", "r.example/app"]);
    assert!(
        ran.stderr.contains("run `docker login r.example` first"),
        "{}",
        ran.stderr
    );
}

#[test]
fn pull_bad_name_is_a_usage_error() {
    let ran = Home::new().run(&["pull", "Alpine"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""));
    assert!(ran.stderr.contains("lower case"), "{}", ran.stderr);
}
