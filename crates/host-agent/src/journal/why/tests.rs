//! The sentence for each way to end.

mod random;

use api::EscalationReason;
use engine_proxy::guard::{Action, Evidence, Rule};

use super::*;
use crate::{
    journal::{By, What, tests::entry},
    lease::LeaseRecord,
};

/// Two minutes after most of what happens in these tests.
const NOW: i64 = 10_000_000;
const END: i64 = NOW - 120_000;
const MIB: u64 = 1 << 20;

/// A run that began an hour ago, with what happened `ms` before its end, and its end.
fn run(events: &[(i64, What)], code: i64) -> Vec<Entry> {
    let mut entries = vec![entry(END - 3_600_000, "c1", What::Started)];
    entries.extend(events.iter().map(|(ms, what)| placed(END - ms, what)));
    entries.push(entry(END, "c1", What::Exited { code, oom: false }));
    entries
}

fn placed(at_ms: i64, what: &What) -> Entry {
    let of_machine = matches!(
        what,
        What::HostAgentStarted
            | What::EngineLost
            | What::EngineRestarted
            | What::MachineStopping
            | What::MachineStopped { .. }
            | What::MachineCrashed { .. }
            | What::MachinePaused
            | What::MachineResumed
            | What::HostSlept { .. }
    );
    entry(at_ms, if of_machine { "" } else { "c1" }, what.clone())
}

fn said(entries: &[Entry], running: Option<bool>) -> String {
    let subject = Subject {
        container: "c1".to_owned(),
        name: "web".to_owned(),
        running,
    };
    explain(&subject, entries, NOW).sentence
}

#[track_caller]
fn check(events: &[(i64, What)], code: i64, expected: &str) {
    assert_eq!(said(&run(events, code), Some(false)), expected);
}

fn guard(rule: Rule, evidence: Vec<Evidence>) -> What {
    What::Guard {
        rule,
        action: Action::Stop { timeout_s: None },
        evidence,
        client_pid: Some(123),
    }
}

fn signal(signal: u8) -> What {
    What::Signal {
        signal,
        by: By::Caller,
    }
}

const KILLED: What = What::Killed { by: By::Caller };

fn lease(record: fn(String) -> LeaseRecord) -> What {
    What::Lease {
        record: record("c1".to_owned()),
    }
}

fn stopping(why: EscalationReason) -> What {
    What::Lease {
        record: LeaseRecord::Stopping {
            container: "c1".to_owned(),
            why,
            timeout_s: None,
        },
    }
}

fn press(press: u32) -> What {
    What::Lease {
        record: LeaseRecord::Interrupted {
            container: "c1".to_owned(),
            press,
        },
    }
}

fn sent(signal: &str) -> Evidence {
    Evidence::Signal {
        signal: signal.to_owned(),
        ago_ms: 10,
    }
}

#[test]
fn sentence_exit_by_itself_goes_by_the_code() {
    check(&[], 3, "web exited by itself with code 3 two minutes ago");
    check(&[], 0, "web exited by itself with code 0 two minutes ago");
    check(
        &[],
        137,
        "web was killed (SIGKILL) by something in the machine two minutes ago",
    );
    check(
        &[],
        143,
        "web was ended by SIGTERM from something in the machine two minutes ago",
    );
    check(
        &[],
        130,
        "web was ended by SIGINT, as Ctrl+C in its terminal sends it two minutes ago",
    );
    check(&[], 139, "web crashed (SIGSEGV, code 139) two minutes ago");
    check(&[], -1, "web exited by itself with code -1 two minutes ago");
}

#[test]
fn sentence_want_of_memory() {
    let oom = What::OutOfMemory {
        limit_bytes: 512 * MIB,
    };
    check(
        &[(20, oom.clone())],
        137,
        "web was killed for want of memory at its limit of 512 MiB two minutes ago",
    );
    check(
        &[(20, What::OutOfMemory { limit_bytes: 0 })],
        137,
        "web was killed for want of memory two minutes ago",
    );
    check(
        &[(2_000, oom.clone())],
        1,
        "web exited by itself with code 1 two minutes ago, right after one of its processes was killed for want of memory",
    );
    check(
        &[(90_000, oom), (100, KILLED)],
        137,
        "web was killed two minutes ago by `docker kill` or another client of the engine",
    );
}

