//! What QEMU sends: one JSON object, decoded without expecting anything of it.

use serde_json::{Map, Value};

/// One line from QEMU.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Message {
    /// The first line of a connection.
    Greeting,
    /// A command's result.
    Return { id: u64, value: Value },
    /// A command's failure.
    Failure {
        id: u64,
        class: String,
        description: String,
    },
    /// Something happened.
    Event(RawEvent),
    /// Anything else: kept for the log, otherwise ignored.
    Unknown,
}

/// An event by its name, known to us or not.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RawEvent {
    pub name: String,
    /// Its data; null when it has none.
    pub data: Value,
}

impl RawEvent {
    /// A text in its data.
    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        self.data.get(key)?.as_str()
    }

    /// A truth value in its data.
    pub(crate) fn flag(&self, key: &str) -> Option<bool> {
        self.data.get(key)?.as_bool()
    }
}

impl Message {
    /// Decodes a line. Never fails: what is not understood is [`Message::Unknown`].
    pub(crate) fn decode(line: &[u8]) -> Self {
        match serde_json::from_slice(line) {
            Ok(Value::Object(object)) => Self::from_object(object),
            _ => Self::Unknown,
        }
    }

    fn from_object(mut object: Map<String, Value>) -> Self {
        if object.contains_key("QMP") {
            return Self::Greeting;
        }
        if let Some(Value::String(name)) = object.remove("event") {
            return Self::Event(RawEvent {
                name,
                data: object.remove("data").unwrap_or_default(),
            });
        }
        let Some(id) = object.get("id").and_then(Value::as_u64) else {
            return Self::Unknown;
        };
        if let Some(value) = object.remove("return") {
            return Self::Return { id, value };
        }
        let Some(error) = object.remove("error") else {
            return Self::Unknown;
        };
        let text = |key: &str| {
            error
                .get(key)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        Self::Failure {
            id,
            class: text("class"),
            description: text("desc"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn decode(value: &Value) -> Message {
        Message::decode(value.to_string().as_bytes())
    }

    #[test]
    fn decode_event_nobody_knows_keeps_its_data() {
        let event = decode(&json!({"event": "FROM_THE_FUTURE", "data": {"a": [1]}, "timestamp": {}}));
        assert_eq!(
            event,
            Message::Event(RawEvent {
                name: "FROM_THE_FUTURE".to_owned(),
                data: json!({"a": [1]})
            })
        );
    }

    #[test]
    fn decode_failure_without_fields_is_still_an_answer() {
        let message = decode(&json!({"error": 7, "id": 3}));
        let empty = String::new();
        assert_eq!(
            message,
            Message::Failure {
                id: 3,
                class: empty.clone(),
                description: empty
            }
        );
    }

    #[test]
    fn decode_answer_with_foreign_id_is_unknown() {
        assert_eq!(decode(&json!({"return": {}, "id": "x"})), Message::Unknown);
        assert_eq!(decode(&json!({"return": {}})), Message::Unknown);
        assert_eq!(decode(&json!([1, 2])), Message::Unknown);
    }

    proptest! {
        #[test]
        fn decode_any_bytes_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Message::decode(&bytes);
        }

        #[test]
        fn decode_any_object_never_panics(key in "QMP|event|return|error|id|data", text in ".*", number in any::<i64>()) {
            let _ = decode(&json!({key.as_str(): text.clone(), "id": number}));
            let _ = decode(&json!({key.as_str(): {"desc": number}, "id": text}));
        }
    }
}
