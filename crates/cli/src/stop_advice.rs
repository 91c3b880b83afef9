//! What the signal doctor says of containers: which ones ignore Ctrl+C or a stop, and what helps.

use std::{collections::HashMap, time::Duration};

use api::{SignalReport, StopVerdict};

use crate::session;

/// How long a list waits for it. What matters more is there already.
const LIMIT: Duration = Duration::from_secs(3);

/// What is known, by the container's whole id.
#[derive(Default)]
pub struct StopAdvice(HashMap<String, SignalReport>);

impl StopAdvice {
    /// Asks about these containers; about all that run where there are none. Nothing is known when nobody answers.
    pub async fn of(containers: &[String]) -> Self {
        let reports = tokio::time::timeout(LIMIT, reports(containers)).await;
        let by_id = |report: SignalReport| (report.container.clone(), report);
        Self(
            reports
                .ok()
                .flatten()
                .unwrap_or_default()
                .into_iter()
                .map(by_id)
                .collect(),
        )
    }

    /// The whole report on a container.
    pub fn report(&self, id: &str) -> Option<&SignalReport> {
        self.0.get(id)
    }

    /// What is said of a container in few words; nothing where nothing is known.
    pub fn text(&self, id: &str) -> String {
        self.report(id).map(text).unwrap_or_default()
    }
}

async fn reports(containers: &[String]) -> Option<Vec<SignalReport>> {
    let folders = session::folders().ok()?;
    let client = session::connect(&folders.api_socket).await.ok()??;
    client.signals(containers).await.ok()
}

fn text(report: &SignalReport) -> String {
    if let Some(advice) = &report.advice {
        return advice.clone();
    }
    match report.verdict {
        StopVerdict::Handles => "ok",
        StopVerdict::IgnoresInterrupt => "ignores SIGINT",
        StopVerdict::IgnoresTerminate => "ignores its stop signal",
        StopVerdict::IgnoresBoth => "ignores SIGINT and its stop signal",
        StopVerdict::Unknown { .. } => "unknown",
    }
    .to_owned()
}
