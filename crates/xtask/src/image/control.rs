//! Reads Debian's control format: paragraphs of `Name: value` lines, as `Packages` and `Release` files have them.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};

/// One paragraph: field names to values, continuation lines joined with line ends.
pub type Paragraph = BTreeMap<String, String>;

/// Splits the text into paragraphs; empty ones do not count.
pub fn paragraphs(text: &str) -> Result<Vec<Paragraph>> {
    let mut all = Vec::new();
    let mut current = Paragraph::new();
    let mut last_field: Option<String> = None;
    for line in text.lines() {
        if line.trim().is_empty() {
            if !current.is_empty() {
                all.push(std::mem::take(&mut current));
            }
            last_field = None;
        } else if line.starts_with([' ', '\t']) {
            let field = last_field
                .as_ref()
                .with_context(|| format!("a continuation line without a field: {line:?}"))?;
            if let Some(value) = current.get_mut(field) {
                value.push('\n');
                value.push_str(line.trim());
            }
        } else {
            let Some((field, value)) = line.split_once(':') else {
                bail!("a line without a field name: {line:?}")
            };
            current.insert(field.to_owned(), value.trim().to_owned());
            last_field = Some(field.to_owned());
        }
    }
    if !current.is_empty() {
        all.push(current);
    }
    Ok(all)
}

/// A dependency field as groups, all of which must be met, each by one of its alternatives. Versions and architecture
/// qualifiers are left out: a suite is consistent in itself and is never mixed with another one here.
pub fn dependency_groups(field: &str) -> Vec<Vec<&str>> {
    field
        .split(',')
        .map(|group| {
            group
                .split('|')
                .map(package_name)
                .filter(|name| !name.is_empty())
                .collect()
        })
        .filter(|group: &Vec<&str>| !group.is_empty())
        .collect()
}

/// `libc6` from `libc6:any (>= 2.38) [amd64] <!nocheck>`.
fn package_name(alternative: &str) -> &str {
    let alternative = alternative.trim();
    let end = alternative
        .find([' ', '\t', '\n', '(', '[', '<', ':'])
        .unwrap_or(alternative.len());
    &alternative[..end]
}

#[cfg(test)]
mod tests {
    use super::{dependency_groups, paragraphs};

    #[test]
    fn paragraphs_two_given_are_split_at_the_empty_line() {
        let found = paragraphs("Package: a\nVersion: 1:2-3\n\n\nPackage: b\n").unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!(found[0]["Version"], "1:2-3");
        assert_eq!(found[1]["Package"], "b");
    }

    #[test]
    fn paragraphs_continuation_given_is_joined_to_its_field() {
        let found = paragraphs("SHA256:\n aa 1 x\n bb 2 y\n").unwrap();
        assert_eq!(found[0]["SHA256"], "\naa 1 x\nbb 2 y");
    }

    #[test]
    fn paragraphs_stray_text_given_fails() {
        assert!(paragraphs(" lost\n").is_err());
        assert!(paragraphs("<html>\n").is_err());
    }

    #[test]
    fn dependency_groups_versions_and_qualifiers_given_keeps_names() {
        let groups = dependency_groups("libc6 (>= 2.38), debconf:any (>= 0.5) | debconf-2.0, x [amd64]");
        assert_eq!(groups, [vec!["libc6"], vec!["debconf", "debconf-2.0"], vec!["x"]]);
        assert!(dependency_groups("").is_empty());
    }
}
