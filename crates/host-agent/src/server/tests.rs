//! The API over a real local socket, with its own client.

use std::sync::Arc;

use api::{
    ApiEvent, Client, Code, LogQuery, LogSource, MachineState, ResetRequest, ShellRequest, StopRequest,
};
use engine_proxy::rewrite::LeaveAll;
use platform::{LocalAddress, LocalListener};
use tokio::{io::AsyncReadExt, sync::mpsc};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::{
    run::tests::folders_below,
    supervisor::{Limits, SupervisorConfig, absent::Absent},
};

struct Served {
    client: Client,
    server: Server,
    serving: tokio::task::JoinHandle<io::Result<()>>,
    _folder: tempfile::TempDir,
}

async fn served() -> Served {
    let folder = tempfile::tempdir().unwrap();
    let folders = folders_below(folder.path());
    let (notices, _) = mpsc::unbounded_channel();
    let supervisor = Supervisor::spawn(SupervisorConfig {
        provision: Arc::new(Absent),
        limits: Limits::default(),
        notices,
    });
    let engine = Engine::new(crate::engine_connect::EngineConnect {
        supervisor: supervisor.clone(),
    });
    let (forwards, _) = Forwards::spawn(crate::forward::ForwardsConfig {
        agents: supervisor.agents(),
        snapshots: supervisor.snapshots(),
        engine: engine.clone(),
        state_folder: folders.state.clone(),
        open_on: Default::default(),
        room: Default::default(),
    });
    let (shares, _) = Shares::spawn(crate::share::SharesConfig {
        agents: supervisor.agents(),
        snapshots: supervisor.snapshots(),
        engine: engine.clone(),
        folders: folders.clone(),
        home: None,
        share_home: false,
        hide: Vec::new(),
        look: crate::share::SharesConfig::LOOK,
    });
    let server = Server {
        forwards,
        shares,
        rewrite: Arc::new(LeaveAll),
        supervisor,
        engine,
        journal: Journal::open(folders.state.clone()),
        provision: Arc::new(Absent),
        feed: EventFeed::default(),
        endpoint: LocalAddress::unix("/run/docker.sock"),
        warnings: Arc::new(["careful".to_owned()]),
        log: folders.logs.join("host-agent.log").into(),
        console_log: folders.logs.join("console.log").into(),
        quit: CancellationToken::new(),
    };
    let listener = LocalListener::bind(&folders.api_socket).unwrap();
    let serving = tokio::spawn(server.clone().serve(listener));
    Served {
        client: Client::connect(&folders.api_socket).await.unwrap(),
        server,
        serving,
        _folder: folder,
    }
}

#[tokio::test]
async fn status_of_a_fresh_host_agent_is_stopped() {
    let served = served().await;
    let status = served.client.status().await.unwrap();
    assert_eq!(status.machine.state, MachineState::Stopped);
    assert_eq!(status.engine.endpoint, "unix:///run/docker.sock");
    assert_eq!(status.host_agent.warnings, ["careful"]);
    assert!(status.machine.since.ends_with('Z'));
}

#[tokio::test]
async fn start_without_image_fails_with_its_code_and_status_says_so() {
    let served = served().await;
    let request = api::StartRequest {
        wait: true,
        timeout_ms: None,
    };
    let error = served.client.start(&request).await.unwrap_err();
    assert_eq!(error.api().unwrap().code, Code::VmImage);
    let machine = served.client.status().await.unwrap().machine;
    assert_eq!(
        (machine.state, machine.reason.as_deref()),
        (MachineState::Failed, Some("no image; build one"))
    );
    // A stop of what is down is no error.
    served.client.stop(&StopRequest::default()).await.unwrap();
}

