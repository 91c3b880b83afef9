//! Commands and their answers over one connection.

use std::{
    collections::HashMap,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use qapi::{Command, qmp};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncWriteExt, WriteHalf},
    sync::{mpsc, oneshot},
    time::timeout,
};

use super::{
    line,
    message::{Message, RawEvent},
};

/// How long the greeting and the first answer may take: QEMU sends them before it reads the guest's files, but a
/// busy host may not let it run.
const GREETING_LIMIT: Duration = Duration::from_secs(20);

/// Why a command has no result.
#[derive(Debug, thiserror::Error)]
pub(crate) enum QmpError {
    #[error("the control connection ended")]
    Closed,
    #[error("no answer to {command} within {} s", limit.as_secs())]
    TimedOut { command: &'static str, limit: Duration },
    #[error("{command} was refused: {description} ({class})")]
    Refused {
        command: &'static str,
        class: String,
        description: String,
    },
    #[error("failed to understand the answer to {command}")]
    Answer {
        command: &'static str,
        source: serde_json::Error,
    },
}

/// What a command returned; else the error's class and description.
type Answer = Result<Value, (String, String)>;
type Waiting = HashMap<u64, oneshot::Sender<Answer>>;

#[derive(Debug, Default)]
struct Pending {
    next_id: u64,
    /// `None` when the connection has ended: nothing waits in vain.
    waiting: Option<Waiting>,
}

/// One control connection. Cheap to clone; it ends with QEMU.
#[derive(Clone)]
pub(crate) struct Session {
    pending: Arc<Mutex<Pending>>,
    writer: Arc<tokio::sync::Mutex<WriteHalf<link::RawStream>>>,
}

impl Session {
    /// Takes over a fresh connection: waits for the greeting and leaves the negotiation mode. Events of any name
    /// follow on the channel, which ends when the connection does.
    pub(crate) async fn start(
        stream: link::RawStream,
    ) -> Result<(Self, mpsc::UnboundedReceiver<RawEvent>), QmpError> {
        let (reader, writer) = tokio::io::split(stream);
        let pending = Arc::new(Mutex::new(Pending {
            next_id: 1,
            waiting: Some(HashMap::new()),
        }));
        let session = Self {
            pending: pending.clone(),
            writer: Arc::new(tokio::sync::Mutex::new(writer)),
        };
        let (event_sender, events) = mpsc::unbounded_channel();
        let (greeted, greeting) = oneshot::channel();
        tokio::spawn(read(reader, pending, event_sender, greeted));

        timeout(GREETING_LIMIT, greeting)
            .await
            .map_err(|_| QmpError::TimedOut {
                command: "greeting",
                limit: GREETING_LIMIT,
            })?
            .map_err(|_| QmpError::Closed)?;
        session
            .execute(qmp::qmp_capabilities { enable: None }, GREETING_LIMIT)
            .await?;
        Ok((session, events))
    }

    /// Sends a command and waits for its result, `limit` at most.
    pub(crate) async fn execute<C: Command>(&self, command: C, limit: Duration) -> Result<C::Ok, QmpError> {
        let (id, answer) = self.register()?;
        let request = json!({"execute": C::NAME, "arguments": command, "id": id});
        let answer = timeout(limit, async {
            self.send(&request).await.map_err(|_| QmpError::Closed)?;
            answer.await.map_err(|_| QmpError::Closed)
        })
        .await;
        let Ok(answer) = answer else {
            self.forget(id);
            return Err(QmpError::TimedOut {
                command: C::NAME,
                limit,
            });
        };
        let value = answer?.map_err(|(class, description)| QmpError::Refused {
            command: C::NAME,
            class,
            description,
        })?;
        serde_json::from_value(value).map_err(|source| QmpError::Answer {
            command: C::NAME,
            source,
        })
    }

    fn register(&self) -> Result<(u64, oneshot::Receiver<Answer>), QmpError> {
        let mut pending = lock(&self.pending);
        let id = pending.next_id;
        pending.next_id += 1;
        let (sender, receiver) = oneshot::channel();
        pending
            .waiting
            .as_mut()
            .ok_or(QmpError::Closed)?
            .insert(id, sender);
        Ok((id, receiver))
    }

    fn forget(&self, id: u64) {
        if let Some(waiting) = &mut lock(&self.pending).waiting {
            waiting.remove(&id);
        }
    }