#[test]
fn sentence_ctrl_c_that_pid_1_ignores() {
    let deaf = || {
        guard(
            Rule::K,
            vec![
                sent("SIGINT"),
                Evidence::NotCaught {
                    signal: "SIGINT".to_owned(),
                    program: "sleep".to_owned(),
                },
            ],
        )
    };
    check(
        &[
            (10_100, signal(2)),
            (10_050, deaf()),
            (10_020, signal(15)),
            (20, KILLED),
        ],
        137,
        "web was stopped by Ctrl+C two minutes ago: SIGINT had no effect on sleep as PID 1, so it was stopped, and killed after 10 s",
    );
    check(
        &[(300, signal(2)), (250, deaf())],
        0,
        "web was stopped by Ctrl+C two minutes ago: SIGINT had no effect on sleep as PID 1, so it was stopped",
    );
}

#[test]
fn sentence_other_rules_of_the_guard() {
    check(
        &[(9, guard(Rule::H, vec![Evidence::HangupThenContinue]))],
        143,
        "web was stopped two minutes ago because the terminal that ran it was closed",
    );
    let died = vec![
        Evidence::AttachmentClosed,
        Evidence::ClientExited { pid: 123, code: None },
    ];
    check(
        &[(9, guard(Rule::C1, died))],
        143,
        "web was stopped two minutes ago because its client (process 123) died",
    );
    check(
        &[(9, guard(Rule::C3, vec![Evidence::AttachmentClosed]))],
        143,
        "web was stopped two minutes ago because its client (process 123) left",
    );
    check(
        &[(9, guard(Rule::K2, vec![sent("SIGINT"), sent("SIGINT")]))],
        143,
        "web was stopped by a second Ctrl+C two minutes ago",
    );
    check(
        &[(
            9,
            guard(Rule::K2, vec![sent("SIGINT"), Evidence::AttachmentClosed]),
        )],
        143,
        "web was stopped two minutes ago because its client (process 123) left right after Ctrl+C",
    );
    check(
        &[(
            9,
            guard(
                Rule::K3,
                vec![sent("SIGINT"), Evidence::StillRunning { after_ms: 10_004 }],
            ),
        )],
        143,
        "web was stopped by Ctrl+C two minutes ago: it still ran 10 s after that, so it was stopped",
    );
    let program = "sleep".to_owned();
    check(
        &[(9, guard(Rule::T, vec![Evidence::KeyHasNoEffect { program }]))],
        143,
        "web was stopped by Ctrl+C two minutes ago: the key had no effect on sleep as PID 1, so it was stopped",
    );
}

#[test]
fn sentence_failed_and_cancelled_decisions_are_no_cause() {
    let with = |action| What::Guard {
        rule: Rule::C1,
        action,
        evidence: Vec::new(),
        client_pid: None,
    };
    check(
        &[
            (9, guard(Rule::C1, Vec::new())),
            (8, with(Action::Failed("no".to_owned()))),
        ],
        3,
        "web exited by itself with code 3 two minutes ago",
    );
    check(
        &[(9, with(Action::Cancelled))],
        3,
        "web exited by itself with code 3 two minutes ago",
    );
}

