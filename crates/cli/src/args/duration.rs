//! How long something may take, as it is written.

use std::time::Duration;

/// Reads `90`, `1.5`, `500ms`, `90s`, `5m` or `1h`.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let number_end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(number_end);
    let factor = match unit {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        _ => return Err(format!("unknown unit {unit:?}, use ms, s, m or h")),
    };
    let value: f64 = number
        .parse()
        .map_err(|_| "give a number of seconds, as in 90 or 5m".to_owned())?;
    let seconds = value * factor;
    // A year: far above every sensible wait, and safe in every sum of milliseconds.
    if seconds > 31_536_000.0 {
        return Err("at most a year".to_owned());
    }
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_duration_each_form_is_read() {
        let check = |text, ms: u64| assert_eq!(parse_duration(text), Ok(Duration::from_millis(ms)), "{text}");
        check("90", 90_000);
        check("0", 0);
        check("1.5", 1_500);
        check("500ms", 500);
        check("5m", 300_000);
        check("1h", 3_600_000);
    }

    #[test]
    fn parse_duration_nonsense_is_refused() {
        for text in [
            "",
            "s",
            "-1",
            "5d",
            "1e9",
            "1..2",
            "99999999999999999999",
            "inf",
            "NaN",
        ] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }
}
