//! `pinnace reset`.

use api::{ResetPlan, Route};

use crate::{
    home::Home,
    host_agent::{HostAgent, Script, running, stopped},
};

fn script(status: api::Status) -> Script {
    let plan = ResetPlan {
        deletes: vec![("/data/data.raw".to_owned(), 3 << 30), ("/logs".to_owned(), 2048)],
    };
    Script::new(status)
        .answer(Route::Reset, &plan)
        .answer(Route::Stop, &stopped())
}

#[test]
fn reset_without_terminal_and_yes_is_refused_before_anything() {
    let home = Home::new();
    let agent = HostAgent::start(&home.api_address(), script(running()));
    let ran = home.run(&["reset"]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("--yes"), "{}", ran.stderr);
    assert!(agent.bodies(Route::Reset).is_empty());
}

#[test]
fn reset_dry_run_only_shows_sizes() {
    let home = Home::new();
    let agent = HostAgent::start(&home.api_address(), script(running()));
    let ran = home.run(&["reset", "--dry-run", "--factory"]);
    assert_eq!(ran.code, 0);
    assert_eq!(
        ran.stdout,
        "     3 GiB  /data/data.raw\n     2 KiB  /logs\n     3 GiB  in all\n"
    );
    assert_eq!(agent.bodies(Route::Reset), [r#"{"dry_run":true,"factory":true}"#]);
    assert!(agent.bodies(Route::Stop).is_empty());
}

#[test]
fn reset_yes_stops_the_machine_and_deletes() {
    let home = Home::new();
    let agent = HostAgent::start(&home.api_address(), script(running()));
    let ran = home.run(&["reset", "--yes"]);
    assert_eq!(ran.code, 0);
    let wanted = [
        r#"{"dry_run":true,"factory":false}"#,
        r#"{"dry_run":false,"factory":false}"#,
    ];
    assert_eq!(agent.bodies(Route::Reset), wanted);
    assert_eq!(agent.bodies(Route::Stop), [r#"{"force":true,"grace_ms":null}"#]);
}