#[test]
fn sentence_leases() {
    check(
        &[(50, press(1))],
        130,
        "web was ended by Ctrl+C, with code 130, two minutes ago",
    );
    check(
        &[
            (10_100, press(1)),
            (10_050, stopping(EscalationReason::SignalUnheard)),
            (40, KILLED),
        ],
        137,
        "web was stopped by Ctrl+C two minutes ago: SIGINT had no effect on its PID 1, so it was stopped, and killed after 10 s",
    );
    check(
        &[
            (10_900, press(1)),
            (900, stopping(EscalationReason::StillRunning)),
        ],
        143,
        "web was stopped by Ctrl+C two minutes ago: it still ran 10 s after that, so it was stopped",
    );
    check(
        &[(90, press(2)), (80, stopping(EscalationReason::Asked))],
        143,
        "web was stopped by a second Ctrl+C two minutes ago",
    );
    check(
        &[(80, stopping(EscalationReason::Asked))],
        143,
        "web was stopped two minutes ago as its client asked",
    );
    let gone = lease(|container| LeaseRecord::ClientGone { container });
    check(
        &[(90, gone), (80, stopping(EscalationReason::ClientGone))],
        143,
        "web was stopped two minutes ago because its client died",
    );
    let closing = lease(|container| LeaseRecord::ClientClosing { container });
    check(
        &[(90, closing), (80, stopping(EscalationReason::ClientGone))],
        143,
        "web was stopped two minutes ago because the terminal or the client that ran it was closed",
    );
}

#[test]
fn sentence_callers_of_the_engine() {
    let mut stopped = run(&[(10_000, signal(15)), (10, KILLED)], 137);
    stopped.push(entry(END + 5, "c1", What::Stopped));
    assert_eq!(
        said(&stopped, Some(false)),
        "web was stopped two minutes ago by `docker stop` or another client of the engine, and killed after 10 s"
    );
    check(
        &[(
            20,
            What::StopAsked {
                by: By::Client { pid: 7 },
                timeout_s: None,
            },
        )],
        0,
        "web was stopped two minutes ago by a client of the engine (process 7)",
    );
    // The engine has not said yet that it was a stop.
    check(
        &[(10_000, signal(15)), (10, KILLED)],
        137,
        "web was stopped two minutes ago by `docker stop` or another client of the engine, and killed after 10 s",
    );
    check(
        &[(1_000_000, signal(1)), (10, KILLED)],
        137,
        "web was killed two minutes ago by `docker kill` or another client of the engine",
    );
    let mut removed = run(&[(10, KILLED)], 137);
    removed.push(entry(END + 5, "c1", What::Removed));
    assert_eq!(
        said(&removed, Some(false)),
        "web was killed and removed two minutes ago by `docker rm -f`, `docker kill` or another client of the engine"
    );
    check(
        &[(100, signal(2))],
        130,
        "web ended with code 130 two minutes ago after SIGINT from `docker stop`, `docker kill` or another client of the engine",
    );
    check(
        &[(100, signal(10))],
        1,
        "web exited by itself with code 1 two minutes ago",
    );
}

#[test]
fn sentence_machine_and_engine() {
    check(
        &[(900, What::MachineStopping), (800, signal(15))],
        143,
        "web was stopped two minutes ago because the machine was stopped",
    );
    let reason = "the machine crashed: qemu was killed; console: oops; it is started again in 2 s".to_owned();
    check(
        &[(9_000, What::MachineCrashed { reason })],
        255,
        "web ended two minutes ago because the machine crashed: qemu was killed",
    );
    check(
        &[(9_000, What::HostAgentStarted)],
        255,
        "web ended two minutes ago because the machine was lost together with the host agent, by a crash or because the host went down",
    );
    check(
        &[(900, What::EngineLost)],
        0,
        "web ended two minutes ago while the engine was restarted",
    );
    check(
        &[(900_000, What::EngineLost), (890_000, What::EngineRestarted)],
        2,
        "web exited by itself with code 2 two minutes ago",
    );
    check(
        &[(
            5_000,
            What::HostSlept {
                for_ms: 3 * 3_600_000,
            },
        )],
        1,
        "web exited by itself with code 1 two minutes ago, right after the host slept for three hours",
    );
    check(
        &[(1_000, guard(Rule::H, Vec::new())), (500, What::MachineStopping)],
        143,
        "web was stopped two minutes ago because the terminal that ran it was closed",
    );
}

#[test]
fn sentence_end_that_was_not_seen() {
    let ended = |what: What| vec![entry(END - 9, "c1", What::Started), placed(END, &what)];
    let check = |what, expected: &str| assert_eq!(said(&ended(what), None), expected);
    check(
        What::MachineStopping,
        "web was stopped two minutes ago because the machine was stopped",
    );
    let reason = "it is on fire".to_owned();
    check(
        What::MachineCrashed { reason },
        "web ended two minutes ago because the machine crashed: it is on fire",
    );
    check(
        What::Removed,
        "web was removed two minutes ago; how it ended was not seen",
    );
    assert_eq!(
        said(&[entry(END, "c1", What::Started)], Some(false)),
        "web does not run, and how it ended was not seen; it was started two minutes ago"
    );
}

