//! `--gpus all`, `--gpus 2`, `--gpus device=0`, `--gpus '"device=0,1",capabilities=compute'`.
//!
//! Source: `opts/gpus.go` of github.com/docker/cli.

use std::collections::BTreeMap;

use serde::Serialize;

use super::fields::split_fields;

/// Devices that the engine is asked to find.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DeviceRequest {
    /// What finds them; empty: whatever suits.
    pub driver: String,
    /// How many; -1 for all.
    pub count: i64,
    /// Which ones.
    #[serde(rename = "DeviceIDs")]
    pub device_ids: Option<Vec<String>>,
    /// What they must be able to do: all of one of these lists.
    pub capabilities: Option<Vec<Vec<String>>>,
    /// What else the driver is told.
    pub options: BTreeMap<String, String>,
}

/// Reads one value of `--gpus`.
pub fn parse_gpus(text: &str) -> Result<DeviceRequest, String> {
    let mut request = DeviceRequest::default();
    let mut seen: Vec<String> = Vec::new();
    for field in split_fields(text)? {
        let (key, value) = match field.split_once('=') {
            Some((key, value)) => (key, value),
            None => ("count", field.as_str()),
        };
        if seen.iter().any(|seen| seen == key) {
            return Err(format!("{key} can be given only once"));
        }
        seen.push(key.to_owned());
        match key {
            "count" => request.count = count(value)?,
            "driver" => value.clone_into(&mut request.driver),
            "device" => request.device_ids = Some(list(value)),
            "capabilities" => {
                let mut capabilities = list(value);
                capabilities.push("gpu".to_owned());
                request.capabilities = Some(vec![capabilities]);
            }
            "options" => {
                for option in split_fields(value)? {
                    let (name, value) = option.split_once('=').unwrap_or((&option, ""));
                    request.options.insert(name.to_owned(), value.to_owned());
                }
            }
            _ => {
                return Err(format!(
                    "unknown key {key:?}, use count, device, driver, capabilities or options"
                ));
            }
        }
    }
    if request.device_ids.is_none() && !seen.iter().any(|seen| seen == "count") {
        request.count = 1;
    }
    request
        .capabilities
        .get_or_insert_with(|| vec![vec!["gpu".to_owned()]]);
    Ok(request)
}

fn count(text: &str) -> Result<i64, String> {
    match text {
        "all" => Ok(-1),
        _ => text
            .parse()
            .map_err(|_| format!("{text:?} is no number of GPUs, use a number or all")),
    }
}

fn list(text: &str) -> Vec<String> {
    text.split(',').map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn parse_gpus_each_form_is_read() {
        let check = |text: &str, mut wanted: Value| {
            let whole = wanted.as_object_mut().unwrap();
            for (key, usual) in [
                ("Driver", json!("")),
                ("Count", json!(0)),
                ("DeviceIDs", Value::Null),
                ("Capabilities", json!([["gpu"]])),
                ("Options", json!({})),
            ] {
                whole.entry(key).or_insert(usual);
            }
            assert_eq!(
                serde_json::to_value(parse_gpus(text).unwrap()).unwrap(),
                wanted,
                "{text}"
            );
        };
        check("all", json!({"Count": -1}));
        check("2", json!({"Count": 2}));
        check("count=2", json!({"Count": 2}));
        check("device=0", json!({"DeviceIDs": ["0"]}));
        check(r#""device=0,GPU-1""#, json!({"DeviceIDs": ["0", "GPU-1"]}));
        check(
            r#"all,driver=nvidia,"capabilities=compute,utility""#,
            json!({"Count": -1, "Driver": "nvidia", "Capabilities": [["compute", "utility", "gpu"]]}),
        );
        check(
            r#"driver=nvidia,"options=a=b,c""#,
            json!({"Count": 1, "Driver": "nvidia", "Options": {"a": "b", "c": ""}}),
        );
        for text in [
            "",
            "many",
            "2,3",
            "device=0,device=1",
            "x=y",
            "1.5",
            "count=",
            r#"""#,
        ] {
            assert!(parse_gpus(text).is_err(), "{text}");
        }
    }
}
