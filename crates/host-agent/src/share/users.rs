//! Which containers use a share.

use std::time::Duration;

use api::{ApiError, Code};
use engine_client::{Engine, EngineError};
use hyper::Method;
use serde::Deserialize;
use tokio::time::timeout;

use crate::failure::{chain, failure};

/// How long a listing may take.
const ANSWER: Duration = Duration::from_secs(10);

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Row {
    id: String,
    #[serde(default)]
    names: Option<Vec<String>>,
    #[serde(default)]
    mounts: Option<Vec<RowMount>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RowMount {
    #[serde(default)]
    source: String,
}

/// The names of containers that run and mount something in one of these folders of the machine, which is up. Fails while
/// the engine cannot be asked: they run on without it, and without a connection to it.
pub async fn users(engine: &Engine, guest_folders: &[String]) -> Result<Vec<String>, ApiError> {
    let listed = engine.json::<Vec<Row>>(Method::GET, "/containers/json", None::<&()>);
    let rows = match timeout(ANSWER, listed).await {
        Ok(Ok(rows)) => rows,
        Ok(Err(EngineError::Connect(_))) => return Err(unknown(Code::Conflict)),
        Ok(Err(error)) => return Err(failure(Code::Internal, chain(&error))),
        Err(_) => return Err(unknown(Code::Timeout)),
    };
    Ok(of(rows, guest_folders))
}

fn unknown(code: Code) -> ApiError {
    failure(
        code,
        "cannot tell whether a container uses it: the engine does not answer",
    )
}

fn of(rows: Vec<Row>, guest_folders: &[String]) -> Vec<String> {
    let uses = |mount: &RowMount| {
        guest_folders.iter().any(|folder| {
            let rest = mount.source.strip_prefix(folder.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    };
    let used = rows
        .into_iter()
        .filter(|row| row.mounts.iter().flatten().any(uses));
    let name = |row: Row| {
        let mut names = row.names.unwrap_or_default().into_iter();
        let name = names.next().unwrap_or(row.id);
        name.trim_start_matches('/').to_owned()
    };
    used.map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_those_that_mount_something_in_the_folders() {
        let text = r#"[
            {"Id":"1","Names":["/web"],"Mounts":[{"Source":"/other"},{"Source":"/home/me/src"}]},
            {"Id":"2","Names":["/whole"],"Mounts":[{"Source":"/home/me"}]},
            {"Id":"3","Names":null,"Mounts":[{"Type":"bind","Source":"/run/pinnace/shares/home/x"}]},
            {"Id":"4","Names":["/near"],"Mounts":[{"Source":"/home/me2"},{"Type":"tmpfs"}]},
            {"Id":"5","Names":["/none"],"Mounts":null}]"#;
        let rows = serde_json::from_str(text).unwrap();
        let folders = ["/home/me", "/run/pinnace/shares/home"].map(str::to_owned);
        assert_eq!(of(rows, &folders), ["web", "whole", "3"]);
    }
}
