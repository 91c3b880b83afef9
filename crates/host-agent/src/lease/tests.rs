//! Sessions against a scripted engine. Time stands still but for what is waited for.

mod fake;
mod session;

use std::time::Duration;

use api::{
    AgentFrame, AttachRequest, ClientFrame, Code, Escalation, EscalationReason, ExecRequest, PullPolicy,
    RunRequest, SessionEvent, SessionFailure, SessionRequest,
};
use serde_json::json;
use tokio::time::Instant;

use self::{
    fake::{Fake, ID, Script, State},
    session::{Heard, Session, run_request},
};
use super::guest::Hearing;

const BEFORE_START: [&str; 2] = ["POST create", "POST start"];

/// What was done after the start.
fn after_start(fake: &Fake) -> Vec<String> {
    let seen = fake.seen();
    let start = seen.iter().position(|call| call == "journal begun").unwrap();
    seen[start + 1..].to_vec()
}

fn escalated(what: Escalation, why: EscalationReason) -> SessionEvent {
    SessionEvent::Escalated { what, why }
}

#[tokio::test(start_paused = true)]
async fn run_passes_output_in_order_and_the_exit_code() {
    let fake = Fake::new(Script {
        prints: vec![(1, "one\n"), (2, "oh\n"), (1, "two\n")],
        ..Script::default()
    });
    let mut session = Session::open(&fake, SessionRequest::Run(Box::new(run_request())));
    session
        .until(&SessionEvent::Created {
            id: ID.to_owned(),
            name: "brave_boat".to_owned(),
            tty: false,
        })
        .await;
    session.until(&SessionEvent::Started).await;
    fake.exit(42);
    let heard = session.rest().await;
    assert_eq!(
        (heard.stdout.as_str(), heard.stderr.as_str()),
        ("one\ntwo\n", "oh\n")
    );
    assert_eq!(heard.last, Some(AgentFrame::Exit(42)));
    assert_eq!(fake.seen()[..2], BEFORE_START);
    assert_eq!(after_start(&fake), ["journal ended"]);
    let config = fake.body(0);
    assert_eq!(config["HostConfig"]["Init"], json!(true));
    assert_eq!(config["AttachStdout"], json!(true));
}

#[tokio::test(start_paused = true)]
async fn run_input_is_passed_on_and_acknowledged() {
    let fake = Fake::new(Script::default());
    let request = RunRequest {
        stdin: true,
        ..run_request()
    };
    let mut session = Session::started(&fake, request).await;
    session.send(ClientFrame::Input(b"hello\n".to_vec())).await;
    assert_eq!(session.next().await, Some(AgentFrame::Taken(6)));
    assert_eq!(
        session.next().await,
        Some(AgentFrame::Stdout(b"hello\n".to_vec()))
    );
    session.send(ClientFrame::EndOfInput).await;
    fake.exit(0);
    assert_eq!(session.rest().await.last, Some(AgentFrame::Exit(0)));
}

#[tokio::test(start_paused = true)]
async fn client_that_dies_has_its_container_stopped() {
    let fake = Fake::new(Script::default());
    let session = Session::started(&fake, run_request()).await;
    session.die().await;
    assert_eq!(
        after_start(&fake),
        [
            "journal client_gone",
            "journal stopping",
            "POST stop",
            "journal ended"
        ]
    );
    assert_eq!(*fake.state.borrow(), State::Exited(143));
}

#[tokio::test(start_paused = true)]
async fn client_that_closes_is_told_at_once_and_the_rest_goes_on_alone() {
    let fake = Fake::new(Script {
        on_stop: None,
        ..Script::default()
    });
    let mut session = Session::started(&fake, run_request()).await;
    let before = Instant::now();
    session.send(ClientFrame::Closing).await;
    session.until(&SessionEvent::ClosingAck).await;
    assert!(before.elapsed() < Duration::from_millis(200));
    session.die().await;
    assert_eq!(
        after_start(&fake),
        [
            "journal client_closing",
            "journal stopping",
            "POST stop",
            "journal ended"
        ]
    );
    assert_eq!(*fake.state.borrow(), State::Exited(137));
}

#[tokio::test(start_paused = true)]
async fn client_that_detaches_leaves_its_container_running() {
    let fake = Fake::new(Script::default());
    let mut session = Session::started(&fake, run_request()).await;
    session.send(ClientFrame::Detach).await;
    assert_eq!(
        session.rest().await.last,
        Some(AgentFrame::Event(SessionEvent::Detached))
    );
    session.die().await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(after_start(&fake), ["journal detached"]);
    assert_eq!(*fake.state.borrow(), State::Running);
}

