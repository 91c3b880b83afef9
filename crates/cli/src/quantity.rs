//! Durations, sizes and times as people read them.

use jiff::{Timestamp, tz::TimeZone};

/// `340 ms`, `12.4 s`, `3 min 5 s`.
pub fn duration(ms: u64) -> String {
    match ms {
        0..1_000 => format!("{ms} ms"),
        // Rounded to a tenth first: 59,960 ms is a minute and not 60.0 s.
        1_000..59_950 => format!("{:.1} s", ms as f64 / 1_000.0),
        _ => {
            let seconds = ms.saturating_add(500) / 1_000;
            format!("{} min {} s", seconds / 60, seconds % 60)
        }
    }
}

/// `0 B`, `512 KiB`, `1.5 GiB`.
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1023.95 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    let text = format!("{value:.1}");
    format!("{} {}", text.strip_suffix(".0").unwrap_or(&text), UNITS[unit])
}

/// An RFC 3339 time in the user's time zone; text that is none stays as it is.
pub fn time(rfc3339: &str) -> String {
    match rfc3339.parse::<Timestamp>() {
        Ok(time) => time
            .to_zoned_datetime(TimeZone::system())
            .strftime("%Y-%m-%d %H:%M:%S")
            .to_string(),
        Err(_) => rfc3339.to_owned(),
    }
}

/// How long ago a number of seconds since the Unix epoch was: `3 minutes ago`.
pub fn ago(unix_seconds: i64) -> String {
    ago_at(unix_seconds, Timestamp::now().as_second())
}

fn ago_at(then: i64, now: i64) -> String {
    const UNITS: [(u64, &str); 6] = [
        (365 * 86_400, "year"),
        (30 * 86_400, "month"),
        (7 * 86_400, "week"),
        (86_400, "day"),
        (3_600, "hour"),
        (60, "minute"),
    ];
    // A clock that is behind the machine's sees the future.
    let seconds = u64::try_from(now.saturating_sub(then)).unwrap_or(0);
    // From two on: 90 s are not about a minute.
    let fitting = UNITS.iter().find(|(unit, _)| seconds >= 2 * unit);
    let (count, name) = fitting.map_or((seconds, "second"), |(unit, name)| (seconds / unit, *name));
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {name}{plural} ago")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ago_each_magnitude_reads_naturally() {
        let check =
            |seconds: i64, text: &str| assert_eq!(ago_at(1_000_000_000 - seconds, 1_000_000_000), text);
        check(-5, "0 seconds ago");
        check(1, "1 second ago");
        check(119, "119 seconds ago");
        check(180, "3 minutes ago");
        check(7_199, "119 minutes ago");
        check(7_200, "2 hours ago");
        check(3 * 86_400, "3 days ago");
        check(40 * 86_400, "5 weeks ago");
        check(900 * 86_400, "2 years ago");
        ago_at(i64::MIN, i64::MAX);
    }

    #[test]
    fn duration_each_magnitude_reads_naturally() {
        let check = |ms, text: &str| assert_eq!(duration(ms), text);
        check(0, "0 ms");
        check(999, "999 ms");
        check(1_000, "1.0 s");
        check(12_449, "12.4 s");
        check(59_949, "59.9 s");
        check(59_950, "1 min 0 s");
        check(185_400, "3 min 5 s");
        duration(u64::MAX);
    }

    #[test]
    fn size_each_magnitude_reads_naturally() {
        let check = |bytes, text: &str| assert_eq!(size(bytes), text);
        check(0, "0 B");
        check(1023, "1023 B");
        check(1024, "1 KiB");
        check(1_048_575, "1 MiB");
        check(1_610_612_736, "1.5 GiB");
        check(u64::MAX, "16384 PiB");
    }

    #[test]
    fn time_text_that_is_none_stays() {
        assert_eq!(time("yesterday"), "yesterday");
    }
}
