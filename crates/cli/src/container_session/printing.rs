//! Prints what a session tells, until it has ended.

use api::{AgentFrame, SessionEvent, SessionFailure, SessionReader};
use tokio::{
    io::AsyncWriteExt as _,
    sync::{mpsc, oneshot},
};

use super::{
    Settings,
    notes::{Notes, escalated},
    pulling::Pulling,
};
use crate::output;

/// What the sending side has to know.
#[derive(Debug)]
pub enum News {
    /// It runs, with a terminal or without. Nothing that it prints is shown before `set_up` is used or dropped.
    Started { tty: bool, set_up: oneshot::Sender<()> },
    /// So much input was taken.
    Taken(usize),
}

/// How a session ended.
#[derive(Debug)]
pub enum End {
    /// With an exit code.
    Exited(i64),
    /// It came to nothing.
    Failed(SessionFailure),
    /// What it was about goes on.
    Detached,
    /// The host agent knows that this program closes.
    ClosingAcked,
    /// The host agent went away.
    Lost(Option<std::io::Error>),
}

/// Who it is about, as far as it is known.
#[derive(Clone, Debug, Default)]
pub struct Subject {
    /// The container's id.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// Prints output until the session ends. `subject` is told as soon as it is known.
pub async fn print(
    mut reader: SessionReader,
    settings: &Settings,
    notes: Notes,
    news: mpsc::UnboundedSender<News>,
    subject: &std::sync::Mutex<Subject>,
) -> End {
    let (mut stdout, mut stderr) = (tokio::io::stdout(), tokio::io::stderr());
    // When nobody reads the output any more the container goes on: its exit code still counts.
    let (mut stdout_open, mut stderr_open) = (settings.outputs.stdout, settings.outputs.stderr);
    let mut pulling = Pulling::default();
    let mut terminal = false;
    let mut begun = false;
    loop {
        let frame = match reader.next().await {
            Ok(Some(frame)) => frame,
            Ok(None) => return End::Lost(None),
            Err(error) => return End::Lost(Some(error)),
        };
        // Output may overtake the word of the start: the engine answers a start when the program already runs.
        let runs = matches!(
            frame,
            AgentFrame::Stdout(_) | AgentFrame::Stderr(_) | AgentFrame::Event(SessionEvent::Started)
        );
        if runs && !begun {
            begun = true;
            set_up(&news, terminal).await;
        }
        match frame {
            AgentFrame::Stdout(data) if stdout_open => {
                stdout_open = stdout.write_all(&data).await.is_ok() && stdout.flush().await.is_ok();
            }
            AgentFrame::Stderr(data) if stderr_open => {
                stderr_open = stderr.write_all(&data).await.is_ok() && stderr.flush().await.is_ok();
            }
            AgentFrame::Stdout(_) | AgentFrame::Stderr(_) => {}
            AgentFrame::Taken(bytes) => drop(news.send(News::Taken(bytes as usize))),
            AgentFrame::Exit(code) => return End::Exited(code),
            AgentFrame::Failed(failure) => return End::Failed(failure),
            AgentFrame::Event(event) => {
                pulling.show(&event);
                match event {
                    SessionEvent::Created { id, name, tty } => {
                        terminal = tty;
                        if let Ok(mut subject) = subject.lock() {
                            *subject = Subject { id, name };
                        }
                    }
                    SessionEvent::Warning { message } => output::warning(&message),
                    SessionEvent::Escalated { what, why } => {
                        if let Some(text) = escalated(settings.kind, what, why) {
                            notes.say(text);
                        }
                    }
                    SessionEvent::ClosingAck => return End::ClosingAcked,
                    SessionEvent::Detached => return End::Detached,
                    SessionEvent::Started | SessionEvent::Pulling { .. } | SessionEvent::Pulled { .. } => {}
                }
            }
        }
    }
}

/// Has keys and terminal set up. Who sees the first words may press Ctrl+C at once, and that is for what runs then.
async fn set_up(news: &mpsc::UnboundedSender<News>, tty: bool) {
    let (set_up, is_set_up) = oneshot::channel();
    if news.send(News::Started { tty, set_up }).is_ok() {
        // A session that is being left sets nothing up any more.
        let _ = is_set_up.await;
    }
}
