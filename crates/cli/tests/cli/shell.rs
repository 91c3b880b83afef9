//! `pinnace shell` through pipes. With a terminal: `sys/terminal.rs`.

use crate::{
    home::{Home, run},
    host_agent::{HostAgent, Script, running},
};

#[test]
fn shell_piped_input_is_passed_on_and_its_end_too() {
    let home = Home::new();
    let _agent = HostAgent::start(&home.api_address(), Script::new(running()));
    let ran = run(home.command(&["shell"]).write_stdin("hello\n"));
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    assert_eq!(ran.stdout, "tty None argv []\nhello\nend of input\n");
}

#[test]
fn shell_exit_code_is_passed_on() {
    let home = Home::new();
    let _agent = HostAgent::start(&home.api_address(), Script::new(running()));
    let ran = home.run(&["shell", "--", "exit", "42"]);
    assert_eq!(ran.code, 42);
    assert_eq!(ran.stdout, "tty None argv [\"exit\", \"42\"]\nend of input\n");
    // Also while input stays open.
    let child = std::process::Command::new(env!("CARGO_BIN_EXE_pinnace"))
        .args(["shell", "--", "exit", "now", "9"])
        .env("PINNACE_HOME", home.path())
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .spawn();
    let mut child = child.unwrap();
    let held_open = child.stdin.take();
    assert_eq!(child.wait().unwrap().code(), Some(9));
    drop(held_open);
}

#[test]
fn shell_lost_connection_is_an_error() {
    let home = Home::new();
    let _agent = HostAgent::start(&home.api_address(), Script::new(running()));
    let ran = home.run(&["shell", "--", "vanish"]);
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.starts_with("error: "), "{}", ran.stderr);
}

#[test]
fn shell_nothing_running_is_not_running() {
    let ran = Home::new().run(&["shell"]);
    assert_eq!(ran.code, 3);
    assert_eq!(
        ran.stderr,
        "error: the machine is not running\nhint: start the machine with `pinnace start`\n"
    );
}
