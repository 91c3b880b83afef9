//! Names of images: `[REGISTRY[:PORT]/]PATH[:TAG][@DIGEST]`.
//!
//! Source: the grammar in `reference.go` of github.com/distribution/reference.

use std::str::FromStr;

/// The registry of names without one.
const USUAL_REGISTRY: &str = "docker.io";

/// An image's name as a pull takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// Registry and path, as the user wrote them.
    pub name: String,
    /// The digest, or the tag where there is no digest; `latest` where there is neither.
    pub version: String,
    digest: bool,
}

impl Reference {
    /// The whole name, with the tag or digest that is pulled.
    pub fn text(&self) -> String {
        let separator = if self.digest { '@' } else { ':' };
        format!("{}{separator}{}", self.name, self.version)
    }

    /// The registry, as in `localhost:5000`; `docker.io` where the name has none.
    pub fn registry(&self) -> &str {
        match self.name.split_once('/') {
            Some(("index.docker.io", _)) => USUAL_REGISTRY,
            Some((registry, _)) if is_registry(registry) => registry,
            _ => USUAL_REGISTRY,
        }
    }
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        parse(text).map_err(ReferenceError)
    }
}

/// Why a text is no image's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ReferenceError(&'static str);

fn parse(text: &str) -> Result<Reference, &'static str> {
    let (rest, digest) = match text.split_once('@') {
        Some((rest, digest)) => (rest, Some(digest)),
        None => (text, None),
    };
    // A colon before the last slash belongs to a port.
    let (name, tag) = match rest.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
        _ => (rest, None),
    };
    check_name(name)?;
    if tag.is_some_and(|tag| !is_tag(tag)) {
        return Err("the tag is not valid");
    }
    if digest.is_some_and(|digest| !is_digest(digest)) {
        return Err("the digest is not valid; it looks like sha256: and 64 hexadecimal digits");
    }
    Ok(Reference {
        name: name.to_owned(),
        version: digest.or(tag).unwrap_or("latest").to_owned(),
        digest: digest.is_some(),
    })
}

fn check_name(name: &str) -> Result<(), &'static str> {
    if name.is_empty() {
        return Err("the name is empty");
    }
    let path = match name.split_once('/') {
        Some((registry, path)) if is_registry(registry) => path,
        _ => name,
    };
    if path.len() > 255 {
        return Err("the name is too long");
    }
    if path.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err("the name must be lower case");
    }
    if path.len() == 64 && path.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err("that is an id, which no registry knows; give a name");
    }
    if path.split('/').all(is_component) {
        Ok(())
    } else {
        Err("the name is not valid")
    }
}

/// Whether the first part names a registry, as opposed to a folder of the usual one.
fn is_registry(part: &str) -> bool {
    let looks_so = part == "localhost" || part.contains(['.', ':']) || part.to_lowercase() != part;
    let host = match part.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => {
            if port.is_empty() || !port.bytes().all(|byte| byte.is_ascii_digit()) {
                return false;
            }
            host
        }
        _ => part,
    };
    let in_brackets = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .is_some_and(|host| host.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b':'));
    let named = host
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'));
    looks_so && !host.is_empty() && (in_brackets || named)
}

/// Letters and digits, with single points, one or two underscores, or any number of dashes between them.
fn is_component(part: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = part.as_bytes();
    let ends_plain =
        bytes.first().copied().is_some_and(is_plain) && bytes.last().copied().is_some_and(is_plain);
    let between = bytes.split(|byte| is_plain(*byte)).filter(|run| !run.is_empty());
    ends_plain
        && between
            .into_iter()
            .all(|run| matches!(run, b"." | b"_" | b"__") || run.iter().all(|byte| *byte == b'-'))
}

fn is_tag(tag: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    (1..=128).contains(&tag.len())
        && tag.bytes().next().is_some_and(word)
        && tag.bytes().all(|byte| word(byte) || matches!(byte, b'.' | b'-'))
}

fn is_digest(digest: &str) -> bool {
    let Some((algorithm, hex)) = digest.split_once(':') else {
        return false;
    };
    let length = match algorithm {
        "sha256" => 64,
        "sha384" => 96,
        "sha512" => 128,
        _ => return false,
    };
    hex.len() == length && hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    #[test]
    fn reference_each_form_is_read() {
        let check = |text: &str, name: &str, version: &str| {
            let reference = Reference::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(
                (reference.name.as_str(), reference.version.as_str()),
                (name, version)
            );
        };
        check("alpine", "alpine", "latest");
        check("alpine:3.22", "alpine", "3.22");
        check("my/app__x.y-z---0", "my/app__x.y-z---0", "latest");
        check("localhost:5000/app", "localhost:5000/app", "latest");
        check("localhost/app1", "localhost/app1", "latest");
        check(
            "registry.example:5000/a/b:v1_2.3-4",
            "registry.example:5000/a/b",
            "v1_2.3-4",
        );
        check("Registry.example/a", "Registry.example/a", "latest");
        check("[::1]:5000/a:b", "[::1]:5000/a", "b");
        check(&format!("alpine@{DIGEST}"), "alpine", DIGEST);
        check(&format!("r:5000/alpine:3@{DIGEST}"), "r:5000/alpine", DIGEST);
    }

    #[test]
    fn reference_text_names_what_is_pulled() {
        let check = |text: &str, whole: &str| assert_eq!(Reference::from_str(text).unwrap().text(), whole);
        check("a/b", "a/b:latest");
        check(&format!("a:1@{DIGEST}"), &format!("a@{DIGEST}"));
    }

    #[test]
    fn registry_is_dockers_where_the_name_has_none() {
        let check = |text: &str, registry: &str| {
            assert_eq!(Reference::from_str(text).unwrap().registry(), registry, "{text}");
        };
        check("alpine", "docker.io");
        check("ann/app", "docker.io");
        check("docker.io/library/alpine", "docker.io");
        check("index.docker.io/library/alpine", "docker.io");
        check("localhost/app", "localhost");
        check("r.example:5000/a/b:1", "r.example:5000");
    }

    #[test]
    fn reference_nonsense_is_refused() {
        for text in [
            "",
            ":",
            "a:",
            "a@",
            "@x",
            "-a",
            "a-",
            "a..b",
            "a___b",
            "a._b",
            "a//b",
            "/a",
            "a/",
            "Alpine",
            "a b",
            "a:b c",
            "a:.b",
            "a@sha256:12",
            "a@md5:12",
            "r:/a",
            "r:x/a",
            "a?b",
            "a\x1b",
            "größe",
            "https://a/b",
            "a%2f",
            "a&b=c",
        ] {
            assert!(Reference::from_str(text).is_err(), "{text}");
        }
        assert!(Reference::from_str(&"a".repeat(64)).is_err());
        assert!(Reference::from_str(&format!("a:{}", "t".repeat(129))).is_err());
    }
}