#[tokio::test]
async fn calls_on_a_stopped_machine_are_refused_with_a_code() {
    let served = served().await;
    assert_eq!(
        served.client.pause().await.unwrap_err().api().unwrap().code,
        Code::NotRunning
    );
    let shell = served.client.shell(&ShellRequest::default()).await.unwrap_err();
    assert_eq!(shell.api().unwrap().code, Code::NotRunning);
    let query = LogQuery {
        source: LogSource::Engine,
        tail: 1,
        follow: false,
    };
    assert_eq!(
        served.client.logs(&query).await.unwrap_err().api().unwrap().code,
        Code::NotRunning
    );
    assert!(
        served
            .client
            .reset(&ResetRequest {
                dry_run: true,
                factory: false
            })
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn events_begin_with_the_status_and_resume() {
    let served = served().await;
    let mut events = served.client.events(None).await.unwrap();
    let first = events.next().await.unwrap().unwrap();
    assert!(first.resync && matches!(first.event, ApiEvent::Status { .. }));
    let notice = |text: &str| ApiEvent::Notice {
        message: text.to_owned(),
        hint: None,
    };
    served.server.feed.push(notice("one"));
    served.server.feed.push(notice("two"));
    let one = events.next().await.unwrap().unwrap();
    assert_eq!((one.resync, one.event), (false, notice("one")));
    drop(events);
    let mut resumed = served.client.events(Some(one.id)).await.unwrap();
    assert_eq!(resumed.next().await.unwrap().unwrap().event, notice("two"));
    let mut lost = served.client.events(Some(9999)).await.unwrap();
    assert!(lost.next().await.unwrap().unwrap().resync);
}

#[tokio::test]
async fn logs_are_the_last_lines() {
    let served = served().await;
    std::fs::write(&served.server.log, "a\nb\nc\n").unwrap();
    let query = LogQuery {
        source: LogSource::HostAgent,
        tail: 2,
        follow: false,
    };
    let mut text = String::new();
    served
        .client
        .logs(&query)
        .await
        .unwrap()
        .read_to_string(&mut text)
        .await
        .unwrap();
    assert_eq!(text, "b\nc\n");
}

#[tokio::test]
async fn document_is_served() {
    let served = served().await;
    assert_eq!(served.client.openapi().await.unwrap()["info"]["version"], "1");
}

#[tokio::test]
async fn quit_is_answered_and_ends_the_serving_in_spite_of_a_listener() {
    let served = served().await;
    let mut events = served.client.events(None).await.unwrap();
    assert!(events.next().await.unwrap().is_some());
    served.client.quit().await.unwrap();
    assert!(served.server.quit.is_cancelled());
    served.serving.await.unwrap().unwrap();
    while let Ok(Some(_)) = events.next().await {}
    assert!(served.client.status().await.unwrap_err().is_unreachable());
}

#[tokio::test]
async fn why_of_a_container_that_nobody_knows_is_not_found() {
    let served = served().await;
    let query = api::WhyQuery {
        container: "web".to_owned(),
    };
    let error = served.client.why(&query).await.unwrap_err();
    assert_eq!(
        error.api().map(|error| error.code),
        Some(Code::NotFound),
        "{error}"
    );
}

#[tokio::test]
async fn why_of_a_removed_container_is_answered_from_the_journal_while_the_machine_is_stopped() {
    use crate::journal::{Entry, What, now_ms};

    let served = served().await;
    let id = "c".repeat(64);
    let exited = What::Exited { code: 3, oom: false };
    for (ago_ms, what) in [(9_000, What::Started), (500, exited), (490, What::Removed)] {
        served.server.journal.record(Entry {
            at_ms: now_ms() - ago_ms,
            container: id.clone(),
            name: "web".to_owned(),
            image: "busybox".to_owned(),
            what,
        });
    }
    for asked in ["web", "/web", "ccccc"] {
        let query = api::WhyQuery {
            container: asked.to_owned(),
        };
        let answer = served.client.why(&query).await.unwrap();
        assert_eq!(
            (answer.container.as_str(), answer.name.as_str()),
            (id.as_str(), "web")
        );
        assert_eq!(answer.running, Some(false));
        assert_eq!(answer.sentence, "web exited by itself with code 3 just now");
        let texts: Vec<&str> = answer.evidence.iter().map(|line| line.text.as_str()).collect();
        assert_eq!(texts, ["started", "ended with code 3", "removed"]);
    }
}

#[tokio::test]
async fn why_of_hostile_names_is_not_found() {
    let served = served().await;
    for asked in ["", "..", "a/../b", "x\n", "\u{202e}", "%00"] {
        let query = api::WhyQuery {
            container: asked.to_owned(),
        };
        let error = served.client.why(&query).await.unwrap_err();
        assert_eq!(
            error.api().map(|error| error.code),
            Some(Code::NotFound),
            "{asked:?}"
        );
    }
}

#[tokio::test]
async fn signals_of_a_stopped_machine_is_not_running() {
    let served = served().await;
    let error = served.client.signals(&[]).await.unwrap_err();
    assert_eq!(
        error.api().map(|error| error.code),
        Some(Code::NotRunning),
        "{error}"
    );
}
