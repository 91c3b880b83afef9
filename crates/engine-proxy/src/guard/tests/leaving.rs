//! C1 to C4, O, S.

use super::fake::{Bench, FakeProcess, ID, INT, STOP, TERM, facts, pass};
use crate::guard::{Action, ClosedBy, CreateFacts, Evidence, GuardMode, Rule};

#[tokio::test(start_paused = true)]
async fn client_dead_without_a_terminal_stops_after_two_seconds() {
    for by_exit in [true, false] {
        let bench = Bench::new(GuardMode::Foreground);
        let run = bench.run(facts(false)).await;
        if by_exit {
            run.exits(None);
        } else {
            run.attachment.closed(ClosedBy::Client);
        }
        pass(1900).await;
        bench.assert_quiet();
        pass(200).await;
        assert_eq!(bench.journal(), [(Rule::C1, STOP)]);
        let expected = if by_exit {
            Evidence::ClientExited { pid: 100, code: None }
        } else {
            Evidence::AttachmentClosed
        };
        assert_eq!(bench.decisions()[0].evidence, [expected]);
    }
}

#[tokio::test(start_paused = true)]
async fn client_dead_in_the_moment_of_the_start_counts() {
    let bench = Bench::new(GuardMode::Foreground);
    let process = FakeProcess::new(100, Some("docker run web"));
    let client = bench.guard.client(Some(process.clone()));
    client.created(ID, facts(false));
    let attachment = client.attached(ID, false);
    bench.begin("first");
    client.started(ID);
    attachment.closed(ClosedBy::Client);
    process.exit(None);
    pass(2100).await;
    assert_eq!(bench.journal(), [(Rule::C1, STOP)]);
}

#[tokio::test(start_paused = true)]
async fn client_dead_before_the_start_was_told_counts() {
    let bench = Bench::new(GuardMode::Foreground);
    let process = FakeProcess::new(100, Some("docker run web"));
    let client = bench.guard.client(Some(process.clone()));
    client.created(ID, facts(false));
    client.attached(ID, false).closed(ClosedBy::Client);
    process.exit(None);
    pass(1000).await;
    bench.begin("first");
    client.started(ID);
    pass(2100).await;
    assert_eq!(bench.journal(), [(Rule::C1, STOP)]);
}

#[tokio::test(start_paused = true)]
async fn stream_that_was_told_before_the_creation_counts() {
    let bench = Bench::new(GuardMode::Foreground);
    let process = FakeProcess::new(100, Some("docker run -t web"));
    let client = bench.guard.client(Some(process));
    let attachment = client.attached(ID, true);
    pass(10).await;
    assert!(!attachment.wants_input());
    client.created(ID, facts(true));
    bench.begin("first");
    client.started(ID);
    pass(100).await;
    assert!(attachment.wants_input());
    attachment.closed(ClosedBy::Client);
    pass(3000).await;
    assert_eq!(bench.journal(), [(Rule::C4, Action::LeftRunning)]);
}

#[tokio::test(start_paused = true)]
async fn end_of_input_is_not_death() {
    let bench = Bench::new(GuardMode::Foreground);
    let run = bench.run(facts(false)).await;
    run.attachment.input_ended();
    pass(60_000).await;
    bench.assert_quiet();
}

