//! `--health-cmd` and its kin.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::args::HealthArgs;

/// The least that the engine takes, but for nothing.
const LEAST: Duration = Duration::from_millis(1);

/// Reads a time as docker does: `30s`, `1m30s`, `500ms`, `1.5h`.
///
/// Source: `ParseDuration` in `time/format.go` of Go's library.
pub fn parse_health_time(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is no time, use one as in 30s or 1m30s");
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let mut rest = text;
    let mut seconds = 0_f64;
    while !rest.is_empty() {
        let letter = |character: char| !character.is_ascii_digit() && character != '.';
        let (number, after) = rest.split_at(rest.find(letter).ok_or_else(wrong)?);
        let end = after
            .find(|character: char| !letter(character))
            .unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        let unit_s = match unit {
            "ns" => 1e-9,
            "us" | "µs" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return Err(wrong()),
        };
        seconds += number.parse::<f64>().map_err(|_| wrong())? * unit_s;
        rest = after;
    }
    let time = Duration::try_from_secs_f64(seconds).map_err(|_| wrong())?;
    match time {
        _ if text.is_empty() => Err(wrong()),
        time if time > Duration::ZERO && time < LEAST => Err("the least is 1ms".to_owned()),
        // The engine counts nanoseconds in 63 bits.
        time if i64::try_from(time.as_nanos()).is_err() => Err(wrong()),
        time => Ok(time),
    }
}

/// The engine's `Healthcheck`; `None` where the image's own stays.
pub fn healthcheck(args: &HealthArgs) -> Option<Value> {
    if args.no_healthcheck {
        return Some(json!({"Test": ["NONE"]}));
    }
    let mut check = Map::new();
    if let Some(command) = &args.health_cmd {
        check.insert("Test".to_owned(), json!(["CMD-SHELL", command]));
    }
    let times = [
        ("Interval", args.health_interval),
        ("Timeout", args.health_timeout),
        ("StartPeriod", args.health_start_period),
        ("StartInterval", args.health_start_interval),
    ];
    for (key, time) in times {
        if let Some(time) = time {
            check.insert(
                key.to_owned(),
                json!(i64::try_from(time.as_nanos()).unwrap_or(i64::MAX)),
            );
        }
    }
    if let Some(retries) = args.health_retries {
        check.insert("Retries".to_owned(), json!(retries));
    }
    (!check.is_empty()).then_some(Value::Object(check))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_health_time_each_form_is_read() {
        let check = |text, ms| assert_eq!(parse_health_time(text), Ok(Duration::from_millis(ms)), "{text}");
        check("30s", 30_000);
        check("1m30s", 90_000);
        check("500ms", 500);
        check("1.5h", 5_400_000);
        check("0", 0);
        check("0s", 0);
        for text in [
            "",
            "30",
            "s",
            "1x",
            "-1s",
            "1..5s",
            "1us",
            "1e3s",
            "99999999999h",
            "1m 30s",
        ] {
            assert!(parse_health_time(text).is_err(), "{text}");
        }
    }
}
