//! Texts that nobody may see.

use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// A text that is passed on and never shown: [`Debug`](fmt::Debug) tells nothing of it, and it is wiped from memory when
/// dropped.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Keeps a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text, for who needs it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{RunRequest, SessionRequest};

    #[test]
    fn debug_of_a_request_tells_nothing_of_its_secret() {
        let request = SessionRequest::Run(Box::new(RunRequest {
            registry_auth: Some(Secret::new("hunter2")),
            ..RunRequest::default()
        }));
        let shown = format!("{request:?}");
        assert!(
            shown.contains("Secret(..)") && !shown.contains("hunter2"),
            "{shown}"
        );
        let text = serde_json::to_string(&request).unwrap();
        assert_eq!(serde_json::from_str::<SessionRequest>(&text).unwrap(), request);
    }
}