#[tokio::test(start_paused = true)]
async fn client_that_owns_nothing_leaves_its_container_running_when_it_dies() {
    let fake = Fake::new(Script::default());
    let request = RunRequest {
        survives_client: true,
        ..run_request()
    };
    let session = Session::started(&fake, request).await;
    session.die().await;
    assert_eq!(after_start(&fake), ["journal detached"]);
    assert_eq!(*fake.state.borrow(), State::Running);
}

#[tokio::test(start_paused = true)]
async fn detach_right_before_the_end_of_the_connection_counts() {
    let fake = Fake::new(Script::default());
    let mut session = Session::started(&fake, run_request()).await;
    session.send(ClientFrame::Detach).await;
    session.die().await;
    assert_eq!(after_start(&fake), ["journal detached"]);
}

#[tokio::test(start_paused = true)]
async fn first_interrupt_is_a_signal_and_the_exit_code_the_containers_own() {
    let fake = Fake::new(Script {
        on_interrupt: Some(7),
        ..Script::default()
    });
    let mut session = Session::started(&fake, run_request()).await;
    session.press().await;
    let heard = session.rest().await;
    assert_eq!((heard.events, heard.last), (vec![], Some(AgentFrame::Exit(7))));
    assert_eq!(
        after_start(&fake),
        ["journal interrupted", "POST kill?signal=INT", "journal ended"]
    );
}

