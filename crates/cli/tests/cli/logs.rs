//! `pinnace logs`.

use api::Route;

use crate::{
    home::Home,
    host_agent::{HostAgent, Script, running},
};

#[test]
fn logs_piped_are_the_bytes_as_they_are() {
    let home = Home::new();
    let script = Script::new(running()).text(Route::Logs, "one\n\x1b[31mtwo");
    let agent = HostAgent::start(&home.api_address(), script);
    let ran = home.run(&["logs", "engine", "-n", "7"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "one\n\x1b[31mtwo"));
    assert_eq!(agent.bodies(Route::Logs), ["source=engine&tail=7&follow=false"]);
}

#[test]
fn logs_without_host_agent_come_from_files() {
    let home = Home::new();
    home.write("logs/host-agent.log", "a\nb\nc\n");
    let ran = home.run(&["logs", "-n", "2"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "b\nc\n"));
    let ran = home.run(&["logs", "console"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, ""));
    assert_eq!(home.run(&["logs", "kernel"]).code, 3);
    assert_eq!(home.run(&["logs", "-f"]).code, 3);
}
