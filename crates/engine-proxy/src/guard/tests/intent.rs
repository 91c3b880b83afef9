//! K, K2, K3, H, T.

use super::fake::{Bench, FakeProcess, INT, STOP, STOP_SOON, TERM, facts, pass};
use crate::guard::{Action, ClosedBy, CreateFacts, Evidence, GuardMode, Rule, TerminalNow};

#[tokio::test(start_paused = true)]
async fn interrupt_that_is_not_caught_stops_at_once_and_kills_soon() {
    let bench = Bench::new(GuardMode::Signals);
    let run = bench.run(facts(false)).await;
    run.sends("INT");
    pass(400).await;
    assert_eq!(bench.stops(), [Some(1)]);
    assert_eq!(bench.journal(), [(Rule::K, STOP_SOON)]);
    let decision = bench.decisions().remove(0);
    assert_eq!((decision.name.as_str(), decision.client_pid), ("web", Some(100)));
    assert!(
        matches!(&decision.evidence[0], Evidence::Signal { signal, ago_ms: 250..400 } if signal == "SIGINT")
    );
    assert_eq!(
        decision.evidence[1..],
        [
            Evidence::NotCaught {
                signal: "SIGINT".into(),
                program: "sleep".into()
            },
            Evidence::StopSignalNotCaught {
                signal: "SIGTERM".into()
            }
        ]
    );
    pass(60_000).await;
    assert_eq!(bench.stops().len(), 1, "nothing is done twice");
}

#[tokio::test(start_paused = true)]
async fn interrupt_in_the_moment_of_the_start_counts() {
    let bench = Bench::new(GuardMode::Foreground);
    let process = FakeProcess::new(100, Some("docker run web"));
    let client = bench.guard.client(Some(process));
    client.created(super::fake::ID, facts(false));
    let attachment = client.attached(super::fake::ID, false);
    bench.begin("first");
    // Another connection's news may come first.
    client.signalled(super::fake::ID, "SIGINT");
    client.started(super::fake::ID);
    pass(400).await;
    assert_eq!(bench.journal(), [(Rule::K, STOP_SOON)]);
    drop(attachment);
}

#[tokio::test(start_paused = true)]
async fn interrupt_that_is_not_caught_leaves_a_handled_stop_signal_its_time() {
    let bench = Bench::new(GuardMode::Signals);
    bench.catches(TERM);
    let run = bench.run(facts(false)).await;
    run.sends("2");
    pass(400).await;
    assert_eq!(bench.journal(), [(Rule::K, STOP)]);

    let bench = Bench::new(GuardMode::Signals);
    bench.with(|world| world.container.stop_signal = Some("SIGQUIT".into()));
    bench.catches(TERM);
    let run = bench.run(facts(false)).await;
    run.sends("QUIT");
    pass(400).await;
    assert_eq!(bench.journal(), [(Rule::K, STOP_SOON)]);
}

#[tokio::test(start_paused = true)]
async fn terminate_that_is_caught_is_left_to_the_program() {
    let bench = Bench::new(GuardMode::Foreground);
    bench.catches(TERM);
    let run = bench.run(facts(false)).await;
    run.sends("TERM");
    pass(120_000).await;
    bench.assert_quiet();
}

#[tokio::test(start_paused = true)]
async fn signal_that_is_blocked_is_not_lost() {
    // tini: no handler, takes blocked signals. What it passes them to ends.
    let bench = Bench::new(GuardMode::Foreground);
    bench.with(|world| world.process.blocked = INT | TERM);
    let run = bench.run(facts(false)).await;
    run.sends("INT");
    pass(400).await;
    bench.ends();
    pass(60_000).await;
    bench.assert_quiet();
}

#[tokio::test(start_paused = true)]
async fn handler_that_removed_itself_has_run() {
    // `process.once("SIGINT", …)`: a program on its orderly way out must not be killed after a second.
    let bench = Bench::new(GuardMode::Foreground);
    bench.catches(INT);
    let run = bench.run(facts(false)).await;
    bench.catches(0);
    run.sends("INT");
    pass(5000).await;
    bench.assert_quiet();
    pass(6000).await;
    assert_eq!(bench.journal(), [(Rule::K3, STOP)]);
}

