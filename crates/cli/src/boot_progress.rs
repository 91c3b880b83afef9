//! What a user sees while the machine starts: each boot phase with its time.
//!
//! On a terminal the phase under way has a spinner and a running time; elsewhere there is one line per finished phase.

use std::time::Duration;

use api::{ApiEvent, Boot, Client, EventStream, MachineState, Status};
use indicatif::{ProgressBar, ProgressStyle};

use crate::{harmless, output, quantity};

/// Shows boot phases on stderr. Dropping it removes what is unfinished from the terminal.
pub struct BootProgress {
    spinner: ProgressBar,
    /// Phases of this boot that have been printed.
    printed: usize,
    /// The phase under way.
    phase: Option<String>,
    /// Whether a status of this boot has been seen; before that an event may still tell of the last one.
    begun: bool,
}

impl BootProgress {
    /// Shows nothing yet.
    pub fn new() -> Self {
        let spinner = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}  {elapsed}") {
            spinner.set_style(style);
        }
        Self {
            spinner,
            printed: 0,
            phase: None,
            begun: false,
        }
    }

    /// Shows what changed since the last status.
    pub fn show(&mut self, status: &Status) {
        if status.machine.state != MachineState::Starting {
            return;
        }
        self.begun = true;
        self.print_finished(status.machine.boot.as_ref(), status.machine.phase.as_deref());
        if status.machine.phase != self.phase {
            self.phase.clone_from(&status.machine.phase);
            self.spinner.reset_elapsed();
            self.spinner
                .set_message(harmless::line(self.phase.as_deref().unwrap_or_default()));
            self.spinner.enable_steady_tick(Duration::from_millis(120));
        }
    }

    /// Shows the rest of a boot that has ended well.
    pub fn finish(&mut self, status: &Status) {
        self.print_finished(status.machine.boot.as_ref(), None);
        self.spinner.finish_and_clear();
    }

    fn message(&self, text: &str) {
        if self.spinner.is_hidden() {
            output::note(text);
        } else {
            self.spinner.suspend(|| output::note(text));
        }
    }

    fn print_finished(&mut self, boot: Option<&Boot>, under_way: Option<&str>) {
        let Some(boot) = boot else { return };
        if boot.phases.len() < self.printed {
            // Another boot has begun: the first failed and was tried again.
            self.printed = 0;
        }
        let finished = boot
            .phases
            .iter()
            .take_while(|phase| Some(phase.name.as_str()) != under_way);
        for phase in finished.skip(self.printed) {
            let name = harmless::line(&phase.name);
            self.message(&format!("  {name:<16} {:>9}", quantity::duration(phase.ms)));
            self.printed += 1;
        }
    }

    /// Follows the events until `call` has ended, and returns what came of it.
    pub async fn during<T>(&mut self, client: &Client, call: impl Future<Output = T>) -> T {
        // Without events there is no progress to see, and the call says how it ends all the same.
        let mut events = client.events(None).await.ok();
        tokio::pin!(call);
        loop {
            tokio::select! {
                outcome = &mut call => {
                    self.spinner.finish_and_clear();
                    return outcome;
                }
                event = next(&mut events) => match event {
                    ApiEvent::Status { status } => self.show(&status),
                    ApiEvent::Notice { message, hint } if self.begun => {
                        self.message(&format!("  {}", harmless::line(&message)));
                        if let Some(hint) = hint {
                            self.message(&format!("  hint: {}", harmless::line(&hint)));
                        }
                    }
                    ApiEvent::Notice { .. } | ApiEvent::Forwards | ApiEvent::Shares => {}
                },
            }
        }
    }
}

impl Drop for BootProgress {
    fn drop(&mut self) {
        self.spinner.finish_and_clear();
    }
}

/// The next event; never when the stream has ended.
async fn next(events: &mut Option<EventStream>) -> ApiEvent {
    if let Some(stream) = events {
        if let Ok(Some(received)) = stream.next().await {
            return received.event;
        }
        *events = None;
    }
    std::future::pending().await
}
