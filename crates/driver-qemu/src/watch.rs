//! One task for each machine that sees all that happens to it and tells it as [`DriverEvent`]s.
//!
//! ```text
//!   QMP events ──────┐
//!   QEMU's exit ─────┼──► Watch ──► DriverEvent …, Exited
//!   sidecar's exit ──┤
//!   silence ─────────┘   (neither console nor link, under an accelerator that was trusted)
//! ```

use std::{pin::pin, process::ExitStatus, sync::Arc, time::Duration};

use link::{Lane, LaneState, Link};
use machine::{Accelerator, DriverEvent, Exit};
use qapi::qmp;
use tokio::{
    sync::mpsc,
    time::{Instant, MissedTickBehavior, interval, sleep_until, timeout},
};

use crate::{
    accelerator,
    cache::{Cache, ProgramKey, Trial},
    console::Console,
    process::Process,
    qmp::{RawEvent, Session},
};

const COMMAND_LIMIT: Duration = Duration::from_secs(5);

/// How long the rest of the events may take after QEMU ended.
const DRAIN_LIMIT: Duration = Duration::from_millis(500);

/// An accelerated kernel is up within two seconds. One that has written nothing and called nobody by now never will.
const SILENCE_LIMIT: Duration = Duration::from_secs(30);

/// How often the console's length is looked at.
const CONSOLE_PERIOD: Duration = Duration::from_secs(30);

/// How many of the console's lines tell of an unexpected end.
const LAST_LINES: usize = 10;

/// Remembers that an accelerator failed, so that the next start takes another one.
pub(crate) struct Distrust {
    pub cache: Arc<Cache>,
    pub program: ProgramKey,
    pub accelerator: Accelerator,
}

impl Distrust {
    fn remember(&self, reason: &str) {
        let trial = Trial {
            accelerator: self.accelerator,
            failure: Some(reason.to_owned()),
        };
        self.cache.remember_trial(&self.program, trial);
    }
}

pub(crate) struct Watch {
    pub process: Process,
    pub sidecar: Option<Process>,
    pub session: Session,
    pub link: Link,
    pub console: Console,
    pub distrust: Distrust,
    pub events: mpsc::UnboundedSender<DriverEvent>,
}

/// What was seen of a machine so far.
#[derive(Default)]
struct Seen {
    /// Why QEMU shuts down, in its own word.
    shutdown: Option<String>,
    /// A disk error was told and the machine was not resumed since: each request in flight fails for itself.
    disk_error: bool,
    accelerator_failed: bool,
    sidecar_end: Option<String>,
}

impl Watch {
    pub(crate) async fn run(self, mut qmp_events: mpsc::UnboundedReceiver<RawEvent>) {
        let mut seen = Seen::default();
        let mut exit = pin!(self.process.wait());
        let mut sidecar_exit = pin!(sidecar_exit(self.sidecar.as_ref()));
        let mut silence = pin!(sleep_until(Instant::now() + SILENCE_LIMIT));
        let mut silence_watched = self.distrust.accelerator != Accelerator::Tcg;
        let mut console_check = interval(CONSOLE_PERIOD);
        console_check.set_missed_tick_behavior(MissedTickBehavior::Skip);

        // It may have stopped before anybody listened.
        self.look_for_internal_error(&mut seen).await;
        let status = loop {
            tokio::select! {
                status = &mut exit => break status,
                Some(event) = qmp_events.recv() => self.take(&event, &mut seen).await,
                end = &mut sidecar_exit, if seen.sidecar_end.is_none() => {
                    // Its lanes cannot come back in this machine: let the next one have a new one.
                    tracing::warn!(reason = end, "the vsock program ended");
                    seen.sidecar_end = Some(end);
                    if let Err(error) = self.process.kill() {
                        tracing::warn!(%error, "failed to kill qemu");
                    }
                }
                () = &mut silence, if silence_watched => {
                    silence_watched = false;
                    self.judge_silence(&mut seen).await;
                }
                _ = console_check.tick() => {
                    if let Err(error) = self.console.limit_length() {
                        tracing::warn!(%error, "failed to limit the console's file");
                    }
                }
            }
        };
        // What QEMU said last may still be on its way.
        let rest = async {
            while let Some(event) = qmp_events.recv().await {
                self.take_last(&event, &mut seen);
            }
        };
        let _ = timeout(DRAIN_LIMIT, rest).await;
        self.link.close();
        self.tell(DriverEvent::Exited(self.exit(status, &seen)));
    }