#[tokio::test(start_paused = true)]
async fn handler_of_the_program_before_exec_does_not_count() {
    let bench = Bench::new(GuardMode::Foreground);
    bench.with(|world| world.process.program = "entrypoint.sh".into());
    bench.catches(INT);
    let run = bench.run(facts(false)).await;
    bench.with(|world| world.process.program = "sleep".into());
    bench.catches(0);
    run.sends("INT");
    pass(400).await;
    assert_eq!(bench.journal(), [(Rule::K, STOP_SOON)]);
}

#[tokio::test(start_paused = true)]
async fn process_that_ends_by_the_signal_is_not_stopped() {
    // `--pid=host`: not the first of its namespace, so the default action ends it.
    let bench = Bench::new(GuardMode::Foreground);
    let run = bench.run(facts(false)).await;
    run.sends("INT");
    pass(100).await;
    bench.ends();
    pass(60_000).await;
    bench.assert_quiet();
}

#[tokio::test(start_paused = true)]
async fn second_interrupt_stops_with_the_containers_own_time() {
    let bench = Bench::new(GuardMode::Signals);
    bench.catches(INT);
    let run = bench.run(facts(false)).await;
    run.sends("INT");
    pass(3000).await;
    bench.assert_quiet();
    run.sends("INT");
    pass(100).await;
    assert_eq!(bench.journal(), [(Rule::K2, STOP)]);
    pass(60_000).await;
    assert_eq!(bench.stops().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn interrupt_and_terminate_are_not_two_interrupts() {
    let bench = Bench::new(GuardMode::Signals);
    bench.catches(INT | TERM);
    let run = bench.run(facts(true)).await;
    run.sends("INT");
    run.sends("TERM");
    pass(60_000).await;
    run.sends("INT");
    pass(60_000).await;
    bench.assert_quiet();
}

#[tokio::test(start_paused = true)]
async fn client_gone_after_interrupt_stops_at_once() {
    for mode in [GuardMode::Signals, GuardMode::Foreground] {
        let bench = Bench::new(mode);
        bench.catches(INT);
        let run = bench.run(facts(false)).await;
        run.sends("INT");
        pass(4000).await;
        run.exits(Some(1));
        pass(100).await;
        assert_eq!(bench.journal(), [(Rule::K2, STOP)]);
        assert!(bench.decisions()[0].evidence.contains(&Evidence::ClientExited {
            pid: 100,
            code: Some(1)
        }));
    }
}

#[tokio::test(start_paused = true)]
async fn client_gone_long_after_terminate_is_not_k2() {
    let bench = Bench::new(GuardMode::Signals);
    bench.catches(TERM);
    let run = bench.run(facts(false)).await;
    run.sends("TERM");
    pass(11_000).await;
    run.exits(Some(1));
    pass(60_000).await;
    bench.assert_quiet();
}

#[tokio::test(start_paused = true)]
async fn interrupt_that_ends_the_container_is_no_decision() {
    let bench = Bench::new(GuardMode::Foreground);
    bench.catches(INT);
    let run = bench.run(facts(false)).await;
    run.sends("INT");
    pass(500).await;
    bench.ends();
    run.exits(Some(0));
    pass(5).await;
    run.attachment.closed(ClosedBy::Engine);
    pass(60_000).await;
    bench.assert_quiet();
}

#[tokio::test(start_paused = true)]
async fn one_interrupt_stops_what_still_runs_after_ten_seconds() {
    let bench = Bench::new(GuardMode::Signals);
    bench.catches(INT);
    let run = bench.run(facts(false)).await;
    run.sends("INT");
    pass(9900).await;
    bench.assert_quiet();
    pass(200).await;
    assert_eq!(bench.journal(), [(Rule::K3, STOP)]);
    let evidence = bench.decisions().remove(0).evidence;
    assert!(matches!(
        evidence[1],
        Evidence::StillRunning {
            after_ms: 10_000..10_100
        }
    ));
}

#[tokio::test(start_paused = true)]
async fn one_interrupt_waits_as_long_as_the_label_says() {
    for of_image in [false, true] {
        let bench = Bench::new(GuardMode::Foreground);
        bench.catches(INT);
        let label = ("pinnace.interrupt-wait".to_owned(), "30".to_owned());
        let mut facts = facts(false);
        if of_image {
            bench.with(|world| world.container.labels.extend([label]));
        } else {
            facts.labels.extend([label]);
        }
        let run = bench.run(facts).await;
        run.sends("INT");
        pass(29_900).await;
        bench.assert_quiet();
        pass(200).await;
        assert_eq!(bench.journal(), [(Rule::K3, STOP)]);
    }
}

#[tokio::test(start_paused = true)]
async fn one_interrupt_on_a_terminal_never_expires() {
    let bench = Bench::new(GuardMode::Foreground);
    bench.catches(INT);
    let run = bench.run(facts(true)).await;
    run.sends("INT");
    pass(600_000).await;
    bench.assert_quiet();
}

#[tokio::test(start_paused = true)]
async fn unknown_client_has_k_k2_k3_only() {
    let bench = Bench::new(GuardMode::Strict);
    let run = bench.run_by(None, facts(false)).await;
    run.sends("INT");
    pass(400).await;
    assert_eq!(bench.journal(), [(Rule::K, STOP_SOON)]);
    assert_eq!(bench.decisions()[0].client_pid, None);

    let bench = Bench::new(GuardMode::Strict);
    bench.catches(INT);
    let run = bench.run_by(None, facts(false)).await;
    run.sends("INT");
    run.attachment.closed(ClosedBy::Client);
    pass(9000).await;
    bench.assert_quiet();
    pass(2000).await;
    assert_eq!(bench.journal(), [(Rule::K3, STOP)]);

    let bench = Bench::new(GuardMode::Strict);
    let run = bench.run_by(None, facts(false)).await;
    run.attachment.closed(ClosedBy::Client);
    pass(60_000).await;
    bench.assert_quiet();
}

#[tokio::test(start_paused = true)]
async fn signal_of_another_client_is_not_the_owners() {
    let bench = Bench::new(GuardMode::Strict);
    let run = bench.run(facts(false)).await;
    for _ in 0..3 {
        bench.other().signalled("web", "INT");
        pass(1000).await;
    }
    pass(60_000).await;
    bench.assert_quiet();
    drop(run);
}

#[tokio::test(start_paused = true)]
async fn hangup_and_continue_stops_after_two_seconds() {
    let bench = Bench::new(GuardMode::Signals);
    bench.catches(1);
    let run = bench.run(facts(false)).await;
    run.sends("HUP");
    pass(100).await;
    run.sends("CONT");
    pass(1900).await;
    bench.assert_quiet();
    pass(200).await;
    assert_eq!(bench.journal(), [(Rule::H, STOP)]);
    assert!(
        bench.decisions()[0]
            .evidence
            .contains(&Evidence::HangupThenContinue)
    );
}

/// The client asks for one after the other, on two connections.
#[tokio::test(start_paused = true)]
async fn continue_that_overtakes_its_hangup_stops_too() {
    let bench = Bench::new(GuardMode::Foreground);
    bench.catches(1);
    let run = bench.run(facts(false)).await;
    run.attachment.input_ended();
    run.sends("CONT");
    run.sends("HUP");
    pass(2100).await;
    assert_eq!(bench.journal(), [(Rule::H, STOP)]);
}

#[tokio::test(start_paused = true)]
async fn lone_hangup_is_a_request_to_reload() {
    let bench = Bench::new(GuardMode::Foreground);
    bench.catches(1);
    let run = bench.run(facts(false)).await;
    run.attachment.input_ended();
    run.sends("HUP");
    pass(5000).await;
    run.sends("CONT");
    pass(60_000).await;
    bench.assert_quiet();
}

#[tokio::test(start_paused = true)]
async fn hangup_and_end_of_a_terminals_input_stops_in_either_order() {
    for hangup_first in [true, false] {
        let bench = Bench::new(GuardMode::Signals);
        bench.catches(1);
        let run = bench.run(facts(true)).await;
        if hangup_first {
            run.sends("HUP");
            run.attachment.input_ended();
        } else {
            run.attachment.input_ended();
            run.sends("HUP");
        }
        pass(2100).await;
        assert_eq!(bench.journal(), [(Rule::H, STOP)]);
        assert!(bench.decisions()[0].evidence.contains(&Evidence::InputEnded));
    }
}

#[tokio::test(start_paused = true)]
async fn hangup_that_ends_the_container_is_cancelled() {
    let bench = Bench::new(GuardMode::Signals);
    bench.catches(1);
    let run = bench.run(facts(false)).await;
    run.sends("HUP");
    run.sends("CONT");
    pass(500).await;
    bench.ends();
    pass(60_000).await;
    assert!(bench.is_untouched());
    assert_eq!(bench.journal(), [(Rule::H, Action::Cancelled)]);
}

#[tokio::test(start_paused = true)]
async fn key_that_provably_does_nothing_stops() {
    let bench = Bench::new(GuardMode::Signals);
    let run = bench.run(facts(true)).await;
    assert!(run.attachment.wants_input());
    run.attachment.interrupt_typed();
    pass(400).await;
    assert_eq!(bench.journal(), [(Rule::T, STOP_SOON)]);
    assert_eq!(
        bench.decisions()[0].evidence[0],
        Evidence::KeyHasNoEffect {
            program: "sleep".into()
        }
    );
}

#[tokio::test(start_paused = true)]
async fn key_that_may_do_something_never_stops() {
    let raw = |signals_on, foreground| TerminalNow {
        signals_on,
        foreground,
    };
    for (caught, blocked, terminal) in [
        (INT, 0, Some(raw(true, true))),
        (0, INT, Some(raw(true, true))),
        (0, 0, Some(raw(false, true))),
        (0, 0, Some(raw(true, false))),
        (0, 0, None),
    ] {
        let bench = Bench::new(GuardMode::Strict);
        let run = bench.run(facts(true)).await;
        bench.with(|world| {
            world.process.caught = caught;
            world.process.blocked = blocked;
            world.process.terminal = terminal;
        });
        for _ in 0..5 {
            run.attachment.interrupt_typed();
            pass(300).await;
        }
        pass(60_000).await;
        bench.assert_quiet();
    }
}

#[tokio::test(start_paused = true)]
async fn key_that_ends_a_program_in_raw_mode_is_not_taken_for_one_that_does_nothing() {
    let bench = Bench::new(GuardMode::Foreground);
    let run = bench.run(facts(true)).await;
    // It put the terminal right again, and is about to end.
    run.attachment.interrupt_typed();
    pass(100).await;
    bench.ends();
    pass(60_000).await;
    bench.assert_quiet();
}

#[tokio::test(start_paused = true)]
async fn key_is_wanted_from_the_owner_of_a_terminal_only() {
    let bench = Bench::new(GuardMode::Foreground);
    let run = bench.run(facts(false)).await;
    let other = bench.other().attached("web", true);
    pass(100).await;
    assert!(!run.attachment.wants_input());
    assert!(!other.wants_input());
    other.interrupt_typed();
    pass(60_000).await;
    bench.assert_quiet();
}

#[tokio::test(start_paused = true)]
async fn keys_by_the_thousand_are_few_questions() {
    let bench = Bench::new(GuardMode::Foreground);
    bench.catches(INT);
    let run = bench.run(facts(true)).await;
    let before = bench.with(|world| world.looks);
    for _ in 0..1000 {
        run.attachment.interrupt_typed();
    }
    pass(1000).await;
    assert!(bench.with(|world| world.looks) <= before + 2);
}

#[tokio::test(start_paused = true)]
async fn paused_container_is_not_blamed_for_its_silence() {
    let bench = Bench::new(GuardMode::Foreground);
    let run = bench.run(facts(false)).await;
    bench.with(|world| world.container.paused = true);
    run.sends("INT");
    pass(60_000).await;
    bench.assert_quiet();
    // The client is still there, so that its next word counts.
    bench.with(|world| world.container.paused = false);
    run.sends("INT");
    pass(400).await;
    assert_eq!(bench.journal(), [(Rule::K, STOP_SOON)]);
}

#[tokio::test(start_paused = true)]
async fn stop_that_failed_is_recorded_and_tried_at_the_next_word() {
    let bench = Bench::new(GuardMode::Foreground);
    bench.with(|world| world.stop_fails = true);
    let run = bench.run(facts(false)).await;
    run.sends("INT");
    pass(5000).await;
    let failed = Action::Failed("the engine said no".into());
    assert_eq!(bench.journal(), [(Rule::K, STOP_SOON), (Rule::K, failed)]);
    bench.with(|world| world.stop_fails = false);
    run.sends("INT");
    pass(400).await;
    assert_eq!(bench.journal()[2..], [(Rule::K, STOP_SOON)]);
    assert_eq!(bench.stops().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn container_that_cannot_be_asked_is_left_alone() {
    let bench = Bench::new(GuardMode::Foreground);
    let run = bench.run(facts(false)).await;
    bench.with(|world| world.reachable = false);
    run.sends("INT");
    pass(3000).await;
    run.exits(None);
    pass(60_000).await;
    bench.assert_quiet();
}

#[tokio::test(start_paused = true)]
async fn later_run_is_left_alone() {
    let bench = Bench::new(GuardMode::Foreground);
    bench.catches(INT);
    let run = bench.run(facts(false)).await;
    run.sends("INT");
    pass(3000).await;
    bench.begin("second");
    pass(60_000).await;
    run.sends("INT");
    pass(60_000).await;
    run.exits(None);
    pass(60_000).await;
    bench.assert_quiet();
}

#[tokio::test(start_paused = true)]
async fn stop_by_anybody_ends_the_guards_part() {
    let bench = Bench::new(GuardMode::Foreground);
    bench.catches(INT);
    let run = bench.run(facts(false)).await;
    run.sends("INT");
    pass(3000).await;
    bench.other().stopping("web");
    pass(60_000).await;
    bench.assert_quiet();
}

#[tokio::test(start_paused = true)]
async fn restart_policy_is_notified_only() {
    let bench = Bench::new(GuardMode::Foreground);
    bench.with(|world| world.container.restart_policy = "unless-stopped".into());
    let run = bench
        .run(CreateFacts {
            restart_policy: "unless-stopped".into(),
            ..facts(false)
        })
        .await;
    run.sends("INT");
    pass(60_000).await;
    assert!(bench.is_untouched());
    assert_eq!(bench.journal(), [(Rule::K, Action::LeftRunning)]);
    assert!(bench.decisions()[0].evidence.contains(&Evidence::RestartPolicy {
        policy: "unless-stopped".into()
    }));
}

#[tokio::test(start_paused = true)]
async fn handler_of_a_program_that_came_later_counts() {
    let bench = Bench::new(GuardMode::Foreground);
    bench.with(|world| world.process.program = "entrypoint.sh".into());
    let run = bench.run(facts(false)).await;
    bench.with(|world| world.process.program = "node".into());
    bench.catches(INT);
    pass(10_000).await;
    bench.catches(0);
    run.sends("INT");
    pass(5000).await;
    bench.assert_quiet();
}

#[tokio::test(start_paused = true)]
async fn keys_held_down_are_one_question_at_a_time() {
    let bench = Bench::new(GuardMode::Foreground);
    bench.catches(INT);
    let run = bench.run(facts(true)).await;
    let before = bench.with(|world| world.looks);
    for _ in 0..300 {
        run.attachment.interrupt_typed();
        pass(1).await;
    }
    // A question takes 6 ms.
    assert!(bench.with(|world| world.looks) <= before + 60);
}
