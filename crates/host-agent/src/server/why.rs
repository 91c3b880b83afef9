//! Why a container stopped.

use std::time::Duration;

use ::machine::MachineState;
use api::{Code, WhyAnswer, WhyEvidence, WhyQuery};
use axum::{
    Json,
    extract::{Query, State, rejection::QueryRejection},
};
use engine_client::ContainerDetails;
use tokio::time::timeout;

use super::{Server, answer::Failed};
use crate::{
    failure::{failure, hinted},
    journal::{Entry, Resolved, Subject, explain, now_ms, resolve},
};

/// How long the engine may take to say whether a container runs. The journal answers without it.
const LOOK: Duration = Duration::from_secs(3);

pub(super) async fn why(
    State(server): State<Server>,
    query: Result<Query<WhyQuery>, QueryRejection>,
) -> Result<Json<WhyAnswer>, Failed> {
    let Query(query) = query.map_err(|error| failure(Code::BadRequest, error.body_text()))?;
    let asked = query.container.trim_start_matches('/');
    let entries = server.journal.entries().await;
    let subject = subject(&server, &entries, asked).await?;
    let answer = explain(&subject, &entries, now_ms());
    let evidence = answer.evidence.into_iter();
    Ok(Json(WhyAnswer {
        container: subject.container,
        name: subject.name,
        running: subject.running,
        sentence: answer.sentence,
        evidence: evidence
            .map(|line| WhyEvidence {
                at: line.at,
                text: line.text,
            })
            .collect(),
    }))
}

/// The container that is meant: the engine's where it has one of that name, else the journal's last.
async fn subject(server: &Server, entries: &[Entry], asked: &str) -> Result<Subject, Failed> {
    if !is_name(asked) {
        return Err(unknown(asked));
    }
    if let Live::There(details) = look(server, asked).await {
        return Ok(Subject {
            container: details.id,
            name: details.name.trim_start_matches('/').to_owned(),
            running: Some(details.state.running),
        });
    }
    match resolve(entries, asked) {
        Resolved::One { container, name } => {
            let running = match look(server, &container).await {
                Live::There(details) => Some(details.state.running),
                Live::Gone => Some(false),
                Live::Unknown => None,
            };
            Ok(Subject {
                container,
                name,
                running,
            })
        }
        Resolved::Several => Err(hinted(
            Code::BadRequest,
            format!("several containers have ids that begin with `{asked}`"),
            "give more of the id, or the name",
        )
        .into()),
        Resolved::Nothing => Err(unknown(asked)),
    }
}

/// What the engine says of a container.
enum Live {
    There(Box<ContainerDetails>),
    Gone,
    /// It cannot be asked.
    Unknown,
}

async fn look(server: &Server, container: &str) -> Live {
    let state = server.supervisor.snapshot().state;
    // Nothing runs in a machine that is down.
    if matches!(state, MachineState::Stopped | MachineState::Failed { .. }) {
        return Live::Gone;
    }
    match timeout(LOOK, server.engine.container(container)).await {
        Ok(Ok(details)) => Live::There(Box::new(details)),
        Ok(Err(error)) if error.is_not_found() => Live::Gone,
        Ok(Err(_)) | Err(_) => Live::Unknown,
    }
}

/// Names and ids, as the engine has them.
fn is_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric();
    text.bytes().next().is_some_and(plain)
        && text
            .bytes()
            .all(|byte| plain(byte) || matches!(byte, b'_' | b'.' | b'-'))
}

fn unknown(asked: &str) -> Failed {
    hinted(
        Code::NotFound,
        format!("nothing is known of a container `{}`", asked.escape_default()),
        "see `pinnace ps --all`",
    )
    .into()
}
