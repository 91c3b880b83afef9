//! X.

use std::sync::Arc;

use super::fake::{Bench, FakeProcess, pass};
use crate::guard::{Action, Attachment, ClosedBy, GuardMode, Rule};

fn exec(bench: &Bench, tty: bool) -> (Arc<FakeProcess>, Attachment) {
    bench.begin("first");
    let process = FakeProcess::new(300, Some("docker exec web top"));
    let client = bench.guard.client(Some(process.clone()));
    client.exec_created("e1", "web", tty);
    let attachment = client.exec_started("e1");
    assert!(!attachment.wants_input());
    (process, attachment)
}

#[tokio::test(start_paused = true)]
async fn exec_whose_client_left_is_ended_in_mode_strict_only() {
    for (mode, ended) in [(GuardMode::Strict, 1), (GuardMode::Foreground, 0)] {
        for tty in [false, true] {
            let bench = Bench::new(mode);
            let (process, attachment) = exec(&bench, tty);
            pass(5000).await;
            attachment.closed(ClosedBy::Client);
            process.exit(None);
            pass(60_000).await;
            assert_eq!(bench.with(|world| world.execs_ended.len()), ended);
            assert_eq!(bench.journal().len(), ended);
            assert!(bench.stops().is_empty());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn exec_whose_client_died_is_ended_after_two_seconds() {
    let bench = Bench::new(GuardMode::Strict);
    let (process, attachment) = exec(&bench, false);
    process.exit(Some(1));
    pass(1900).await;
    bench.assert_quiet();
    pass(200).await;
    assert_eq!(bench.with(|world| world.execs_ended.clone()), ["e1"]);
    assert_eq!(bench.journal(), [(Rule::X, Action::EndExec)]);
    drop(attachment);
}

#[tokio::test(start_paused = true)]
async fn exec_that_ended_is_no_decision() {
    for by in [ClosedBy::Engine, ClosedBy::Endpoint] {
        let bench = Bench::new(GuardMode::Strict);
        let (process, attachment) = exec(&bench, true);
        attachment.closed(by);
        process.exit(Some(1));
        pass(60_000).await;
        bench.assert_quiet();
    }
}

#[tokio::test(start_paused = true)]
async fn exec_left_with_code_zero_on_a_terminal_is_detached() {
    let bench = Bench::new(GuardMode::Strict);
    let (process, attachment) = exec(&bench, true);
    attachment.closed(ClosedBy::Client);
    process.exit(Some(0));
    pass(60_000).await;
    assert!(bench.is_untouched());
    assert_eq!(bench.journal(), [(Rule::X, Action::LeftRunning)]);
}

#[tokio::test(start_paused = true)]
async fn exec_in_an_exempt_container_is_left_alone() {
    for label in ["com.docker.compose.project", "devcontainer.metadata"] {
        let bench = Bench::new(GuardMode::Strict);
        bench.with(|world| world.container.labels.extend([(label.to_owned(), String::new())]));
        let (process, attachment) = exec(&bench, false);
        attachment.closed(ClosedBy::Client);
        process.exit(None);
        pass(60_000).await;
        bench.assert_quiet();
    }
}

#[tokio::test(start_paused = true)]
async fn exec_of_another_client_is_left_alone() {
    let bench = Bench::new(GuardMode::Strict);
    bench.begin("first");
    let maker = FakeProcess::new(300, Some("x"));
    let starter = FakeProcess::new(301, Some("x"));
    bench.guard.client(Some(maker)).exec_created("e1", "web", false);
    let attachment = bench.guard.client(Some(starter.clone())).exec_started("e1");
    attachment.closed(ClosedBy::Client);
    starter.exit(None);
    pass(60_000).await;
    bench.assert_quiet();
}

#[tokio::test(start_paused = true)]
async fn exec_that_is_meant_to_go_on_alone_is_left_alone() {
    // `docker exec -d` opens no stream.
    let bench = Bench::new(GuardMode::Strict);
    bench.begin("first");
    let process = FakeProcess::new(300, Some("docker exec -d web top"));
    bench
        .guard
        .client(Some(process.clone()))
        .exec_created("e1", "web", false);
    pass(100).await;
    process.exit(Some(0));
    pass(60_000).await;
    bench.assert_quiet();
}
