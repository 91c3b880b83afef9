//! The agent as a process: a real link over Unix sockets, private namespaces, and a root folder that holds the
//! agent and nothing else, so that the engine's programs are missing.
#![expect(clippy::unwrap_used, reason = "a test ends at the first thing that fails")]

mod machine;

use link::Stream;
use protocol::{EngineState, ErrorCode, Event, LinkPort, LogSource, Reply, Request, StreamHead};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

use self::machine::{LIMIT, Machine};

async fn text_of(mut stream: Stream) -> String {
    stream.shutdown().await.unwrap();
    let mut text = String::new();
    timeout(LIMIT, stream.read_to_string(&mut text))
        .await
        .unwrap()
        .unwrap();
    text
}

#[tokio::test]
async fn process_without_engine_answers_all_ports_and_ends_in_order() {
    let mut machine = Machine::start().await;

    let facts = machine.facts().await;
    assert_ne!(facts.boot_id, [0; 16]);
    assert_eq!(facts.data_disk, None);

    assert_eq!(
        machine.ask(Request::SetTime { unix_ms: 1 }).await,
        Err(ErrorCode::Unsupported)
    );
    assert_eq!(machine.ask(Request::Trim).await, Err(ErrorCode::Unsupported));
    // The engine waits for it.
    let shares = Vec::new();
    assert_eq!(
        machine.ask(Request::SetShares { shares }).await,
        Ok(Reply::Shares(Vec::new()))
    );

    if !matches!(facts.engine, EngineState::Unhealthy { .. }) {
        machine
            .event(|event| matches!(event, Event::Engine(EngineState::Unhealthy { .. })))
            .await;
    }
    let EngineState::Unhealthy { reason, .. } = machine.facts().await.engine else {
        panic!("no engine, yet healthy")
    };
    assert!(reason.contains("failed to run dockerd"), "{reason}");

    let argv = vec!["/agent".to_owned(), "--version".to_owned()];
    let shell = machine
        .open(
            LinkPort::SHELL,
            &StreamHead::Shell {
                token: 42,
                argv,
                tty: None,
            },
        )
        .await;
    assert!(text_of(shell).await.starts_with("pinnace-guest-agent "));
    machine
        .event(|event| *event == Event::ShellExited { token: 42, code: 0 })
        .await;

    let argv = vec!["/missing".to_owned()];
    let shell = machine
        .open(
            LinkPort::SHELL,
            &StreamHead::Shell {
                token: 43,
                argv,
                tty: None,
            },
        )
        .await;
    let text = text_of(shell).await;
    assert!(text.contains("failed to run /missing"), "{text:?}");
    machine
        .event(|event| *event == Event::ShellExited { token: 43, code: 127 })
        .await;

    let head = StreamHead::Logs {
        source: LogSource::Agent,
        tail_lines: 100,
        follow: false,
    };
    let log = text_of(machine.open(LinkPort::LOGS, &head).await).await;
    assert!(log.contains("failed to run dockerd"), "{log}");

    assert_eq!(
        machine.ask(Request::Shutdown { grace_ms: 1000 }).await,
        Ok(Reply::Done)
    );
    machine.event(|event| *event == Event::PoweringOff).await;
    let status = tokio::task::spawn_blocking(move || machine.process.wait().map(|status| (status, machine)));
    let (status, _machine) = timeout(LIMIT, status).await.unwrap().unwrap().unwrap();
    assert!(status.success(), "{status}");
}
