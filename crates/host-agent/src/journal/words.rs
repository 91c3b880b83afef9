//! Times, sizes and hostile names in words.

use engine_proxy::guard::Signal;
use jiff::Timestamp;

/// A name's most bytes in a sentence.
const MAX_SHOWN_BYTES: usize = 120;

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;

/// `text` in one line that does nothing to a terminal: whatever controls it, ends a line or turns the reading order
/// becomes U+FFFD.
pub fn clean(text: &str) -> String {
    let harmless = |character: char| match character {
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' => {
            '\u{fffd}'
        }
        other if other.is_control() => '\u{fffd}',
        other => other,
    };
    text.chars().map(harmless).collect()
}

/// The first bytes of a text, characters whole.
pub fn cut(text: &str, most_bytes: usize) -> &str {
    &text[..text.floor_char_boundary(most_bytes)]
}

/// A text as a sentence shows it.
pub fn shown(text: &str) -> String {
    cut(&clean(text), MAX_SHOWN_BYTES).to_owned()
}

/// `just now`, `12 seconds ago`, `two minutes ago`.
pub fn ago(then_ms: i64, now_ms: i64) -> String {
    match now_ms.saturating_sub(then_ms) {
        // A clock that is behind the machine's sees the future.
        ..2_000 => "just now".to_owned(),
        elapsed => format!("{} ago", rough(elapsed)),
    }
}

/// A time in its biggest unit: `12 seconds`, `two minutes`, `one day`.
pub fn rough(ms: i64) -> String {
    let (count, unit) = match ms.max(0) {
        ms @ 0..MINUTE_MS => (ms / 1_000, "second"),
        ms @ MINUTE_MS..HOUR_MS => (ms / MINUTE_MS, "minute"),
        ms @ HOUR_MS..DAY_MS => (ms / HOUR_MS, "hour"),
        ms => (ms / DAY_MS, "day"),
    };
    let number = match count {
        1 => "one",
        2 => "two",
        3 => "three",
        4 => "four",
        5 => "five",
        6 => "six",
        7 => "seven",
        8 => "eight",
        9 => "nine",
        10 => "ten",
        _ => return format!("{count} {unit}s"),
    };
    format!("{number} {unit}{}", if count == 1 { "" } else { "s" })
}

/// A time as it was measured: `0.5 s`, `10 s`.
pub fn seconds(ms: i64) -> String {
    let tenths = ms.max(0).saturating_add(50) / 100;
    if tenths % 10 == 0 || tenths >= 100 {
        format!("{} s", (tenths + 5) / 10)
    } else {
        format!("{}.{} s", tenths / 10, tenths % 10)
    }
}

/// `512 MiB`, `1.5 GiB`.
pub fn size(bytes: u64) -> String {
    const UNITS: [(u32, &str); 4] = [(40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")];
    let Some((shift, unit)) = UNITS.into_iter().find(|(shift, _)| bytes >> shift > 0) else {
        return format!("{bytes} B");
    };
    let tenths = (u128::from(bytes) * 10) >> shift;
    match tenths % 10 {
        0 => format!("{} {unit}", tenths / 10),
        tenth => format!("{}.{tenth} {unit}", tenths / 10),
    }
}

/// A signal's name on Linux: `SIGTERM`.
pub fn signal(number: u8) -> String {
    match Signal::from_number(number) {
        // glibc keeps these two to itself.
        Some(signal) if !matches!(number, 32 | 33) => signal.to_string(),
        _ => format!("signal {number}"),
    }
}

/// RFC 3339 with milliseconds. Times that no calendar has are the Unix epoch.
pub fn rfc3339(at_ms: i64) -> String {
    Timestamp::from_millisecond(at_ms)
        .unwrap_or(Timestamp::UNIX_EPOCH)
        .strftime("%Y-%m-%dT%H:%M:%S%.3fZ")
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ago_each_magnitude_reads_naturally() {
        let check = |elapsed, text| assert_eq!(ago(1_000_000, 1_000_000 + elapsed), text);
        check(-5_000, "just now");
        check(1_999, "just now");
        check(2_000, "two seconds ago");
        check(59_999, "59 seconds ago");
        check(60_000, "one minute ago");
        check(10 * MINUTE_MS, "ten minutes ago");
        check(3 * HOUR_MS + 5, "three hours ago");
        check(DAY_MS, "one day ago");
        check(400 * DAY_MS, "400 days ago");
        assert_eq!(ago(i64::MIN, i64::MAX), "106751991167 days ago");
    }

    #[test]
    fn seconds_and_sizes_are_short() {
        assert_eq!(
            [seconds(10_020), seconds(520), seconds(-3)],
            ["10 s", "0.5 s", "0 s"]
        );
        assert_eq!(
            [size(512 << 20), size(3 << 29), size(17), size(u64::MAX)],
            ["512 MiB", "1.5 GiB", "17 B", "16777215.9 TiB"]
        );
        assert_eq!(
            [2, 37, 33, 99, 0].map(signal),
            ["SIGINT", "SIGRTMIN+3", "signal 33", "signal 99", "signal 0"]
        );
    }

    #[test]
    fn shown_hostile_name_is_one_short_line() {
        let hostile = "a\x1b]0;x\x07\n\u{202e}b".to_owned() + &"ß".repeat(500);
        let text = shown(&hostile);
        assert!(
            text.starts_with("a\u{fffd}]0;x\u{fffd}\u{fffd}\u{fffd}b"),
            "{text}"
        );
        assert!(text.len() <= MAX_SHOWN_BYTES);
    }
}
