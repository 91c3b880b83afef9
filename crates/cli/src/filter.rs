//! `--filter KEY=VALUE`.

use std::collections::BTreeMap;

/// One filter of the engine's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    key: String,
    value: String,
}

/// Reads `KEY=VALUE`; the value may hold more signs of equality, as in `label=a=b`.
pub fn parse_filter(text: &str) -> Result<Filter, String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => Ok(Filter {
            key: key.trim().to_lowercase(),
            value: value.trim().to_owned(),
        }),
        _ => Err("give a key and a value, as in status=exited".to_owned()),
    }
}

/// The API's JSON of all of them, `{"status":{"exited":true}}`; `None` without any. Values of one key are alternatives.
pub fn to_api(filters: &[Filter]) -> Option<String> {
    let mut keys: BTreeMap<&str, BTreeMap<&str, bool>> = BTreeMap::new();
    for filter in filters {
        keys.entry(&filter.key).or_default().insert(&filter.value, true);
    }
    if keys.is_empty() {
        return None;
    }
    serde_json::to_string(&keys).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_of_one_key_are_alternatives() {
        let filters = ["status=exited", "label=a=b", "STATUS = dead"].map(|text| parse_filter(text).unwrap());
        assert_eq!(
            to_api(&filters).as_deref(),
            Some(r#"{"label":{"a=b":true},"status":{"dead":true,"exited":true}}"#)
        );
        assert_eq!(to_api(&[]), None);
    }

    #[test]
    fn filter_without_key_or_value_is_refused() {
        for text in ["", "status", "=x", " =x"] {
            assert!(parse_filter(text).is_err(), "{text}");
        }
    }
}
