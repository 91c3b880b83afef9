//! What the engine tells of containers while cases act.

use std::{
    io::{BufRead, BufReader},
    process::Child,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, UNIX_EPOCH},
};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::{Docker, until};

/// One event of a container.
#[derive(Clone, Debug)]
pub struct EngineEvent {
    /// The container's name.
    pub container: String,
    /// `start`, `die`, `kill`, `attach`, `exec_start: sleep 1000`.
    pub action: String,
    /// The signal of a `kill`, the exit code of a `die`.
    pub detail: String,
}

/// A `docker events` that runs along. Dropping it ends it.
pub struct EngineEvents {
    follower: Child,
    seen: Arc<Mutex<Vec<EngineEvent>>>,
}

impl EngineEvents {
    /// Follows from now on.
    pub fn follow(docker: &Docker) -> Result<Self> {
        let now = UNIX_EPOCH.elapsed()?.as_secs().to_string();
        let args = [
            "events",
            "--since",
            &now,
            "--filter",
            "type=container",
            "--format",
            "{{json .}}",
        ];
        let mut follower = docker.run(args).start()?;
        let stdout = follower.stdout.take().context("the output is not piped")?;
        let seen = Arc::<Mutex<Vec<EngineEvent>>>::default();
        let sink = Arc::clone(&seen);
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines() {
                let Ok(line) = line else { return };
                if let Some(event) = parse(&line) {
                    sink.lock().unwrap_or_else(PoisonError::into_inner).push(event);
                }
            }
        });
        Ok(Self { follower, seen })
    }

    /// The events of one container so far.
    pub fn of(&self, container: &str) -> Vec<EngineEvent> {
        let seen = self.seen();
        seen.iter()
            .filter(|event| event.container == container)
            .cloned()
            .collect()
    }

    /// Whether a container had an event of this action, and of this detail where one is given.
    pub fn had(&self, container: &str, action: &str, detail: Option<&str>) -> bool {
        self.seen().iter().any(|event| {
            event.container == container
                && event.action == action
                && detail.is_none_or(|detail| detail == event.detail)
        })
    }

    /// Waits for an event.
    pub fn wait_for(
        &self,
        container: &str,
        action: &str,
        detail: Option<&str>,
        deadline: Duration,
    ) -> Result<()> {
        let what = format!("the event {action} {} of {container}", detail.unwrap_or_default());
        until(&what, deadline, || Ok(self.had(container, action, detail)))
            .with_context(|| format!("its events were {:?}", self.of(container)))
    }

    fn seen(&self) -> MutexGuard<'_, Vec<EngineEvent>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for EngineEvents {
    fn drop(&mut self) {
        // It ends by itself when the engine does.
        let _ = self.follower.kill();
        let _ = self.follower.wait();
    }
}

fn parse(line: &str) -> Option<EngineEvent> {
    let event: Value = serde_json::from_str(line).ok()?;
    let attributes = &event["Actor"]["Attributes"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let detail = [&attributes["signal"], &attributes["exitCode"]];
    Some(EngineEvent {
        container: text(&attributes["name"]),
        action: text(&event["Action"]),
        detail: detail.into_iter().map(text).collect(),
    })
}
