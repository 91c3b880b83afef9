//! Who is an owner, and what is forgotten.

use std::sync::Arc;

use super::fake::{Bench, FakeProcess, Host, ID, INT, STOP, facts, pass};
use crate::guard::{Action, ClosedBy, CreateFacts, Guard, GuardMode, GuardSettings, Rule};

#[tokio::test(start_paused = true)]
async fn attach_and_start_without_create_is_no_owner() {
    // `docker start -a` and `docker attach`.
    let bench = Bench::new(GuardMode::Strict);
    let process = FakeProcess::new(100, Some("docker start -a web"));
    let client = bench.guard.client(Some(process.clone()));
    let attachment = client.attached("web", false);
    bench.begin("first");
    client.started("web");
    pass(100).await;
    client.signalled("web", "INT");
    pass(3000).await;
    attachment.closed(ClosedBy::Client);
    process.exit(Some(1));
    pass(60_000).await;
    bench.assert_quiet();
}

#[tokio::test(start_paused = true)]
async fn start_by_another_process_is_no_owner() {
    let bench = Bench::new(GuardMode::Strict);
    let process = FakeProcess::new(100, Some("docker create web"));
    let client = bench.guard.client(Some(process.clone()));
    client.created(ID, facts(false));
    let attachment = client.attached(ID, false);
    bench.begin("first");
    bench.other().started("4f0a2c8e6b1d");
    pass(100).await;
    client.signalled(ID, "INT");
    attachment.closed(ClosedBy::Client);
    process.exit(None);
    pass(60_000).await;
    bench.assert_quiet();
}

#[tokio::test(start_paused = true)]
async fn exempt_creation_is_not_watched() {
    for exempt in [
        CreateFacts {
            attached: false,
            ..facts(false)
        },
        CreateFacts {
            user_agent: "compose/2.40".into(),
            ..facts(false)
        },
        CreateFacts {
            labels: [("devcontainer.local_folder".to_owned(), "/x".to_owned())].into(),
            ..facts(false)
        },
    ] {
        let bench = Bench::new(GuardMode::Strict);
        let run = bench.run(exempt).await;
        run.sends("INT");
        pass(3000).await;
        run.exits(None);
        pass(60_000).await;
        bench.assert_quiet();
        assert_eq!(bench.with(|world| world.looks), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn mode_off_asks_nothing() {
    let bench = Bench::new(GuardMode::Off);
    let run = bench.run(facts(true)).await;
    assert!(!run.attachment.wants_input());
    run.sends("INT");
    run.attachment.interrupt_typed();
    run.attachment.closed(ClosedBy::Client);
    pass(60_000).await;
    bench.assert_quiet();
    assert_eq!(bench.with(|world| world.looks), 0);
}

#[tokio::test(start_paused = true)]
async fn sessions_beyond_the_limit_lose_the_oldest() {
    let bench = Bench::new(GuardMode::Foreground);
    bench.catches(INT);
    let first = bench.run(facts(false)).await;
    let process = FakeProcess::new(500, Some("docker create x"));
    let client = bench.guard.client(Some(process));
    for number in 0..4096 {
        client.created(&format!("{number:064x}"), facts(false));
    }
    pass(100).await;
    first.exits(None);
    pass(60_000).await;
    bench.assert_quiet();
}

#[tokio::test(start_paused = true)]
async fn sessions_of_a_client_that_is_gone_are_forgotten() {
    let bench = Bench::new(GuardMode::Foreground);
    for pid in 1000..1050 {
        let process = FakeProcess::new(pid, Some("docker run web"));
        let run = bench.run_by(Some(process.clone()), facts(false)).await;
        bench.ends();
        run.attachment.closed(ClosedBy::Engine);
        process.exit(Some(0));
        pass(10).await;
        drop(run.client);
        let own = 1 + usize::from(run.process.is_some());
        assert_eq!(Arc::strong_count(&process), own, "the task has let it go");
    }
    bench.assert_quiet();
}

#[tokio::test(start_paused = true)]
async fn client_that_lives_on_is_not_watched_after_its_container_ended() {
    let bench = Bench::new(GuardMode::Foreground);
    let run = bench.run(facts(false)).await;
    let process = run.process.clone().unwrap();
    drop(run.client);
    assert_eq!(Arc::strong_count(&process), 3, "the task watches it");
    bench.ends();
    run.attachment.closed(ClosedBy::Engine);
    pass(3000).await;
    assert_eq!(Arc::strong_count(&process), 2);
}

#[tokio::test(start_paused = true)]
async fn guard_ends_with_its_last_handle() {
    let bench = Bench::new(GuardMode::Foreground);
    let Bench { guard, host } = bench;
    let process = FakeProcess::new(100, Some("docker run web"));
    let client = guard.client(Some(process));
    client.created(ID, facts(false));
    let Host(world) = host;
    pass(100).await;
    assert_eq!(Arc::strong_count(&world), 2);
    drop((guard, client));
    pass(100).await;
    assert_eq!(
        Arc::strong_count(&world),
        1,
        "the task is gone, and with it its host"
    );
}

#[tokio::test(start_paused = true)]
async fn interrupt_wait_of_the_settings_counts() {
    let bench = Bench::new(GuardMode::Foreground);
    let settings = GuardSettings {
        interrupt_wait: std::time::Duration::from_secs(3),
        ..GuardSettings::default()
    };
    let bench = Bench {
        guard: Guard::spawn(settings, Arc::new(bench.host.clone())),
        ..bench
    };
    bench.catches(INT);
    let run = bench.run(facts(false)).await;
    run.sends("INT");
    pass(2900).await;
    bench.assert_quiet();
    pass(200).await;
    assert_eq!(bench.journal(), [(Rule::K3, STOP)]);
}

#[test]
fn decision_as_json_is_readable() {
    let decision = crate::guard::Decision {
        container: "c".into(),
        name: "web".into(),
        rule: Rule::K2,
        action: Action::Stop { timeout_s: Some(1) },
        evidence: vec![
            crate::guard::Evidence::Signal {
                signal: "SIGINT".into(),
                ago_ms: 12,
            },
            crate::guard::Evidence::AttachmentClosed,
        ],
        client_pid: None,
    };
    let json = serde_json::to_string(&decision).unwrap();
    assert_eq!(
        json,
        r#"{"container":"c","name":"web","rule":"k2","action":{"stop":{"timeout_s":1}},"evidence":[{"signal":{"signal":"SIGINT","ago_ms":12}},"attachment_closed"],"client_pid":null}"#
    );
    assert_eq!(
        serde_json::from_str::<crate::guard::Decision>(&json).unwrap(),
        decision
    );
}
