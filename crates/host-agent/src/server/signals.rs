//! What the signals that stop a container do to it.

use ::machine::MachineState;
use api::{Code, SignalReport};
use axum::{
    Json,
    extract::{Query, State, rejection::QueryRejection},
};
use engine_client::EngineError;

use super::{Server, answer::Failed};
use crate::{
    engine_connect::unreachable,
    failure::{chain, failure},
    signal_doctor,
};

/// The most containers of one call.
const MAX_ASKED: usize = 1_000;

pub(super) async fn signals(
    State(server): State<Server>,
    query: Result<Query<Vec<(String, String)>>, QueryRejection>,
) -> Result<Json<Vec<SignalReport>>, Failed> {
    let bad = |message: String| failure(Code::BadRequest, message);
    let Query(pairs) = query.map_err(|error| bad(error.body_text()))?;
    let mut asked = Vec::with_capacity(pairs.len());
    for (name, value) in pairs {
        if name != "container" {
            return Err(bad(format!("there is no parameter `{}`", name.escape_default())).into());
        }
        asked.push(value);
    }
    if asked.len() > MAX_ASKED {
        return Err(bad(format!("at most {MAX_ASKED} containers at once")).into());
    }
    let state = server.supervisor.snapshot().state;
    let agent = match state {
        MachineState::Paused => None,
        _ => server.supervisor.agent(),
    };
    let agent = agent.ok_or_else(|| failure(Code::NotRunning, unreachable(&state)))?;
    let reports = signal_doctor::reports(&server.engine, &agent, &asked).await;
    Ok(Json(reports.map_err(|error| failed(&error))?))
}

fn failed(error: &EngineError) -> Failed {
    let code = match error {
        EngineError::Connect(_) => Code::NotRunning,
        _ => Code::Internal,
    };
    failure(code, chain(error)).into()
}