    async fn send(&self, request: &Value) -> io::Result<()> {
        let mut line = request.to_string();
        line.push('\n');
        let mut writer = self.writer.lock().await;
        writer.write_all(line.as_bytes()).await?;
        writer.flush().await
    }
}

async fn read(
    reader: impl AsyncRead + Unpin,
    pending: Arc<Mutex<Pending>>,
    events: mpsc::UnboundedSender<RawEvent>,
    greeted: oneshot::Sender<()>,
) {
    let mut greeted = Some(greeted);
    let ended = line::read_lines(reader, |line| {
        let (id, result) = match Message::decode(line) {
            Message::Greeting => {
                if let Some(greeted) = greeted.take() {
                    // Nobody waits any more when the time limit was faster.
                    let _ = greeted.send(());
                }
                return;
            }
            Message::Event(event) => {
                let _ = events.send(event);
                return;
            }
            Message::Unknown => {
                tracing::debug!(bytes = line.len(), "ignored a control message");
                return;
            }
            Message::Return { id, value } => (id, Ok(value)),
            Message::Failure {
                id,
                class,
                description,
            } => (id, Err((class, description))),
        };
        let waiting = lock(&pending)
            .waiting
            .as_mut()
            .and_then(|waiting| waiting.remove(&id));
        if let Some(waiting) = waiting {
            let _ = waiting.send(result);
        }
    })
    .await;
    if let Err(error) = ended {
        tracing::debug!(%error, "control connection lost");
    }
    lock(&pending).waiting = None;
}

fn lock(pending: &Mutex<Pending>) -> MutexGuard<'_, Pending> {
    // A panic while it was held cannot leave half an entry behind.
    pending.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncBufReadExt, BufReader, DuplexStream};

    use super::*;

    const LIMIT: Duration = Duration::from_secs(20);

    /// Plays QEMU: greets, accepts the negotiation, then answers each request with what `answer` makes of it.
    fn fake_qemu(stream: DuplexStream, answer: impl Fn(&Value) -> Vec<String> + Send + 'static) {
        tokio::spawn(async move {
            let (reader, mut writer) = tokio::io::split(stream);
            writer
                .write_all(b"{\"QMP\": {\"version\": {}}}\r\n")
                .await
                .unwrap();
            let mut lines = BufReader::new(reader).lines();
            while let Some(line) = lines.next_line().await.unwrap() {
                let request: Value = serde_json::from_str(&line).unwrap();
                let answers = if request["execute"] == "qmp_capabilities" {
                    vec![json!({"return": {}, "id": request["id"]}).to_string()]
                } else {
                    answer(&request)
                };
                for answer in answers {
                    writer.write_all(answer.as_bytes()).await.unwrap();
                    writer.write_all(b"\n").await.unwrap();
                }
                if request["execute"] == "quit" {
                    return;
                }
            }
        });
    }

    async fn session(
        answer: impl Fn(&Value) -> Vec<String> + Send + 'static,
    ) -> (Session, mpsc::UnboundedReceiver<RawEvent>) {
        let (ours, theirs) = tokio::io::duplex(4096);
        fake_qemu(theirs, answer);
        Session::start(Box::new(ours)).await.unwrap()
    }

    #[tokio::test]
    async fn execute_among_unknown_events_and_garbage_gets_its_answer() {
        let (session, mut events) = session(|request| {
            vec![
                json!({"event": "FROM_THE_FUTURE", "data": 5}).to_string(),
                "no json at all".to_owned(),
                json!({"return": {"running": false}, "id": 9999}).to_string(),
                json!({"return": {"running": true, "status": "running", "new": 1}, "id": request["id"]})
                    .to_string(),
            ]
        })
        .await;
        let status = session.execute(qmp::query_status {}, LIMIT).await.unwrap();
        assert!(status.running);
        assert_eq!(events.recv().await.unwrap().name, "FROM_THE_FUTURE");
    }

    #[tokio::test]
    async fn execute_refused_gives_qemus_words() {
        let (session, _events) = session(|request| {
            vec![
                json!({"error": {"class": "GenericError", "desc": "not now"}, "id": request["id"]})
                    .to_string(),
            ]
        })
        .await;
        let error = session.execute(qmp::stop {}, LIMIT).await.unwrap_err();
        assert_eq!(error.to_string(), "stop was refused: not now (GenericError)");
    }

    #[tokio::test]
    async fn execute_when_connection_ends_fails_at_once() {
        let (session, mut events) = session(|_| Vec::new()).await;
        assert!(matches!(
            session.execute(qmp::quit {}, LIMIT).await,
            Err(QmpError::Closed)
        ));
        assert_eq!(events.recv().await, None);
        assert!(matches!(
            session.execute(qmp::cont {}, LIMIT).await,
            Err(QmpError::Closed)
        ));
    }

    #[tokio::test(start_paused = true)]
    async fn execute_without_answer_times_out() {
        let (session, _events) = session(|_| Vec::new()).await;
        let error = session
            .execute(qmp::cont {}, Duration::from_secs(5))
            .await
            .unwrap_err();
        assert_eq!(error.to_string(), "no answer to cont within 5 s");
    }
}