#[test]
fn sentence_that_it_runs() {
    let started = entry(END, "c1", What::Started);
    let check = |more: &[What], expected: &str| {
        let mut entries = vec![started.clone()];
        entries.extend(more.iter().map(|what| placed(NOW - 12_000, what)));
        for running in [Some(true), None] {
            assert_eq!(said(&entries, running), expected);
        }
    };
    check(&[], "web runs; it was started two minutes ago");
    let detached = lease(|container| LeaseRecord::Detached { container });
    check(
        &[detached],
        "web runs: you left it running (Ctrl+P Ctrl+Q) 12 seconds ago",
    );
    let left = |rule| What::Guard {
        rule,
        action: Action::LeftRunning,
        evidence: Vec::new(),
        client_pid: None,
    };
    check(
        &[left(Rule::C4)],
        "web runs: you left it running (Ctrl+P Ctrl+Q) 12 seconds ago",
    );
    check(
        &[left(Rule::C1)],
        "web runs: its client left 12 seconds ago, and it goes on without it",
    );
    check(&[What::Paused], "web is paused; that was done 12 seconds ago");
    check(
        &[What::Paused, What::Unpaused],
        "web runs; it was started two minutes ago",
    );
    check(
        &[What::MachinePaused],
        "web stands still, because the machine was paused 12 seconds ago",
    );
    check(
        &[What::EngineLost, What::EngineRestarted],
        "web runs; it was started two minutes ago",
    );
    let again = [
        entry(END - 1_000, "c1", What::Exited { code: 4, oom: false }),
        started.clone(),
    ];
    assert_eq!(
        said(&again, Some(true)),
        "web runs; it was started again two minutes ago, after it ended with code 4"
    );
    assert_eq!(
        said(&run(&[], 3), Some(true)),
        "web runs; it was started one hour ago"
    );
}

#[test]
fn sentence_without_a_run() {
    let created = entry(END, "c1", What::Created);
    let removed = entry(END + 60_000, "c1", What::Removed);
    assert_eq!(
        said(std::slice::from_ref(&created), None),
        "web was created two minutes ago and never started"
    );
    assert_eq!(
        said(&[created.clone(), removed.clone()], None),
        "web was removed one minute ago and never started, as far as is recorded"
    );
    let by_guard = What::Guard {
        rule: Rule::O,
        action: Action::Remove,
        evidence: vec![Evidence::NeverStarted],
        client_pid: Some(1),
    };
    assert_eq!(
        said(&[created, placed(END, &by_guard), removed], None),
        "web was removed two minutes ago because its client ended before it was started"
    );
    let others = [entry(END, "c2", What::Started)];
    assert_eq!(
        said(&others, Some(false)),
        "nothing is recorded about web, which does not run; the journal begins two minutes ago"
    );
    assert_eq!(said(&[], None), "nothing is recorded about web");
}

#[test]
fn evidence_is_of_the_last_run_only() {
    let mut entries = run(&[(10, signal(15))], 143);
    entries.insert(0, entry(1, "c1", What::Exited { code: 9, oom: false }));
    entries.push(entry(END, "c2", What::Removed));
    let subject = Subject {
        container: "c1".to_owned(),
        ..Subject::default()
    };
    let answer = explain(&subject, &entries, NOW);
    let texts: Vec<&str> = answer.evidence.iter().map(|line| line.text.as_str()).collect();
    assert_eq!(
        texts,
        [
            "started",
            "SIGTERM was sent by the engine, as somebody asked it or as a stop took too long",
            "ended with code 143"
        ]
    );
    assert_eq!(answer.evidence[2].at, "1970-01-01T02:44:40.000Z");
    assert!(answer.sentence.starts_with("c1 "), "{}", answer.sentence);
}