    fn tell(&self, event: DriverEvent) {
        // Nobody listens when the host agent is on its way out.
        let _ = self.events.send(event);
    }

    async fn take(&self, event: &RawEvent, seen: &mut Seen) {
        match event.name.as_str() {
            "STOP" => {
                self.link.suspend_heartbeat(true);
                self.look_for_internal_error(seen).await;
            }
            "RESUME" => {
                seen.disk_error = false;
                self.link.suspend_heartbeat(false);
            }
            _ => self.take_last(event, seen),
        }
    }

    fn take_last(&self, event: &RawEvent, seen: &mut Seen) {
        match event.name.as_str() {
            "BLOCK_IO_ERROR" if event.text("action") == Some("stop") && !seen.disk_error => {
                seen.disk_error = true;
                self.tell(DriverEvent::DiskError {
                    no_space: event.flag("nospace").unwrap_or(false),
                    reason: event.text("reason").unwrap_or("unknown").to_owned(),
                });
            }
            "GUEST_PANICKED" => self.tell(DriverEvent::GuestPanicked),
            "SHUTDOWN" => seen.shutdown = Some(event.text("reason").unwrap_or("unknown").to_owned()),
            name => tracing::trace!(name, "qemu event"),
        }
    }

    async fn look_for_internal_error(&self, seen: &mut Seen) {
        match self.session.execute(qmp::query_status {}, COMMAND_LIMIT).await {
            Ok(status) if status.status == qmp::RunState::internal_error => {
                let words = self.process.first_error();
                let reason = words.unwrap_or_else(|| "the guest stopped with an internal error".to_owned());
                self.accelerator_failed(reason, seen);
            }
            Ok(_) => {}
            Err(error) => tracing::debug!(%error, "failed to ask for the machine's status"),
        }
    }

    async fn judge_silence(&self, seen: &mut Seen) {
        let link_up = matches!(
            *self.link.lane_state(Lane::Control).borrow(),
            LaneState::Up { .. }
        );
        let running = self
            .session
            .execute(qmp::query_status {}, COMMAND_LIMIT)
            .await
            .is_ok_and(|status| status.running);
        if running && !link_up && self.console.written_bytes() == 0 {
            let limit_s = SILENCE_LIMIT.as_secs();
            self.accelerator_failed(format!("the guest gave no sign of life within {limit_s} s"), seen);
        }
    }

    fn accelerator_failed(&self, reason: String, seen: &mut Seen) {
        if !seen.accelerator_failed {
            seen.accelerator_failed = true;
            self.distrust.remember(&reason);
            self.tell(DriverEvent::AcceleratorFailed { reason });
        }
    }

    fn exit(&self, status: ExitStatus, seen: &Seen) -> Exit {
        let clean = status.success() && seen.shutdown.as_deref() == Some("guest-shutdown");
        if clean {
            return Exit {
                clean,
                reason: "the guest powered off".to_owned(),
            };
        }
        let mut reason = match (&seen.sidecar_end, seen.shutdown.as_deref()) {
            (Some(end), _) => format!("the vsock program ended: {end}"),
            (None, Some("guest-reset")) => "the guest's kernel restarted or panicked".to_owned(),
            (None, Some("guest-panic")) => "the guest's kernel panicked".to_owned(),
            (None, Some("host-qmp-quit")) => {
                return Exit {
                    clean,
                    reason: "it was ended on request".to_owned(),
                };
            }
            (None, _) => format!("qemu ended unexpectedly, {}", self.process.end_in_words(status)),
        };
        if self.distrust.accelerator != Accelerator::Tcg && crate::process::aborted(status) {
            let name = accelerator::name(self.distrust.accelerator);
            self.distrust
                .remember(&format!("it aborted while it ran a machine with {name}"));
        }
        let lines = self.console.tail(LAST_LINES);
        if !lines.is_empty() {
            reason.push_str("; the console's last lines: ");
            reason.push_str(&lines.join(" | "));
        }
        Exit { clean, reason }
    }
}

/// Resolves with how it ended; never where there is none.
async fn sidecar_exit(sidecar: Option<&Process>) -> String {
    match sidecar {
        Some(sidecar) => {
            let status = sidecar.wait().await;
            sidecar.end_in_words(status)
        }
        None => std::future::pending().await,
    }
}