#[tokio::test(start_paused = true)]
async fn stream_ended_by_engine_or_endpoint_leaves_running() {
    for by in [ClosedBy::Engine, ClosedBy::Endpoint] {
        for tty in [false, true] {
            let bench = Bench::new(GuardMode::Strict);
            let run = bench.run(facts(tty)).await;
            let process = run.process.clone().unwrap();
            run.attachment.closed(by);
            pass(500).await;
            process.exit(Some(1));
            pass(60_000).await;
            bench.assert_quiet();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn attachment_dropped_is_the_endpoints_doing() {
    let bench = Bench::new(GuardMode::Foreground);
    let run = bench.run(facts(false)).await;
    let process = run.process.clone().unwrap();
    drop(run.attachment);
    process.exit(None);
    pass(60_000).await;
    bench.assert_quiet();
}

#[tokio::test(start_paused = true)]
async fn usual_end_is_no_decision_in_either_order() {
    for exit_first in [true, false] {
        let bench = Bench::new(GuardMode::Foreground);
        let run = bench.run(facts(false)).await;
        bench.ends();
        let process = run.process.clone().unwrap();
        if exit_first {
            process.exit(Some(3));
            pass(10).await;
        }
        run.attachment.closed(ClosedBy::Engine);
        pass(10).await;
        process.exit(Some(3));
        pass(60_000).await;
        bench.assert_quiet();
    }
}

#[tokio::test(start_paused = true)]
async fn output_that_the_container_closed_leaves_signals_working() {
    let bench = Bench::new(GuardMode::Foreground);
    bench.catches(INT);
    let run = bench.run(facts(false)).await;
    run.attachment.closed(ClosedBy::Engine);
    pass(30_000).await;
    run.client.signalled(ID, "INT");
    pass(10_100).await;
    assert_eq!(bench.journal(), [(Rule::K3, STOP)]);
}

#[tokio::test(start_paused = true)]
async fn container_that_ends_in_time_is_cancelled() {
    let bench = Bench::new(GuardMode::Foreground);
    let run = bench.run(facts(false)).await;
    run.attachment.closed(ClosedBy::Client);
    pass(1000).await;
    bench.ends();
    pass(60_000).await;
    assert!(bench.is_untouched());
    assert_eq!(bench.journal(), [(Rule::C1, Action::Cancelled)]);
    assert!(bench.decisions()[0].evidence.contains(&Evidence::ContainerEnded));
}

#[tokio::test(start_paused = true)]
async fn attach_in_time_cancels() {
    let bench = Bench::new(GuardMode::Foreground);
    let run = bench.run(facts(false)).await;
    run.exits(None);
    pass(1000).await;
    let attachment = bench.other().attached("web", true);
    pass(60_000).await;
    assert!(bench.is_untouched());
    assert_eq!(bench.journal(), [(Rule::C1, Action::Cancelled)]);
    assert!(bench.decisions()[0].evidence.contains(&Evidence::OtherAttachment));
    // It is the other's container now, also when that leaves.
    attachment.closed(ClosedBy::Client);
    pass(60_000).await;
    assert!(bench.is_untouched());
}

#[tokio::test(start_paused = true)]
async fn attach_again_by_the_owner_cancels_and_goes_on_watching() {
    let bench = Bench::new(GuardMode::Foreground);
    let run = bench.run(facts(false)).await;
    run.attachment.closed(ClosedBy::Client);
    pass(1000).await;
    let attachment = run.client.attached(ID, false);
    pass(60_000).await;
    assert_eq!(bench.journal(), [(Rule::C1, Action::Cancelled)]);
    attachment.closed(ClosedBy::Client);
    pass(2100).await;
    assert_eq!(bench.journal()[1..], [(Rule::C1, STOP)]);
}

#[tokio::test(start_paused = true)]
async fn container_with_two_attachments_survives_the_owners_death() {
    for spoken in [ID, &ID[..12], "web", "/web"] {
        let bench = Bench::new(GuardMode::Strict);
        let run = bench.run(facts(false)).await;
        let other = bench.other().attached(spoken, false);
        pass(100).await;
        run.exits(None);
        run.attachment.closed(ClosedBy::Client);
        pass(60_000).await;
        assert!(bench.is_untouched(), "{spoken}");
        assert_eq!(bench.journal(), [(Rule::C1, Action::LeftRunning)]);
        assert!(bench.decisions()[0].evidence.contains(&Evidence::OtherAttachment));
        drop(other);
    }
}

#[tokio::test(start_paused = true)]
async fn attachment_by_an_old_name_is_asked_for() {
    let bench = Bench::new(GuardMode::Foreground);
    let run = bench.run(facts(false)).await;
    bench.with(|world| world.container.name = "renamed".into());
    let other = bench.other().attached("renamed", false);
    pass(100).await;
    run.exits(None);
    pass(60_000).await;
    assert!(bench.is_untouched());
    drop(other);
}

#[tokio::test(start_paused = true)]
async fn attachment_that_nobody_can_place_counts() {
    let bench = Bench::new(GuardMode::Foreground);
    let run = bench.run(facts(false)).await;
    let other = bench.other().attached("unheard-of", false);
    pass(100).await;
    run.exits(None);
    pass(60_000).await;
    assert!(bench.is_untouched());
    drop(other);
}

#[tokio::test(start_paused = true)]
async fn attachment_that_ended_before_does_not_count() {
    let bench = Bench::new(GuardMode::Foreground);
    let run = bench.run(facts(false)).await;
    let other = bench.other().attached("web", false);
    pass(100).await;
    other.closed(ClosedBy::Client);
    run.exits(None);
    pass(2100).await;
    assert_eq!(bench.journal(), [(Rule::C1, STOP)]);
}

#[tokio::test(start_paused = true)]
async fn terminal_left_after_a_signal_stops() {
    let bench = Bench::new(GuardMode::Foreground);
    bench.catches(TERM);
    let run = bench.run(facts(true)).await;
    // What Windows does when a console window is closed: TERM, and the end five seconds later.
    run.sends("TERM");
    pass(5000).await;
    run.exits(None);
    pass(2100).await;
    assert_eq!(bench.journal(), [(Rule::C2, STOP)]);
}

#[tokio::test(start_paused = true)]
async fn terminal_left_with_an_exit_code_stops() {
    for code in [0xC000_013A, 1, 255] {
        let bench = Bench::new(GuardMode::Foreground);
        let run = bench.run(facts(true)).await;
        run.exits(Some(code));
        run.attachment.closed(ClosedBy::Client);
        pass(2100).await;
        assert_eq!(bench.journal(), [(Rule::C3, STOP)]);
    }
}

#[tokio::test(start_paused = true)]
async fn terminal_left_otherwise_is_detached() {
    for code in [Some(0), None] {
        let bench = Bench::new(GuardMode::Strict);
        let run = bench.run(facts(true)).await;
        let process = run.process.clone().unwrap();
        run.attachment.closed(ClosedBy::Client);
        pass(50).await;
        process.exit(code);
        pass(60_000).await;
        assert!(bench.is_untouched());
        assert_eq!(bench.journal(), [(Rule::C4, Action::LeftRunning)]);
    }
}

#[tokio::test(start_paused = true)]
async fn client_dead_in_mode_signals_leaves_running() {
    for tty in [false, true] {
        let bench = Bench::new(GuardMode::Signals);
        let run = bench.run(facts(tty)).await;
        run.exits(Some(1));
        run.attachment.closed(ClosedBy::Client);
        pass(60_000).await;
        bench.assert_quiet();
    }
}

#[tokio::test(start_paused = true)]
async fn arguments_that_keep_signals_back_exempt() {
    let bench = Bench::new(GuardMode::Strict);
    let process = FakeProcess::new(100, Some("docker run --sig-proxy=false -a STDOUT web"));
    let run = bench.run_by(Some(process), facts(false)).await;
    run.exits(None);
    pass(60_000).await;
    bench.assert_quiet();
}

#[tokio::test(start_paused = true)]
async fn arguments_that_are_unclear_leave_only_what_signals_prove() {
    for line in [None, Some("socat TCP-LISTEN:2375,fork UNIX:/run/docker.sock")] {
        let bench = Bench::new(GuardMode::Foreground);
        let process = FakeProcess::new(100, line);
        let run = bench.run_by(Some(process), facts(false)).await;
        run.attachment.closed(ClosedBy::Client);
        pass(60_000).await;
        assert!(bench.is_untouched());
        assert_eq!(bench.journal(), [(Rule::C1, Action::LeftRunning)]);
        let evidence = bench.decisions().remove(0).evidence;
        assert!(evidence.contains(&Evidence::ArgumentsUnclear));
    }

    let bench = Bench::new(GuardMode::Foreground);
    bench.catches(INT);
    let run = bench
        .run_by(Some(FakeProcess::new(100, None)), facts(false))
        .await;
    run.sends("INT");
    run.exits(None);
    pass(100).await;
    assert_eq!(bench.journal(), [(Rule::K2, STOP)]);
}

#[tokio::test(start_paused = true)]
async fn paused_container_is_left_to_whoever_paused_it() {
    let bench = Bench::new(GuardMode::Foreground);
    let run = bench.run(facts(false)).await;
    bench.with(|world| world.container.paused = true);
    run.exits(None);
    pass(60_000).await;
    assert!(bench.is_untouched());
    assert_eq!(bench.journal(), [(Rule::C1, Action::LeftRunning)]);
}

#[tokio::test(start_paused = true)]
async fn image_that_asks_for_it_is_exempt() {
    let bench = Bench::new(GuardMode::Strict);
    let label = ("pinnace.on-client-exit".to_owned(), "ignore".to_owned());
    bench.with(|world| world.container.labels.extend([label]));
    let run = bench.run(facts(false)).await;
    run.exits(None);
    pass(60_000).await;
    bench.assert_quiet();
}

#[tokio::test(start_paused = true)]
async fn image_of_a_launcher_is_not_exempt() {
    let bench = Bench::new(GuardMode::Foreground);
    let label = ("devcontainer.metadata".to_owned(), "[]".to_owned());
    bench.with(|world| world.container.labels.extend([label]));
    let run = bench.run(facts(false)).await;
    run.exits(None);
    pass(2100).await;
    assert_eq!(bench.journal(), [(Rule::C1, STOP)]);
}

#[tokio::test(start_paused = true)]
async fn run_is_asked_again_when_the_first_answer_fails() {
    let bench = Bench::new(GuardMode::Foreground);
    bench.with(|world| world.reachable = false);
    let run = bench.run(facts(false)).await;
    bench.with(|world| world.reachable = true);
    pass(3000).await;
    run.exits(None);
    run.attachment.closed(ClosedBy::Client);
    pass(2100).await;
    assert_eq!(bench.journal(), [(Rule::C1, STOP)]);
}

#[tokio::test(start_paused = true)]
async fn run_that_nobody_knows_is_left_alone() {
    let bench = Bench::new(GuardMode::Foreground);
    bench.with(|world| world.reachable = false);
    let run = bench.run(facts(false)).await;
    run.exits(None);
    run.attachment.closed(ClosedBy::Client);
    pass(1000).await;
    bench.with(|world| world.reachable = true);
    pass(60_000).await;
    bench.assert_quiet();
}

async fn attach_and_die(bench: &Bench, facts: CreateFacts) {
    let process = FakeProcess::new(100, Some("docker run --rm web"));
    let client = bench.guard.client(Some(process.clone()));
    client.created(ID, facts);
    client.attached(ID, false).closed(ClosedBy::Client);
    process.exit(None);
}

#[tokio::test(start_paused = true)]
async fn client_dead_before_the_start_removes_a_temporary_container() {
    let bench = Bench::new(GuardMode::Foreground);
    let temporary = CreateFacts {
        auto_remove: true,
        ..facts(false)
    };
    attach_and_die(&bench, temporary).await;
    pass(1900).await;
    assert_eq!(bench.with(|world| world.removed), 0);
    pass(200).await;
    assert_eq!(bench.with(|world| world.removed), 1);
    assert_eq!(bench.journal(), [(Rule::O, Action::Remove)]);
}

#[tokio::test(start_paused = true)]
async fn client_dead_before_the_start_keeps_other_containers() {
    let bench = Bench::new(GuardMode::Foreground);
    attach_and_die(&bench, facts(false)).await;
    pass(60_000).await;
    bench.assert_quiet();
}

#[tokio::test(start_paused = true)]
async fn client_that_only_creates_keeps_its_temporary_container() {
    // `docker create --rm`: its request is the one of `docker run --rm`.
    let bench = Bench::new(GuardMode::Strict);
    let process = FakeProcess::new(100, Some("docker create --rm web"));
    let client = bench.guard.client(Some(process.clone()));
    client.created(
        ID,
        CreateFacts {
            auto_remove: true,
            ..facts(false)
        },
    );
    process.exit(Some(0));
    pass(60_000).await;
    bench.assert_quiet();
}

#[tokio::test(start_paused = true)]
async fn start_by_another_client_saves_the_container_from_removal() {
    let bench = Bench::new(GuardMode::Foreground);
    let temporary = CreateFacts {
        auto_remove: true,
        ..facts(false)
    };
    attach_and_die(&bench, temporary).await;
    pass(1000).await;
    bench.other().started(ID);
    pass(60_000).await;
    bench.assert_quiet();
}

#[tokio::test(start_paused = true)]
async fn start_that_was_not_told_of_saves_the_container_from_removal() {
    let bench = Bench::new(GuardMode::Foreground);
    let temporary = CreateFacts {
        auto_remove: true,
        ..facts(false)
    };
    attach_and_die(&bench, temporary).await;
    pass(1000).await;
    bench.begin("first");
    pass(60_000).await;
    bench.assert_quiet();
}

#[tokio::test(start_paused = true)]
async fn start_that_failed_leaves_the_removal_to_the_engine() {
    let bench = Bench::new(GuardMode::Foreground);
    let process = FakeProcess::new(100, Some("docker run --rm web"));
    let client = bench.guard.client(Some(process.clone()));
    let temporary = CreateFacts {
        auto_remove: true,
        ..facts(false)
    };
    client.created(ID, temporary);
    client.attached(ID, false).closed(ClosedBy::Engine);
    process.exit(Some(125));
    pass(60_000).await;
    bench.assert_quiet();
}

#[tokio::test(start_paused = true)]
async fn start_again_by_the_owner_is_nobodys_foreground() {
    let bench = Bench::new(GuardMode::Foreground);
    let run = bench.run(facts(false)).await;
    run.client.started(ID);
    pass(100).await;
    run.exits(None);
    pass(60_000).await;
    bench.assert_quiet();
}

#[tokio::test(start_paused = true)]
async fn stream_closed_before_the_start_was_told_counts_without_an_exit() {
    let bench = Bench::new(GuardMode::Foreground);
    let process = FakeProcess::new(100, Some("docker run web"));
    let client = bench.guard.client(Some(process));
    client.created(ID, facts(false));
    client.attached(ID, false).closed(ClosedBy::Client);
    bench.begin("first");
    client.started(ID);
    pass(2100).await;
    assert_eq!(bench.journal(), [(Rule::C1, STOP)]);
}

#[tokio::test(start_paused = true)]
async fn other_attachment_that_ends_in_the_grace_counts() {
    let bench = Bench::new(GuardMode::Foreground);
    let run = bench.run(facts(false)).await;
    let other = bench.other().attached(ID, false);
    pass(100).await;
    run.exits(None);
    pass(500).await;
    other.closed(ClosedBy::Client);
    pass(60_000).await;
    assert!(bench.is_untouched());
    assert_eq!(bench.journal(), [(Rule::C1, Action::LeftRunning)]);
}

#[tokio::test(start_paused = true)]
async fn other_attachment_that_was_told_before_the_creation_counts() {
    let bench = Bench::new(GuardMode::Foreground);
    let other = bench.other().attached(ID, true);
    let run = bench.run(facts(false)).await;
    run.exits(None);
    pass(60_000).await;
    assert!(bench.is_untouched());
    assert_eq!(bench.journal(), [(Rule::C1, Action::LeftRunning)]);
    drop(other);
}

#[tokio::test(start_paused = true)]
async fn container_of_two_that_ends_in_the_grace_is_no_decision() {
    let bench = Bench::new(GuardMode::Foreground);
    let run = bench.run(facts(false)).await;
    let other = bench.other().attached(ID, false);
    pass(100).await;
    run.exits(None);
    pass(500).await;
    bench.ends();
    pass(60_000).await;
    bench.assert_quiet();
    drop(other);
}

#[tokio::test(start_paused = true)]
async fn container_that_was_taken_over_stays_so_when_its_owner_ends_later() {
    let bench = Bench::new(GuardMode::Foreground);
    let run = bench.run(facts(false)).await;
    let process = run.process.clone().unwrap();
    run.attachment.closed(ClosedBy::Client);
    pass(500).await;
    let other = bench.other().attached(ID, false);
    pass(500).await;
    other.closed(ClosedBy::Client);
    pass(500).await;
    process.exit(None);
    pass(60_000).await;
    assert!(bench.is_untouched());
    assert_eq!(bench.journal(), [(Rule::C1, Action::Cancelled)]);
}

#[tokio::test(start_paused = true)]
async fn detach_and_attach_again_is_no_decision() {
    let bench = Bench::new(GuardMode::Foreground);
    let run = bench.run(facts(true)).await;
    run.attachment.closed(ClosedBy::Client);
    pass(500).await;
    let other = bench.other().attached(ID, true);
    pass(60_000).await;
    bench.assert_quiet();
    drop(other);
}

#[tokio::test(start_paused = true)]
async fn image_that_asks_for_it_is_not_even_noticed_on_a_terminal() {
    let bench = Bench::new(GuardMode::Strict);
    let label = ("pinnace.on-client-exit".to_owned(), "ignore".to_owned());
    bench.with(|world| world.container.labels.extend([label]));
    let run = bench.run(facts(true)).await;
    run.attachment.closed(ClosedBy::Client);
    pass(60_000).await;
    bench.assert_quiet();
}
