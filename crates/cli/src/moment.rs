//! Times that a user names: `--since 10m`, `--until 2026-11-24T04:00`.

use jiff::{SignedDuration, Timestamp, civil::DateTime, tz::TimeZone};

const TOO_LONG_AGO: &str = "that is too long ago";

/// Reads how long ago (`90s`, `10m`, `1h30m`), a time (RFC 3339, or a date with or without a time in the user's own zone)
/// or seconds since the Unix epoch, and returns the last with up to nine decimals, as the engine takes it.
pub fn parse_moment(text: &str) -> Result<String, String> {
    parse_at(text, Timestamp::now(), &TimeZone::system())
}

fn parse_at(text: &str, now: Timestamp, zone: &TimeZone) -> Result<String, String> {
    if is_seconds(text) {
        return Ok(text.to_owned());
    }
    if let Ok(ago) = text.parse::<SignedDuration>()
        && !ago.is_negative()
    {
        let time = now.checked_sub(ago).map_err(|_| TOO_LONG_AGO.to_owned())?;
        return seconds(time);
    }
    if let Ok(time) = text.parse::<Timestamp>() {
        return seconds(time);
    }
    if let Ok(time) = text.parse::<DateTime>()
        && let Ok(time) = time.to_zoned_datetime(zone.clone())
    {
        return seconds(time.timestamp());
    }
    Err("give how long ago, as in 10m or 1h30m, or a time, as in 2026-11-24T04:00:12Z".to_owned())
}

/// Whether it is what the engine takes already: digits, and up to nine more after a point.
fn is_seconds(text: &str) -> bool {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
    let digits =
        |text: &str, most| (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    digits(whole, 18) && digits(decimals, 9)
}

fn seconds(time: Timestamp) -> Result<String, String> {
    if time < Timestamp::UNIX_EPOCH {
        return Err(TOO_LONG_AGO.to_owned());
    }
    Ok(format!("{}.{:09}", time.as_second(), time.subsec_nanosecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moment_each_form_becomes_seconds() {
        let now: Timestamp = "2026-11-24T04:00:00.5Z".parse().unwrap();
        let zone = TimeZone::fixed(jiff::tz::offset(1));
        let check = |text, expected: &str| {
            assert_eq!(parse_at(text, now, &zone).as_deref(), Ok(expected), "{text}");
        };
        check("1795492800", "1795492800");
        check("1795492800.25", "1795492800.25");
        check("2026-11-24T04:00:00Z", "1795492800.000000000");
        check("2026-11-24T04:00:00.123+00:00", "1795492800.123000000");
        check("2026-11-24T05:00", "1795492800.000000000");
        check("2026-11-24T05:00:00", "1795492800.000000000");
        check("2026-11-24", "1795474800.000000000");
        check("0s", "1795492800.500000000");
        check("10m", "1795492200.500000000");
        check("1h30m", "1795487400.500000000");
        check("500ms", "1795492800.000000000");
    }

    #[test]
    fn moment_nonsense_is_refused() {
        let now = Timestamp::UNIX_EPOCH;
        assert!(parse_at("1969-12-31", now, &TimeZone::UTC).is_err());
        for text in [
            "",
            "soon",
            "-5m",
            "1.2.3",
            "5x",
            "2026-13-01",
            ".5",
            "1.",
            "99999999h",
        ] {
            assert!(parse_at(text, now, &TimeZone::UTC).is_err(), "{text}");
        }
    }
}
