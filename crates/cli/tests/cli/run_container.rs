//! `pinnace run`, `exec` and `attach` through pipes. With signals and terminals: `sys/run_container.rs`.

use api::{ApiError, Code, InitChoice, PullPolicy, Route, SessionRequest};
use serde_json::json;

use crate::{
    engine::{Engine, Script as EngineScript},
    home::{Home, run},
    host_agent::{HostAgent, Script, running, stopped},
};

fn asked(agent: &HostAgent) -> SessionRequest {
    serde_json::from_str(&agent.bodies(Route::ContainerSession)[0]).unwrap()
}

#[test]
fn run_passes_input_output_and_the_exit_code() {
    let home = Home::new();
    let _agent = HostAgent::start(&home.api_address(), Script::new(running()));
    let ran = run(home.command(&["run", "-i", "echo"]).write_stdin("hello\n"));
    assert_eq!(
        (ran.code, ran.stdout.as_str(), ran.stderr.as_str()),
        (0, "up\nHELLO\n", "beside\n")
    );
    for code in [0, 3, 126, 255] {
        assert_eq!(home.run(&["run", "exit", &code.to_string()]).code, code);
    }
}

#[test]
fn run_attached_to_some_streams_prints_no_others() {
    let home = Home::new();
    let _agent = HostAgent::start(&home.api_address(), Script::new(running()));
    let check = |arguments: &[&str], stdout: &str, stderr: &str| {
        let ran = run(home
            .command(&[&["run"], arguments, &["echo"]].concat())
            .write_stdin("x\n"));
        assert_eq!(
            (ran.code, ran.stdout.as_str(), ran.stderr.as_str()),
            (0, stdout, stderr),
            "{arguments:?}"
        );
    };
    check(&["-i", "-a", "STDOUT"], "up\nX\n", "");
    check(&["-i", "-a", "stdin", "-a", "stderr"], "", "beside\n");
    check(&["-i", "-a", "stdout", "-a", "stderr"], "up\nX\n", "beside\n");
}

#[test]
fn run_long_input_is_passed_on_whole() {
    let home = Home::new();
    let _agent = HostAgent::start(&home.api_address(), Script::new(running()));
    let input = "x".repeat(3_000_000);
    let ran = run(home.command(&["run", "-i", "echo"]).write_stdin(input.clone()));
    assert_eq!(ran.stdout.len(), "up\n".len() + input.len());
}

#[test]
fn run_asks_for_what_the_flags_say() {
    let home = Home::new();
    let agent = HostAgent::start(&home.api_address(), Script::new(running()));
    let ran = run(home
        .command(&[
            "run",
            "-d",
            "--name",
            "web",
            "-e",
            "A",
            "-p",
            "8080:80",
            "--pull",
            "always",
            "--no-init",
            "nginx",
            "-g",
            "x",
        ])
        .env("A", "from here"));
    assert_eq!(
        (ran.code, ran.stdout.as_str(), ran.stderr.as_str()),
        (0, "c0ffee\n", "")
    );
    let SessionRequest::Run(request) = asked(&agent) else {
        panic!("another session");
    };
    assert_eq!(request.config["Cmd"], json!(["-g", "x"]));
    assert_eq!(request.config["Env"], json!(["A=from here"]));
    assert_eq!(
        request.config["HostConfig"]["PortBindings"],
        json!({"80/tcp": [{"HostIp": "", "HostPort": "8080"}]})
    );
    assert_eq!((request.name.as_deref(), request.detached), (Some("web"), true));
    assert_eq!(
        (request.pull, request.init),
        (PullPolicy::Always, InitChoice::Never)
    );
    assert!(!request.survives_client && !request.tty && !request.stdin);
}

