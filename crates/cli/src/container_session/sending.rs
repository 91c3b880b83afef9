//! Sends what is typed and what happens to this program, until it leaves.

use std::io;

use api::{ClientFrame, SESSION_INPUT_WINDOW_BYTES, SessionWriter};
use tokio::{io::AsyncReadExt as _, sync::mpsc, time::Instant};

use super::{
    Kind, Settings,
    detach_keys::DetachWatch,
    notes::Notes,
    presses::{Meaning, Presses},
    printing::News,
};
use crate::sys::{Interruption, Interrupts, RawTerminal, Resizes};

/// After so many presses of Ctrl+C this program waits no longer for what they do.
const GIVE_UP_AT: u32 = 4;
/// The same where Ctrl+C is not this program's to make work.
const LEAVE_AT: u32 = 3;

/// How this program leaves a session that goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// By the keys that detach.
    Detached,
    /// By Ctrl+C, where signals are not passed on.
    LetGo,
    /// It is ended from outside.
    Closing,
    /// The user does not want to wait any longer.
    GaveUp,
}

/// The sending side of a session.
pub struct Sending<'a> {
    pub writer: SessionWriter,
    pub interrupts: &'a mut Interrupts,
    pub settings: &'a Settings,
    pub notes: Notes,
    pub news: mpsc::UnboundedReceiver<News>,
    /// While the terminal is raw.
    pub terminal: Option<RawTerminal>,
    pub presses: Presses,
    /// How many times Ctrl+C came as a signal.
    pub interrupted: u32,
}

impl Sending<'_> {
    /// Whether the user asked for an end.
    pub fn wants_end(&self) -> bool {
        self.interrupted > 0 || self.presses.is_stopping()
    }

    /// Sends until this program leaves. Never returns when the session ends first.
    pub async fn send(&mut self) -> Left {
        let mut stdin = tokio::io::stdin();
        let mut watch = DetachWatch::new(&self.settings.detach_keys);
        let mut piece = vec![0; 16 << 10];
        let mut window = SESSION_INPUT_WINDOW_BYTES;
        let mut resizes = None;
        let mut open = false;
        loop {
            let most = piece.len().min(window);
            let sent = tokio::select! {
                interruption = self.interrupts.next() => match self.interrupted_by(interruption).await {
                    Ok(Some(left)) => return left,
                    Ok(None) => Ok(()),
                    Err(error) => Err(error),
                },
                Some(news) = self.news.recv() => {
                    match news {
                        News::Taken(bytes) => window = (window + bytes).min(SESSION_INPUT_WINDOW_BYTES),
                        News::Started { tty, set_up } => {
                            open = self.settings.stdin;
                            if tty {
                                self.enter_raw();
                                resizes = Resizes::new().ok();
                            }
                            // Nobody waits where the session has ended.
                            let _ = set_up.send(());
                        }
                    }
                    Ok(())
                }
                read = stdin.read(&mut piece[..most]), if open && most > 0 => match read {
                    // A stdin that cannot be read, such as a closed one, has no more input.
                    Ok(0) | Err(_) => {
                        open = false;
                        self.writer.send(&ClientFrame::EndOfInput).await
                    }
                    Ok(length) => match self.typed(&piece[..length], &mut watch, &mut window).await {
                        Ok(Some(left)) => return left,
                        Ok(None) => Ok(()),
                        Err(error) => Err(error),
                    }
                },
                (columns, rows) = next_size(&mut resizes) => {
                    self.writer.send(&ClientFrame::Resize { columns, rows }).await
                }
                () = until(self.presses.tell_at()) => {
                    let keys = self.settings.detach_keys.spoken();
                    let what = if self.settings.kind == Kind::Exec { "command" } else { "container" };
                    self.notes.say(&format!("Ctrl+C again to stop the {what}, {keys} to leave it running"));
                    self.presses.told(Instant::now());
                    Ok(())
                }
            };
            if sent.is_err() {
                // The session has ended, which the other side says with the reason.
                self.hear_no_more();
                std::future::pending::<()>().await;
            }
        }
    }

    /// From now on nobody waits for what is made of news.
    pub fn hear_no_more(&mut self) {
        self.news.close();
        while self.news.try_recv().is_ok() {}
    }

    fn enter_raw(&mut self) {
        if !self.settings.stdin {
            return;
        }
        // A stdin that is no terminal stays what it is.
        self.terminal = RawTerminal::enter().ok();
        self.notes.set_raw(self.terminal.is_some());
    }

    async fn typed(
        &mut self,
        bytes: &[u8],
        watch: &mut DetachWatch,
        window: &mut usize,
    ) -> io::Result<Option<Left>> {
        let mut detached = false;
        let mut data = bytes.to_vec();
        if self.terminal.is_some() {
            let owns = self.settings.kind != Kind::Attach;
            if owns && self.presses.typed(bytes, Instant::now()) == Meaning::Stop {
                self.writer.send(&ClientFrame::Stop).await?;
                return Ok(None);
            }
            let typed = watch.typed(bytes);
            (data, detached) = (typed.bytes, typed.detached);
        }
        if !data.is_empty() {
            // At most as much as was held back more than was read, which is a few keys.
            *window = window.saturating_sub(data.len());
            self.writer.send(&ClientFrame::Input(data)).await?;
        }
        if !detached {
            return Ok(None);
        }
        self.writer.send(&ClientFrame::Detach).await?;
        Ok(Some(Left::Detached))
    }

    async fn interrupted_by(&mut self, interruption: Interruption) -> io::Result<Option<Left>> {
        if !self.settings.sig_proxy && interruption != Interruption::StopNow {
            self.writer.send(&ClientFrame::Detach).await?;
            return Ok(Some(Left::LetGo));
        }
        match interruption {
            Interruption::Interrupt => {
                self.interrupted += 1;
                let most = if self.settings.kind == Kind::Run {
                    GIVE_UP_AT
                } else {
                    LEAVE_AT
                };
                if self.interrupted >= most {
                    return Ok(Some(Left::GaveUp));
                }
                self.writer.send(&ClientFrame::Signal("INT".to_owned())).await?;
            }
            Interruption::Quit => self.writer.send(&ClientFrame::Signal("QUIT".to_owned())).await?,
            Interruption::StopNow => {
                self.interrupted += 1;
                self.writer.send(&ClientFrame::Stop).await?;
            }
            Interruption::Closing => {
                self.writer.send(&ClientFrame::Closing).await?;
                return Ok(Some(Left::Closing));
            }
        }
        Ok(None)
    }
}

/// The terminal's next size; never without a terminal.
async fn next_size(resizes: &mut Option<Resizes>) -> (u16, u16) {
    match resizes {
        Some(resizes) => resizes.next().await,
        None => std::future::pending().await,
    }
}

async fn until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}
