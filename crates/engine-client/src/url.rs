//! Paths and queries from hostile or merely odd text.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// All but RFC 3986's unreserved characters, and the colon of tags and digests, which a segment may hold.
const ODD: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~')
    .remove(b':');

/// A path segment with everything encoded that is not plain.
pub fn encode_segment(text: &str) -> String {
    utf8_percent_encode(text, ODD).to_string()
}

/// `?a=1&b=2`, or nothing without pairs.
pub fn encode_query<'a>(pairs: impl IntoIterator<Item = (&'a str, String)>) -> String {
    let mut query = String::new();
    for (name, value) in pairs {
        query.push(if query.is_empty() { '?' } else { '&' });
        query.push_str(name);
        query.push('=');
        query.push_str(&encode_segment(&value));
    }
    query
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segment_of_odd_text_stays_one_segment() {
        assert_eq!(encode_segment("a/../b?c#d %"), "a%2F..%2Fb%3Fc%23d%20%25");
        assert_eq!(encode_segment("sha256:0af-_.~"), "sha256:0af-_.~");
    }

    #[test]
    fn query_of_pairs_is_encoded() {
        assert_eq!(encode_query([]), "");
        assert_eq!(
            encode_query([("t", "5".to_owned()), ("signal", "a&b".to_owned())]),
            "?t=5&signal=a%26b"
        );
    }
}