#[test]
fn run_shows_the_registry_who_pulls_only_where_it_will_be_asked() {
    let home = Home::new();
    // ann:pw
    home.write(
        "docker/config.json",
        r#"{"auths": {"r.example": {"auth": "YW5uOnB3"}}}"#,
    );
    let script = EngineScript::new().json("GET /images/r.example%2Fhere/json", &json!({"Id": "sha256:1"}));
    let _engine = Engine::start(&home, script);
    let agent = HostAgent::start(&home.api_address(), Script::new(running()));
    let shown = |arguments: &[&str]| {
        let before = agent.bodies(Route::ContainerSession).len();
        let ran = home.run(&[&["run", "-d"], arguments].concat());
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{arguments:?}");
        let body = &agent.bodies(Route::ContainerSession)[before];
        let SessionRequest::Run(request) = serde_json::from_str(body).unwrap() else {
            panic!("another session");
        };
        request.registry_auth.is_some()
    };
    assert!(shown(&["r.example/absent"]));
    assert!(shown(&["--pull", "always", "r.example/here"]));
    assert!(shown(&["--platform", "linux/arm64", "r.example/here"]));
    assert!(!shown(&["r.example/here"]));
    assert!(!shown(&["--pull", "never", "r.example/absent"]));
    assert!(!shown(&["other.example/absent"]));
}

#[test]
fn run_failures_have_dockers_exit_codes() {
    let home = Home::new();
    let _agent = HostAgent::start(&home.api_address(), Script::new(running()));
    for code in ["125", "126", "127"] {
        let ran = home.run(&["run", "fail", code]);
        assert_eq!(ran.code.to_string(), code);
        assert_eq!(ran.stderr, "error: no such image: fail\n");
    }
    let ran = home.run(&["run", "vanish"]);
    assert_eq!(ran.code, 125);
    assert!(
        ran.stderr.contains("the connection to the host agent was lost"),
        "{}",
        ran.stderr
    );
}

#[test]
fn run_starts_the_machine_and_others_do_not() {
    let home = Home::new();
    let script = Script::new(stopped()).answer(Route::Start, &running());
    let agent = HostAgent::start(&home.api_address(), script);
    let ran = home.run(&["run", "exit", "4"]);
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    assert_eq!(agent.bodies(Route::Start).len(), 1);
    for arguments in [&["exec", "web", "ls"][..], &["attach", "web"]] {
        assert_eq!(Home::new().run(arguments).code, 3);
    }
}

#[test]
fn run_on_a_machine_that_refuses_says_why() {
    let home = Home::new();
    let error = ApiError {
        code: Code::NotRunning,
        message: "the machine is paused: run `pinnace resume`".to_owned(),
        hint: None,
    };
    let script = Script::new(running()).error(Route::ContainerSession, &error);
    let _agent = HostAgent::start(&home.api_address(), script);
    let ran = home.run(&["run", "x"]);
    assert_eq!(
        (ran.code, ran.stderr.as_str()),
        (3, "error: the machine is paused: run `pinnace resume`\n")
    );
}

#[test]
fn run_terminal_without_a_terminal_is_refused() {
    let home = Home::new();
    let agent = HostAgent::start(&home.api_address(), Script::new(running()));
    for arguments in [&["run", "-it", "x"][..], &["exec", "-it", "web", "sh"]] {
        let ran = home.run(arguments);
        assert_eq!(ran.code, 1);
        assert!(ran.stderr.contains("stdin is none"), "{}", ran.stderr);
    }
    assert!(agent.bodies(Route::ContainerSession).is_empty());
}

#[test]
fn exec_passes_the_command_and_its_exit_code() {
    let home = Home::new();
    let agent = HostAgent::start(&home.api_address(), Script::new(running()));
    let ran = home.run(&["exec", "-e", "A=1", "-w", "/srv", "-u", "ann", "web", "exit", "9"]);
    assert_eq!(ran.code, 9);
    let SessionRequest::Exec(request) = asked(&agent) else {
        panic!("another session");
    };
    assert_eq!(
        (request.container.as_str(), request.argv),
        ("web", vec!["exit".to_owned(), "9".to_owned()])
    );
    assert_eq!(
        (request.env, request.workdir.as_deref()),
        (vec!["A=1".to_owned()], Some("/srv"))
    );
    assert_eq!(request.user.as_deref(), Some("ann"));
    let ran = run(home.command(&["exec", "-i", "web", "cat"]).write_stdin("x"));
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "up\nX"));
}

#[test]
fn attach_passes_streams() {
    let home = Home::new();
    let _agent = HostAgent::start(&home.api_address(), Script::new(running()));
    let ran = run(home.command(&["attach", "web"]).write_stdin("x"));
    assert_eq!(
        (ran.code, ran.stdout.as_str(), ran.stderr.as_str()),
        (0, "up\nX", "beside\n")
    );
}
