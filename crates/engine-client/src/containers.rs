//! Calls about containers.

use hyper::Method;
use serde::Serialize;

use crate::{
    ByteStream, ContainerDetails, ContainerStats, ContainerSummary, Created, Engine, EngineError, Hijacked,
    JsonLines, WaitResult, encode_query, encode_segment,
};

/// What an attachment carries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AttachQuery {
    /// Whether input is written.
    pub stdin: bool,
    /// Whether standard output is read.
    pub stdout: bool,
    /// Whether standard error is read.
    pub stderr: bool,
    /// Whether what was printed before comes first.
    pub logs: bool,
    /// The keys that end an attachment to a terminal, where they are not the usual ones.
    pub detach_keys: Option<String>,
}

/// Which part of a container's logs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogsQuery {
    /// Whether to go on with new lines.
    pub follow: bool,
    /// How many last lines, or `all`.
    pub tail: Option<String>,
    /// From when: seconds since the Unix epoch, or a date.
    pub since: Option<String>,
    /// Until when.
    pub until: Option<String>,
    /// Whether each line begins with its time.
    pub timestamps: bool,
}

/// How a container is removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Removal {
    /// Also while it runs.
    pub force: bool,
    /// Its anonymous volumes too.
    pub volumes: bool,
}

impl Engine {
    /// Lists containers; `all`: also those that do not run. `filters` is the API's JSON, where wanted.
    pub async fn containers(
        &self,
        all: bool,
        filters: Option<String>,
    ) -> Result<Vec<ContainerSummary>, EngineError> {
        let mut pairs = vec![("all", all.to_string())];
        pairs.extend(filters.map(|filters| ("filters", filters)));
        let path = format!("/containers/json{}", encode_query(pairs));
        self.json(Method::GET, &path, None::<&()>).await
    }

    /// Looks at one container, by id or name.
    pub async fn container(&self, container: &str) -> Result<ContainerDetails, EngineError> {
        self.json(Method::GET, &of(container, "json"), None::<&()>).await
    }

    /// Looks at everything the engine says of one container.
    pub async fn whole_container(&self, container: &str) -> Result<serde_json::Value, EngineError> {
        self.json(Method::GET, &of(container, "json"), None::<&()>).await
    }

    /// Makes a container. `config` is the API's body; `platform` is that of the image, as in `linux/arm64`.
    pub async fn create(
        &self,
        name: Option<&str>,
        platform: Option<&str>,
        config: &impl Serialize,
    ) -> Result<Created, EngineError> {
        let pairs = [("name", name), ("platform", platform)];
        let query = encode_query(
            pairs
                .into_iter()
                .filter_map(|(key, value)| Some((key, value?.to_owned()))),
        );
        self.json(Method::POST, &format!("/containers/create{query}"), Some(config))
            .await
    }

    /// Starts a container. Whether it did not run before.
    pub async fn start(&self, container: &str) -> Result<bool, EngineError> {
        let status = self
            .act(Method::POST, &of(container, "start"), None::<&()>)
            .await?;
        Ok(status != 304)
    }

    /// Stops a container: its stop signal, then SIGKILL after `timeout_s` or its own limit. Whether it ran. Answers when
    /// it has stopped; the engine goes on stopping when the call is given up.
    pub async fn stop(&self, container: &str, timeout_s: Option<i64>) -> Result<bool, EngineError> {
        let query = encode_query(timeout_s.map(|timeout| ("t", timeout.to_string())));
        let path = format!("{}{query}", of(container, "stop"));
        Ok(self.act(Method::POST, &path, None::<&()>).await? != 304)
    }

    /// Sends a signal, `SIGKILL` where none is named.
    pub async fn kill(&self, container: &str, signal: Option<&str>) -> Result<(), EngineError> {
        let query = encode_query(signal.map(|signal| ("signal", signal.to_owned())));
        let path = format!("{}{query}", of(container, "kill"));
        self.act(Method::POST, &path, None::<&()>).await.map(drop)
    }

    /// Removes a container.
    pub async fn remove(&self, container: &str, removal: Removal) -> Result<(), EngineError> {
        let query = encode_query([
            ("force", removal.force.to_string()),
            ("v", removal.volumes.to_string()),
        ]);
        let path = format!("/containers/{}{query}", encode_segment(container));
        self.act(Method::DELETE, &path, None::<&()>).await.map(drop)
    }

    /// Waits until a container has ended; `condition` is `not-running`, `next-exit` or `removed`.
    pub async fn wait(&self, container: &str, condition: &str) -> Result<WaitResult, EngineError> {
        let path = format!(
            "{}{}",
            of(container, "wait"),
            encode_query([("condition", condition.to_owned())])
        );
        self.json(Method::POST, &path, None::<&()>).await
    }

    /// Waits as [`Engine::wait`] does, but resolves as soon as the engine waits: what happens from then on is not missed.
    /// One result comes.
    pub async fn begin_wait(
        &self,
        container: &str,
        condition: &str,
    ) -> Result<JsonLines<WaitResult>, EngineError> {
        let query = encode_query([("condition", condition.to_owned())]);
        let path = format!("{}{query}", of(container, "wait"));
        self.lines(Method::POST, &path, Vec::new()).await
    }

    /// Attaches to a container's streams: raw with a terminal, frames ([`crate::LogFrameDecoder`]) without.
    pub async fn attach(&self, container: &str, query: AttachQuery) -> Result<Hijacked, EngineError> {
        let flag = |on: bool| if on { "1" } else { "0" }.to_owned();
        let mut pairs = vec![
            ("stream", flag(true)),
            ("stdin", flag(query.stdin)),
            ("stdout", flag(query.stdout)),
            ("stderr", flag(query.stderr)),
            ("logs", flag(query.logs)),
        ];
        pairs.extend(query.detach_keys.map(|keys| ("detachKeys", keys)));
        let query = encode_query(pairs);
        self.hijack(&format!("{}{query}", of(container, "attach")), None::<&()>)
            .await
    }

    /// Sets the size of a container's terminal.
    pub async fn resize(&self, container: &str, columns: u16, rows: u16) -> Result<(), EngineError> {
        let query = encode_query([("h", rows.to_string()), ("w", columns.to_string())]);
        let path = format!("{}{query}", of(container, "resize"));
        self.act(Method::POST, &path, None::<&()>).await.map(drop)
    }

    /// Reads a container's logs: raw with a terminal, frames without.
    pub async fn logs(&self, container: &str, query: &LogsQuery) -> Result<ByteStream, EngineError> {
        let mut pairs = vec![
            ("stdout", "1".to_owned()),
            ("stderr", "1".to_owned()),
            ("follow", query.follow.to_string()),
            ("timestamps", query.timestamps.to_string()),
        ];
        pairs.extend(query.tail.clone().map(|tail| ("tail", tail)));
        pairs.extend(query.since.clone().map(|since| ("since", since)));
        pairs.extend(query.until.clone().map(|until| ("until", until)));
        let path = format!("{}{}", of(container, "logs"), encode_query(pairs));
        self.bytes(Method::GET, &path, Vec::new()).await
    }

    /// Reads a container's figures: one answer, or one a second while `stream`.
    pub async fn stats(
        &self,
        container: &str,
        stream: bool,
    ) -> Result<JsonLines<ContainerStats>, EngineError> {
        let path = format!(
            "{}{}",
            of(container, "stats"),
            encode_query([("stream", stream.to_string())])
        );
        self.lines(Method::GET, &path, Vec::new()).await
    }
}

fn of(container: &str, what: &str) -> String {
    format!("/containers/{}/{what}", encode_segment(container))
}
