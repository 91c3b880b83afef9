//! `pinnace pull` with programs that keep credentials.

use std::{
    ffi::OsString,
    io::Write as _,
    process::{Command, Stdio},
};

use serde_json::json;

use crate::{
    engine::{End, Engine, Script},
    home::{Home, Ran, run},
};

/// Installs a program that keeps credentials, and has the configuration name it.
fn install(home: &Home, name: &str, script: &str) {
    let folder = home.path().join("bin");
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join(format!("docker-credential-{name}"));
    // Written by another process: a program that is open for writing, as in a child of a test beside this one, cannot
    // be run.
    let mut install = Command::new("install")
        .args(["-m", "755", "/dev/stdin"])
        .arg(path)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = install.stdin.take().unwrap();
    write!(stdin, "#!/bin/sh\n{script}").unwrap();
    drop(stdin);
    assert!(install.wait().unwrap().success());
    home.write("docker/config.json", &json!({ "credsStore": name }).to_string());
}

fn pull(home: &Home, image: &str) -> Ran {
    let mut path = OsString::from(home.path().join("bin"));
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap());
    run(home.command(&["pull", "-q", image]).env("PATH", path))
}

fn engine(home: &Home) -> Engine {
    let step = json!({"status": "x"}).to_string();
    let script = Script::new().stream("POST /images/create", 200, &[step.as_bytes()], End::Whole);
    Engine::start(home, script)
}

#[test]
fn pull_asks_the_credential_helper_for_the_registry() {
    let home = Home::new();
    let engine = engine(&home);
    let asked = home.path().join("asked");
    let script = format!(
        "echo \"$1 $(cat)\" >>{}\n{}",
        asked.display(),
        r#"echo '{"ServerURL": "x", "Username": "ann", "Secret": "pw"}'"#
    );
    install(&home, "keeps", &script);
    let ran = pull(&home, "r.example:5000/app");
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    assert_eq!(pull(&home, "alpine").code, 0);
    assert_eq!(
        std::fs::read_to_string(asked).unwrap(),
        "get r.example:5000\nget https://index.docker.io/v1/\n"
    );
    // {"username":"ann","password":"pw","serveraddress":"r.example:5000"}
    assert_eq!(
        engine.registry_auths()[0],
        "eyJ1c2VybmFtZSI6ImFubiIsInBhc3N3b3JkIjoicHciLCJzZXJ2ZXJhZGRyZXNzIjoici5leGFtcGxlOjUwMDAifQ=="
    );
}

#[test]
fn pull_token_of_a_credential_helper_is_no_password() {
    let home = Home::new();
    let engine = engine(&home);
    install(&home, "keeps", r#"echo '{"Username": "<token>", "Secret": "t"}'"#);
    assert_eq!(pull(&home, "r.example/app").code, 0);
    // {"serveraddress":"r.example","identitytoken":"t"}
    assert_eq!(
        engine.registry_auths(),
        ["eyJzZXJ2ZXJhZGRyZXNzIjoici5leGFtcGxlIiwiaWRlbnRpdHl0b2tlbiI6InQifQ=="]
    );
}

#[test]
fn pull_credential_helper_without_an_answer_is_named_and_the_pull_goes_on() {
    let check = |script: &str, said: &str| {
        let home = Home::new();
        let engine = engine(&home);
        install(&home, "fails", script);
        let ran = pull(&home, "r.example/app");
        assert_eq!((ran.code, ran.stdout.as_str()), (0, "r.example/app:latest\n"));
        assert!(ran.stderr.contains(said), "{}", ran.stderr);
        assert!(!ran.stderr.contains("hunter2"), "{}", ran.stderr);
        assert!(engine.registry_auths().is_empty());
        ran.stderr
    };
    let said = check("echo 'credentials not found in native keychain'; exit 1", "");
    assert_eq!(said, "");
    check(
        "echo 'the keychain is \x1b[2Jlocked'; exit 1",
        "pulling without credentials for r.example: docker-credential-fails failed: the keychain is ^[[2Jlocked",
    );
    check("exit 1", "docker-credential-fails failed without a word");
    check(
        "echo '{\"Secret\": \"hunter2\"}'; exit 1",
        "docker-credential-fails failed\n",
    );
    check(
        "echo '{\"Secret\": \"hunter2'",
        "an answer that is not as docker wants it",
    );
    check(
        "echo '{\"Secret\": [\"hunter2\"]}'",
        "an answer that is not as docker wants it",
    );
    check("echo", "an answer that is not as docker wants it");
    check("head -c 100000 /dev/zero", "docker-credential-fails");
    check("kill -9 $$", "docker-credential-fails failed without a word");
}
