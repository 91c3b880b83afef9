//! Everything that works with nothing running, and homes that cannot work.

use crate::home::{Home, run};

#[test]
fn help_is_complete() {
    let ran = Home::new().run(&["--help"]);
    assert_eq!(ran.code, 0);
    insta::assert_snapshot!(ran.stdout);
}

#[test]
fn no_command_is_a_usage_error() {
    let ran = Home::new().run(&[]);
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""));
}

#[test]
fn paths_all_lie_in_the_home() {
    let home = Home::new();
    let ran = home.run(&["paths", "--format", "json"]);
    assert_eq!(ran.code, 0);
    let paths: std::collections::BTreeMap<String, String> = serde_json::from_str(&ran.stdout).unwrap();
    let names: Vec<&str> = paths.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "api_socket",
            "cache",
            "config",
            "data",
            "engine_socket",
            "logs",
            "run",
            "state"
        ]
    );
    assert_eq!(home.run(&["paths", "data"]).stdout.trim_end(), paths["data"]);
    assert!(home.run(&["paths"]).stdout.contains(&paths["engine_socket"]));
}

#[test]
fn status_nothing_running_prints_stopped_and_exits_3() {
    let home = Home::new();
    let ran = home.run(&["status"]);
    assert_eq!(ran.code, 3);
    assert!(ran.stdout.starts_with("machine   stopped\n"), "{}", ran.stdout);
    let ran = home.run(&["status", "--format", "json"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (3, ""));
    let status: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(status["machine"]["state"], "stopped");
    assert_eq!(status["engine"]["state"], "stopped");
}

#[test]
fn stop_nothing_running_succeeds() {
    let ran = Home::new().run(&["stop"]);
    assert_eq!(
        (ran.code, ran.stderr.as_str()),
        (0, "the machine is already stopped\n")
    );
    assert_eq!(Home::new().run(&["daemon", "--stop"]).code, 0);
}

#[test]
fn version_nothing_running_names_the_client() {
    let ran = Home::new().run(&["version", "--format", "json"]);
    assert_eq!(ran.code, 0);
    let versions: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(versions["client"], env!("CARGO_PKG_VERSION"));
    assert_eq!(versions["engine"], serde_json::Value::Null);
}

#[test]
fn completion_each_shell_has_a_script() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let ran = Home::new().run(&["completion", shell]);
        assert_eq!(ran.code, 0);
        assert!(ran.stdout.contains("docker-host"), "{shell}");
    }
}

#[test]
fn docker_host_is_the_engine_socket() {
    let home = Home::new();
    let socket = home.run(&["paths", "engine_socket"]).stdout;
    assert_eq!(home.run(&["docker-host"]).stdout, socket);
    let export = home.run(&["docker-host", "--shell=sh"]).stdout;
    assert_eq!(export, format!("export DOCKER_HOST='{}'\n", socket.trim_end()));
    assert_eq!(home.run(&["docker-host", "--shell"]).code, 0);
}

#[test]
fn context_use_without_our_context_changes_nothing() {
    let home = Home::new();
    let ran = home.run(&["context", "use"]);
    assert_eq!(ran.code, 1);
    assert!(!home.path().join("docker/config.json").exists());
    assert_eq!(home.run(&["context", "show"]).code, 0);
}

#[test]
fn doctor_json_has_every_check() {
    let home = Home::new();
    home.write("docker/config.json", "{}");
    let ran = home.run(&["doctor", "--format", "json"]);
    let mut checks: Vec<serde_json::Value> = serde_json::from_str(&ran.stdout).unwrap();
    let failed = checks.iter().any(|check| check["verdict"] == "fail");
    assert_eq!(ran.code, i32::from(failed));
    for check in &mut checks {
        // What this host is like is not ours to say.
        let of_host = [
            "free disk space",
            "memory",
            "cpus",
            "qemu",
            "vm image",
            "docker cli",
            "socket paths",
        ];
        if of_host.iter().any(|name| check["name"] == *name) {
            *check = serde_json::json!({ "name": check["name"], "verdict": "[host]" });
        }
    }
    insta::assert_snapshot!(home.redacted(&serde_json::to_string_pretty(&checks).unwrap()));
}

#[test]
fn doctor_each_bad_settings_file_is_found() {
    let check = |text: &str, verdict: &str, detail: &str| {
        let home = Home::new();
        home.write("config/config.toml", text);
        let ran = home.run(&["doctor", "--format", "json"]);
        let checks: Vec<serde_json::Value> = serde_json::from_str(&ran.stdout).unwrap();
        let settings = checks.iter().find(|check| check["name"] == "settings").unwrap();
        assert_eq!(settings["verdict"], verdict, "{settings}");
        assert!(
            settings["detail"].as_str().unwrap().contains(detail),
            "{settings}"
        );
    };
    check("\u{feff}", "ok", "config.toml");
    check("[machine]\ncpus = ", "fail", "config.toml:2:");
    check(
        "[machine]\ncpus = \"two\"",
        "fail",
        "config.toml:2: machine.cpus must be a whole number",
    );
    check(
        "[machine]\nspeed = 9",
        "warn",
        "line 2: unknown key machine.speed",
    );
}

#[test]
fn home_relative_is_refused_with_the_reason() {
    for arguments in [&["status"][..], &["paths"], &["start"], &["stop"]] {
        let ran = run(Home::new().command(arguments).env("PINNACE_HOME", "some/where"));
        assert_eq!(ran.code, 1, "{arguments:?}");
        assert!(ran.stderr.contains("absolute"), "{}", ran.stderr);
    }
    assert_eq!(
        run(Home::new()
            .command(&["version"])
            .env("PINNACE_HOME", "some/where"))
        .code,
        0
    );
}

#[test]
fn home_overlong_is_refused_with_the_reason() {
    let long = std::env::temp_dir().join("x".repeat(120));
    let ran = run(Home::new().command(&["start"]).env("PINNACE_HOME", &long));
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("too long"), "{}", ran.stderr);
    let ran = run(Home::new().command(&["doctor"]).env("PINNACE_HOME", &long));
    assert_eq!(ran.code, 1);
    assert!(ran.stdout.contains("FAIL  folders"), "{}", ran.stdout);
}

#[test]
fn home_below_a_file_is_refused_with_the_reason() {
    let home = Home::new();
    home.write("file", "");
    let below = home.path().join("file/home");
    assert_eq!(run(home.command(&["status"]).env("PINNACE_HOME", &below)).code, 3);
    let ran = run(home.command(&["doctor"]).env("PINNACE_HOME", &below));
    assert_eq!(ran.code, 1);
    assert!(ran.stdout.contains("FAIL  folders"), "{}", ran.stdout);
}
