//! `--memory`, `--memory-swap` and `--cpus`.

/// Reads a size as docker does: `512m`, `1.5g`, `1024`, `64 KiB`; every unit is one of 1024.
///
/// Source: `RAMInBytes` in `size.go` of github.com/docker/go-units.
pub fn parse_memory(text: &str) -> Result<i64, String> {
    let text = text.trim();
    let unit_at = text
        .find(|character: char| !character.is_ascii_digit() && character != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    let factor: u64 = match unit.trim_start().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" | "kib" => 1 << 10,
        "m" | "mb" | "mib" => 1 << 20,
        "g" | "gb" | "gib" => 1 << 30,
        "t" | "tb" | "tib" => 1 << 40,
        _ => return Err(format!("unknown unit {unit:?}, use b, k, m or g")),
    };
    let number: f64 = number
        .parse()
        .map_err(|_| "give a size, as in 512m or 1.5g".to_owned())?;
    let bytes = number * factor as f64;
    if bytes >= 9e18 {
        return Err("that is too much".to_owned());
    }
    // At most 9e18, and not negative: there is no sign.
    Ok(bytes as i64)
}

/// Reads a size, or -1 for any.
pub fn parse_memory_swap(text: &str) -> Result<i64, String> {
    if text == "-1" { Ok(-1) } else { parse_memory(text) }
}

/// Reads a number of processors, as in `1.5`, into billionths.
pub fn parse_cpus(text: &str) -> Result<i64, String> {
    let wrong = || "give a number of processors, as in 2 or 1.5".to_owned();
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if (whole.is_empty() && part.is_empty()) || !digits(whole) || !digits(part) || part.len() > 9 {
        return Err(wrong());
    }
    let number = |text: &str| {
        if text.is_empty() {
            Ok(0)
        } else {
            text.parse::<i64>()
        }
    };
    let whole = number(whole).map_err(|_| wrong())?;
    let part = number(&format!("{part:0<9}")).map_err(|_| wrong())?;
    whole
        .checked_mul(1_000_000_000)
        .and_then(|billionths| billionths.checked_add(part))
        .ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_memory_each_unit_is_read() {
        let check = |text, bytes| assert_eq!(parse_memory(text), Ok(bytes), "{text}");
        check("1024", 1024);
        check("0", 0);
        check("512m", 512 << 20);
        check("512MB", 512 << 20);
        check("1.5g", 3 << 29);
        check("64 KiB", 64 << 10);
        check("7b", 7);
        check("1t", 1 << 40);
        assert_eq!(
            (parse_memory_swap("-1"), parse_memory_swap("1k")),
            (Ok(-1), Ok(1024))
        );
        for text in ["", "m", "-1", "1x", "1..5m", "99999999999g", "inf", "1e3"] {
            assert!(parse_memory(text).is_err(), "{text}");
        }
    }

    #[test]
    fn parse_cpus_is_exact() {
        let check = |text, billionths| assert_eq!(parse_cpus(text), Ok(billionths), "{text}");
        check("2", 2_000_000_000);
        check("1.5", 1_500_000_000);
        check(".1", 100_000_000);
        check("0.000000001", 1);
        check("3.", 3_000_000_000);
        for text in ["", ".", "-1", "+1", "1e3", "1.0000000001", "x", "99999999999999"] {
            assert!(parse_cpus(text).is_err(), "{text}");
        }
    }
}
