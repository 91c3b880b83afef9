//! Queries of URLs from text that may hold anything.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// All but RFC 3986's unreserved characters.
const ODD: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// `a=1&b=2`, everything encoded that is not plain.
pub fn encode<'a>(pairs: impl IntoIterator<Item = (&'static str, &'a str)>) -> String {
    let mut query = String::new();
    for (name, value) in pairs {
        if !query.is_empty() {
            query.push('&');
        }
        query.push_str(name);
        query.push('=');
        query.extend(utf8_percent_encode(value, ODD));
    }
    query
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encode_odd_text_stays_one_value() {
        assert_eq!(encode([]), "");
        assert_eq!(
            encode([("container", "a&b=ß c"), ("container", "web_1")]),
            "container=a%26b%3D%C3%9F%20c&container=web_1"
        );
    }
}
