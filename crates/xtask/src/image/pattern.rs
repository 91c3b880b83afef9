//! Patterns for names and paths in the recipe: `*` stands for any text, slashes included; a pattern that ends with a
//! slash means everything below that folder.

/// Says whether the pattern covers the whole text.
pub fn matches(pattern: &str, text: &str) -> bool {
    if pattern.ends_with('/') {
        return matches(&format!("{pattern}*"), text);
    }
    let Some((head, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(text) = text.strip_prefix(head) else {
        return false;
    };
    (0..=text.len())
        .filter(|at| text.is_char_boundary(*at))
        .any(|at| matches(rest, &text[at..]))
}

/// Says whether one of the patterns covers the text.
pub fn any(patterns: &[String], text: &str) -> bool {
    patterns.iter().any(|pattern| matches(pattern, text))
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn matches_star_given_covers_any_text() {
        for (pattern, text, expected) in [
            ("usr/bin/ctr", "usr/bin/ctr", true),
            ("usr/bin/ctr", "usr/bin/ctrl", false),
            ("usr/share/doc/", "usr/share/doc/a/b", true),
            ("usr/share/doc/", "usr/share/docs", false),
            ("gcc-*-base", "gcc-16-base", true),
            ("gcc-*-base", "gcc-base", false),
            ("usr/share/doc/*/copyright", "usr/share/doc/runc/copyright", true),
            ("*.la", "usr/lib/x.la", true),
            ("*", "", true),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} on {text}");
        }
    }
}
