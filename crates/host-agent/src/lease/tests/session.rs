//! A client of a session under test.

use std::sync::Arc;

use api::{
    AgentFrame, ClientFrame, RunRequest, SessionEvent, SessionFrame, SessionFrameDecoder, SessionRequest,
};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream},
    task::JoinHandle,
};

use super::fake::Fake;

pub struct Session {
    stream: DuplexStream,
    decoder: SessionFrameDecoder<AgentFrame>,
    pub serving: JoinHandle<()>,
}

/// What came until the last frame.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Heard {
    pub stdout: String,
    pub stderr: String,
    pub events: Vec<SessionEvent>,
    pub last: Option<AgentFrame>,
}

pub fn run_request() -> RunRequest {
    RunRequest {
        config: json!({"Image": "x", "Cmd": ["sleep", "9"]}),
        ..RunRequest::default()
    }
}

impl Session {
    pub fn open(fake: &Arc<Fake>, request: SessionRequest) -> Self {
        let (stream, theirs) = tokio::io::duplex(256 * 1024);
        Self {
            stream,
            decoder: SessionFrameDecoder::default(),
            serving: tokio::spawn(fake.leases().serve(theirs, request)),
        }
    }

    /// A container that has started.
    pub async fn started(fake: &Arc<Fake>, request: RunRequest) -> Self {
        let mut session = Self::open(fake, SessionRequest::Run(Box::new(request)));
        session.until(&SessionEvent::Started).await;
        session
    }

    pub async fn send(&mut self, frame: ClientFrame) {
        self.stream.write_all(&frame.encode()).await.unwrap();
    }

    pub async fn press(&mut self) {
        self.send(ClientFrame::Signal("INT".to_owned())).await;
    }

    pub async fn next(&mut self) -> Option<AgentFrame> {
        let mut bytes = [0; 4096];
        loop {
            if let Some(frame) = self.decoder.next_frame().unwrap() {
                return Some(frame);
            }
            match self.stream.read(&mut bytes).await.unwrap() {
                0 => return None,
                length => self.decoder.push(&bytes[..length]),
            }
        }
    }

    pub async fn until(&mut self, event: &SessionEvent) {
        while self
            .next()
            .await
            .unwrap_or_else(|| panic!("{event:?} never came"))
            != AgentFrame::Event(event.clone())
        {}
    }

    pub async fn rest(&mut self) -> Heard {
        let mut heard = Heard::default();
        while let Some(frame) = self.next().await {
            assert_eq!(heard.last, None, "nothing comes after the last frame");
            match frame {
                AgentFrame::Stdout(data) => heard.stdout.push_str(&String::from_utf8(data).unwrap()),
                AgentFrame::Stderr(data) => heard.stderr.push_str(&String::from_utf8(data).unwrap()),
                AgentFrame::Taken(_) => {}
                AgentFrame::Event(SessionEvent::Detached) => heard.last = Some(frame),
                AgentFrame::Event(event) => heard.events.push(event),
                AgentFrame::Exit(_) | AgentFrame::Failed(_) => heard.last = Some(frame),
            }
        }
        heard
    }

    /// The client dies.
    pub async fn die(self) {
        drop(self.stream);
        self.serving.await.unwrap();
    }
}
