//! The configuration of a container that is run.

use api::RunRequest;
use engine_client::ImageDetailsConfig;
use serde_json::{Map, Value, json};

use super::init;

/// The container's configuration with what the session decides about it.
pub fn complete(request: &RunRequest, image: Option<&ImageDetailsConfig>) -> Option<Value> {
    let attached = !request.detached;
    let mut config = request.config.clone();
    let top = config.as_object_mut()?;
    top.insert("Tty".to_owned(), json!(request.tty));
    top.insert("OpenStdin".to_owned(), json!(request.stdin));
    top.insert("StdinOnce".to_owned(), json!(request.stdin && attached));
    top.insert("AttachStdin".to_owned(), json!(request.stdin && attached));
    top.insert("AttachStdout".to_owned(), json!(attached));
    top.insert("AttachStderr".to_owned(), json!(attached));
    let wants_init = init::wants_init(request.init, &request.config, image);
    let host = top
        .entry("HostConfig")
        .or_insert_with(|| Value::Object(Map::new()))
        .as_object_mut()?;
    host.insert("Init".to_owned(), json!(wants_init));
    if let Some((columns, rows)) = request.size {
        host.insert("ConsoleSize".to_owned(), json!([rows, columns]));
    }
    Some(config)
}

/// Whether the engine removes it when it has ended.
pub fn auto_removes(request: &RunRequest) -> bool {
    request.config.pointer("/HostConfig/AutoRemove") == Some(&Value::Bool(true))
}

/// Whether the engine starts it again when it has ended.
pub fn restarts(config: &Value) -> bool {
    config
        .pointer("/HostConfig/RestartPolicy/Name")
        .and_then(Value::as_str)
        .is_some_and(|name| !matches!(name, "" | "no"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complete_sets_what_the_session_decides() {
        let request = RunRequest {
            config: json!({"Image": "x", "Tty": false, "AttachStdin": true, "HostConfig": {"Init": false, "Memory": 5}}),
            tty: true,
            size: Some((80, 24)),
            ..RunRequest::default()
        };
        assert_eq!(
            complete(&request, None).unwrap(),
            json!({
                "Image": "x", "Tty": true, "OpenStdin": false, "StdinOnce": false,
                "AttachStdin": false, "AttachStdout": true, "AttachStderr": true,
                "HostConfig": {"Init": true, "Memory": 5, "ConsoleSize": [24, 80]},
            })
        );
        let detached = RunRequest {
            detached: true,
            stdin: true,
            config: json!({"Image": "x"}),
            ..RunRequest::default()
        };
        let config = complete(&detached, None).unwrap();
        assert_eq!(
            (&config["OpenStdin"], &config["StdinOnce"]),
            (&json!(true), &json!(false))
        );
        assert_eq!(config["AttachStdout"], json!(false));
        assert!(complete(&RunRequest::default(), None).is_none());
    }

    #[test]
    fn restarts_by_policy() {
        let of = |name: &str| restarts(&json!({"HostConfig": {"RestartPolicy": {"Name": name}}}));
        assert_eq!(
            (of("no"), of(""), of("always"), of("on-failure")),
            (false, false, true, true)
        );
        assert!(!restarts(&json!({})));
    }
}
