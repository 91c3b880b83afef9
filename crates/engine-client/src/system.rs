//! Calls about the engine itself.

use hyper::Method;

use crate::{Engine, EngineError, EngineEvent, JsonLines, encode_query};

impl Engine {
    /// Follows what happens. `since` and `until` are seconds since the Unix epoch with up to nine decimals; `filters` is
    /// the API's JSON.
    pub async fn events(
        &self,
        since: Option<String>,
        until: Option<String>,
        filters: Option<String>,
    ) -> Result<JsonLines<EngineEvent>, EngineError> {
        let pairs = [("since", since), ("until", until), ("filters", filters)];
        let pairs = pairs.into_iter().filter_map(|(name, value)| Some((name, value?)));
        self.lines(
            Method::GET,
            &format!("/events{}", encode_query(pairs)),
            Vec::new(),
        )
        .await
    }
}