#[tokio::test(start_paused = true)]
async fn interrupt_that_pid_1_cannot_hear_stops_at_once() {
    let fake = Fake::new(Script {
        hearing: [Hearing::Deaf; 2],
        on_stop: None,
        ..Script::default()
    });
    let mut session = Session::started(&fake, run_request()).await;
    let before = Instant::now();
    session.press().await;
    let heard = session.rest().await;
    assert_eq!(
        heard.events,
        [escalated(Escalation::Stop, EscalationReason::SignalUnheard)]
    );
    assert_eq!(heard.last, Some(AgentFrame::Exit(137)));
    // It does nothing about the stop signal either, so that is not waited for.
    assert!(after_start(&fake).contains(&"POST stop?t=1".to_owned()));
    assert!(before.elapsed() < Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn one_interrupt_is_enough_for_what_still_runs_after_ten_seconds() {
    let fake = Fake::new(Script::default());
    let mut session = Session::started(&fake, run_request()).await;
    let before = Instant::now();
    session.press().await;
    let heard = session.rest().await;
    assert_eq!(
        heard.events,
        [escalated(Escalation::Stop, EscalationReason::StillRunning)]
    );
    assert_eq!(heard.last, Some(AgentFrame::Exit(143)));
    assert_eq!(before.elapsed().as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn second_interrupt_stops_and_the_third_kills() {
    let fake = Fake::new(Script {
        on_stop: None,
        ..Script::default()
    });
    let mut session = Session::started(&fake, run_request()).await;
    let before = Instant::now();
    session.press().await;
    session.press().await;
    session
        .until(&escalated(Escalation::Stop, EscalationReason::Asked))
        .await;
    session.press().await;
    let heard = session.rest().await;
    assert_eq!(
        heard.events,
        [escalated(Escalation::Kill, EscalationReason::Asked)]
    );
    assert_eq!(heard.last, Some(AgentFrame::Exit(137)));
    assert!(before.elapsed() < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn stop_frame_stops_at_once() {
    let fake = Fake::new(Script::default());
    let mut session = Session::started(&fake, run_request()).await;
    session.send(ClientFrame::Stop).await;
    assert_eq!(session.rest().await.last, Some(AgentFrame::Exit(143)));
    assert_eq!(
        after_start(&fake),
        ["journal stopping", "POST stop", "journal ended"]
    );
}

#[tokio::test(start_paused = true)]
async fn other_signals_are_passed_on() {
    let fake = Fake::new(Script::default());
    let mut session = Session::started(&fake, run_request()).await;
    session.send(ClientFrame::Signal("QUIT".to_owned())).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(after_start(&fake), ["POST kill?signal=QUIT"]);
    fake.exit(131);
    assert_eq!(session.rest().await.last, Some(AgentFrame::Exit(131)));
}

#[tokio::test(start_paused = true)]
async fn container_that_is_removed_by_itself_still_tells_its_exit_code() {
    let fake = Fake::new(Script::default());
    let request = RunRequest {
        config: json!({"Image": "x", "HostConfig": {"AutoRemove": true}}),
        ..run_request()
    };
    let mut session = Session::started(&fake, request).await;
    fake.exit(5);
    assert_eq!(session.rest().await.last, Some(AgentFrame::Exit(5)));
    assert_eq!(*fake.state.borrow(), State::Removed(5));
}

#[tokio::test(start_paused = true)]
async fn container_with_a_restart_policy_stays_stopped_after_an_interrupt() {
    let fake = Fake::new(Script {
        on_interrupt: Some(0),
        ..Script::default()
    });
    let request = RunRequest {
        config: json!({"Image": "x", "HostConfig": {"RestartPolicy": {"Name": "always"}}}),
        ..run_request()
    };
    let mut session = Session::started(&fake, request).await;
    session.press().await;
    session.rest().await;
    assert_eq!(after_start(&fake).last().unwrap(), "POST stop");
}

#[tokio::test(start_paused = true)]
async fn attachment_that_breaks_is_no_lost_client() {
    let fake = Fake::new(Script::default());
    let request = RunRequest {
        stdin: true,
        ..run_request()
    };
    let mut session = Session::started(&fake, request).await;
    fake.cut.send_modify(|cut| *cut += 1);
    tokio::time::sleep(Duration::from_secs(5)).await;
    session.send(ClientFrame::Input(b"still here".to_vec())).await;
    let mut text = String::new();
    while text != "still here" {
        if let Some(AgentFrame::Stdout(data)) = session.next().await {
            text.push_str(&String::from_utf8(data).unwrap());
        }
    }
    assert_eq!(after_start(&fake), Vec::<String>::new());
    fake.exit(0);
    assert_eq!(session.rest().await.last, Some(AgentFrame::Exit(0)));
}

#[tokio::test(start_paused = true)]
async fn client_that_dies_before_the_start_leaves_nothing_behind() {
    let fake = Fake::new(Script {
        image: false,
        ..Script::default()
    });
    let session = Session::open(&fake, SessionRequest::Run(Box::new(run_request())));
    session.die().await;
    assert!(
        !fake.seen().contains(&"POST start".to_owned()),
        "{:?}",
        fake.seen()
    );
    assert_eq!(*fake.state.borrow(), State::Created);
}

#[tokio::test(start_paused = true)]
async fn client_that_dies_during_the_start_has_its_container_stopped() {
    let fake = Fake::new(Script {
        start_takes: Duration::from_secs(3),
        ..Script::default()
    });
    let mut session = Session::open(&fake, SessionRequest::Run(Box::new(run_request())));
    session
        .until(&SessionEvent::Created {
            id: ID.to_owned(),
            name: "brave_boat".to_owned(),
            tty: false,
        })
        .await;
    session.die().await;
    assert_eq!(*fake.state.borrow(), State::Exited(143));
}

#[tokio::test(start_paused = true)]
async fn missing_image_is_pulled_as_the_policy_says() {
    let check = async |image: bool, pull: PullPolicy, pulls: bool, starts: bool| {
        let fake = Fake::new(Script {
            image,
            ..Script::default()
        });
        let request = RunRequest {
            pull,
            detached: true,
            ..run_request()
        };
        let heard = Session::open(&fake, SessionRequest::Run(Box::new(request)))
            .rest()
            .await;
        let pulled = fake
            .seen()
            .contains(&"POST /images/create?fromImage=x&tag=latest".to_owned());
        assert_eq!(
            (pulled, *fake.state.borrow() == State::Running),
            (pulls, starts),
            "{pull:?} {image}"
        );
        heard
    };
    let heard = check(false, PullPolicy::Missing, true, true).await;
    assert_eq!(heard.last, Some(AgentFrame::Exit(0)));
    assert!(heard.events.contains(&SessionEvent::Pulled {
        image: "x".to_owned()
    }));
    check(true, PullPolicy::Missing, false, true).await;
    check(true, PullPolicy::Always, true, true).await;
    let heard = check(false, PullPolicy::Never, false, false).await;
    assert_eq!(failure(&heard), (Code::NotFound, 125));
}

fn failure(heard: &Heard) -> (Code, u8) {
    match &heard.last {
        Some(AgentFrame::Failed(SessionFailure { error, exit_code })) => (error.code, *exit_code),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn failed_start_has_dockers_exit_code() {
    for auto_remove in [false, true] {
        for (kept, code) in [(126, 126), (127, 127), (128, 125)] {
            let fake = Fake::new(Script {
                start_fails: Some(kept),
                ..Script::default()
            });
            let request = RunRequest {
                config: json!({"Image": "x", "HostConfig": {"AutoRemove": auto_remove}}),
                ..run_request()
            };
            let heard = Session::open(&fake, SessionRequest::Run(Box::new(request)))
                .rest()
                .await;
            assert_eq!(failure(&heard), (Code::BadRequest, code), "{auto_remove}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn configuration_without_image_is_refused() {
    let fake = Fake::new(Script::default());
    let heard = Session::open(&fake, SessionRequest::Run(Box::default()))
        .rest()
        .await;
    assert_eq!(failure(&heard), (Code::BadRequest, 125));
}

#[tokio::test(start_paused = true)]
async fn output_of_a_dead_client_does_not_hold_the_container_up() {
    let fake = Fake::new(Script {
        on_stop: None,
        prints: vec![(1, "0123456789abcdef"); 60_000],
        ..Script::default()
    });
    // Nothing is read, so that every queue is full.
    let session = Session::started(&fake, run_request()).await;
    session.die().await;
    assert_eq!(*fake.state.borrow(), State::Exited(137));
}

#[tokio::test(start_paused = true)]
async fn client_that_does_not_read_is_still_heard() {
    let fake = Fake::new(Script {
        prints: vec![(1, "0123456789abcdef"); 60_000],
        ..Script::default()
    });
    let mut session = Session::started(&fake, run_request()).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    session.send(ClientFrame::Stop).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(after_start(&fake).contains(&"POST stop".to_owned()));
}

fn exec_request() -> ExecRequest {
    ExecRequest {
        container: ID.to_owned(),
        argv: vec!["sh".to_owned()],
        stdin: true,
        ..ExecRequest::default()
    }
}

async fn command_started(fake: &std::sync::Arc<Fake>) -> Session {
    let mut session = Session::open(fake, SessionRequest::Exec(exec_request()));
    session.until(&SessionEvent::Started).await;
    session
}

#[tokio::test(start_paused = true)]
async fn exec_passes_output_and_exit_code() {
    let fake = Fake::new(Script {
        prints: vec![(1, "a"), (2, "b")],
        ..Script::default()
    });
    let mut session = command_started(&fake).await;
    session.send(ClientFrame::Input(b"c".to_vec())).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    fake.command.send_replace(State::Exited(3));
    let heard = session.rest().await;
    assert_eq!((heard.stdout.as_str(), heard.stderr.as_str()), ("ac", "b"));
    assert_eq!(heard.last, Some(AgentFrame::Exit(3)));
}

#[tokio::test(start_paused = true)]
async fn exec_client_that_dies_has_its_command_ended() {
    let fake = Fake::new(Script::default());
    let session = command_started(&fake).await;
    session.die().await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(fake.seen()[2..], ["journal command_ending", "end 88 in c0ffee"]);
}

#[tokio::test(start_paused = true)]
async fn exec_interrupt_ends_the_command_once() {
    let fake = Fake::new(Script::default());
    let mut session = command_started(&fake).await;
    session.press().await;
    session.press().await;
    let heard = session.rest().await;
    assert_eq!(heard.last, Some(AgentFrame::Exit(129)));
    assert_eq!(
        heard.events,
        [escalated(Escalation::Stop, EscalationReason::Asked)]
    );
    assert_eq!(fake.seen()[2..], ["journal command_ending", "end 88 in c0ffee"]);
}

#[tokio::test(start_paused = true)]
async fn exec_client_that_detaches_leaves_its_command_running() {
    let fake = Fake::new(Script::default());
    let mut session = command_started(&fake).await;
    session.send(ClientFrame::Detach).await;
    assert_eq!(
        session.rest().await.last,
        Some(AgentFrame::Event(SessionEvent::Detached))
    );
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(*fake.command.borrow(), State::Running);
    assert_eq!(fake.seen().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn attach_client_that_dies_changes_nothing() {
    let fake = Fake::new(Script::default());
    fake.state.send_replace(State::Running);
    let request = AttachRequest {
        container: ID.to_owned(),
        stdin: true,
        ..AttachRequest::default()
    };
    let mut session = Session::open(&fake, SessionRequest::Attach(request.clone()));
    session.until(&SessionEvent::Started).await;
    session.press().await;
    session.press().await;
    session.die().await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(fake.seen(), ["POST kill?signal=INT", "POST kill?signal=INT"]);
    let mut session = Session::open(&fake, SessionRequest::Attach(request.clone()));
    session.until(&SessionEvent::Started).await;
    fake.exit(9);
    assert_eq!(session.rest().await.last, Some(AgentFrame::Exit(9)));
    let heard = Session::open(&fake, SessionRequest::Attach(request)).rest().await;
    assert_eq!(failure(&heard), (Code::Conflict, 1));
}
