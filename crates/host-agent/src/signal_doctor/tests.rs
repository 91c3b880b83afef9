//! Verdicts over the PID 1 kinds that were measured, and the bound on calls.

use std::sync::atomic::{AtomicUsize, Ordering};

use engine_client::{ContainerDetailsConfig, ContainerDetailsHost};

use super::*;

const INT: u64 = 1 << 1;
const QUIT: u64 = 1 << 2;
const TERM: u64 = 1 << 14;

struct Pid1 {
    program: &'static str,
    caught: u64,
    blocked: u64,
    ignored: u64,
    stop_signal: Option<&'static str>,
    pid_mode: &'static str,
    init: Option<bool>,
}

impl Pid1 {
    fn new(program: &'static str, caught: u64) -> Self {
        Self {
            program,
            caught,
            blocked: 0,
            ignored: 0,
            stop_signal: None,
            pid_mode: "",
            init: None,
        }
    }
}

#[track_caller]
fn check(pid1: Pid1, verdict: StopVerdict, advice: Option<&str>) {
    let details = ContainerDetails {
        id: "c1".to_owned(),
        name: "/web".to_owned(),
        config: ContainerDetailsConfig {
            stop_signal: pid1.stop_signal.map(str::to_owned),
            ..ContainerDetailsConfig::default()
        },
        host_config: ContainerDetailsHost {
            pid_mode: pid1.pid_mode.to_owned(),
            init: pid1.init,
            ..ContainerDetailsHost::default()
        },
        ..ContainerDetails::default()
    };
    let process = ProcessFacts {
        program: pid1.program.to_owned(),
        caught: pid1.caught,
        blocked: pid1.blocked,
        ignored: pid1.ignored,
        terminal: None,
    };
    let report = report(&details, process);
    assert_eq!(
        (report.verdict, report.advice.as_deref()),
        (verdict, advice),
        "{}",
        pid1.program
    );
    assert_eq!((report.container.as_str(), report.name.as_str()), ("c1", "web"));
}

#[test]
fn verdict_measured_kinds_of_pid_1() {
    // The masks of `/proc/1/status` that were measured: features.md 3.1 A.
    let both = Some("ignores SIGINT and SIGTERM; add --init");
    let term = Some("ignores SIGTERM; add --init");
    check(Pid1::new("sleep", 0), StopVerdict::IgnoresBoth, both);
    check(Pid1::new("perl", 0), StopVerdict::IgnoresBoth, both);
    check(Pid1::new("sh", INT), StopVerdict::IgnoresTerminate, term);
    check(
        Pid1::new("bash", INT | 1 << 16),
        StopVerdict::IgnoresTerminate,
        term,
    );
    check(Pid1::new("python3", INT), StopVerdict::IgnoresTerminate, term);
    check(Pid1::new("node", INT | TERM), StopVerdict::Handles, None);
    // tini catches nothing, blocks everything, and takes signals by sigtimedwait(2).
    let tini = Pid1 {
        blocked: INT | TERM | QUIT,
        ..Pid1::new("docker-init", 0)
    };
    check(tini, StopVerdict::Handles, None);
    check(
        Pid1::new("nohup-like", TERM),
        StopVerdict::IgnoresInterrupt,
        Some("ignores SIGINT; add --init"),
    );
}

#[test]
fn verdict_goes_by_the_container_s_own_stop_signal() {
    let with = |program, caught, stop_signal| Pid1 {
        stop_signal: Some(stop_signal),
        ..Pid1::new(program, caught)
    };
    check(with("nginx", INT | QUIT, "SIGQUIT"), StopVerdict::Handles, None);
    check(
        with("sleep", TERM, "quit"),
        StopVerdict::IgnoresBoth,
        Some("ignores SIGINT and SIGQUIT; add --init"),
    );
    check(
        with("sleep", 0, "SIGINT"),
        StopVerdict::IgnoresBoth,
        Some("ignores SIGINT; add --init"),
    );
    check(
        with("sleep", 0, "SIGKILL"),
        StopVerdict::IgnoresInterrupt,
        Some("ignores SIGINT; add --init"),
    );
    check(
        with("systemd", INT | 1 << 36, "SIGRTMIN+3"),
        StopVerdict::Handles,
        None,
    );
    check(
        with("sleep", INT, ""),
        StopVerdict::IgnoresTerminate,
        Some("ignores SIGTERM; add --init"),
    );
}

#[test]
fn verdict_without_a_pid_namespace_needs_an_explicit_ignore() {
    let host = |ignored, blocked| Pid1 {
        ignored,
        blocked,
        pid_mode: "host",
        ..Pid1::new("sleep", 0)
    };
    check(host(0, 0), StopVerdict::Handles, None);
    check(
        host(INT, 0),
        StopVerdict::IgnoresInterrupt,
        Some("ignores SIGINT"),
    );
    check(host(INT, INT), StopVerdict::Handles, None);
}

#[test]
fn advice_does_not_ask_for_an_init_that_is_there() {
    let sleep = Pid1 {
        init: Some(true),
        ..Pid1::new("sleep", 0)
    };
    check(
        sleep,
        StopVerdict::IgnoresBoth,
        Some("ignores SIGINT and SIGTERM"),
    );
}

#[test]
fn find_by_name_id_and_unique_beginning() {
    let row = |id: &str, name: &str| ContainerSummary {
        id: id.to_owned(),
        names: vec![format!("/{name}")],
        ..ContainerSummary::default()
    };
    let rows = [row("abc1", "web"), row("abd2", "abc"), row("fff3", "db")];
    let found = |asked| find(&rows, asked).map(|row| row.id.as_str());
    assert_eq!(found("web"), Some("abc1"));
    assert_eq!(
        found("abc"),
        Some("abd2"),
        "a name goes before the beginning of an id"
    );
    assert_eq!(found("fff"), Some("fff3"));
    assert_eq!(found("ab"), None);
    assert_eq!(found(""), None);
}

#[tokio::test]
async fn each_of_many_is_done_in_order_and_few_at_once() {
    let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let results = each((0..2_000).collect(), |number: usize| {
        let (now, most) = (&now, &most);
        async move {
            most.fetch_max(now.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
            tokio::task::yield_now().await;
            now.fetch_sub(1, Ordering::Relaxed);
            number
        }
    })
    .await;
    assert_eq!(results, (0..2_000).collect::<Vec<_>>());
    assert_eq!(most.into_inner(), AT_ONCE);
}
