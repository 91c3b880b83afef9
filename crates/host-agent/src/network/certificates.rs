//! Certificate authorities from files: only certificates are taken, whatever else a file holds.

use std::{
    fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use protocol::MAX_CA_BYTES;

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";
/// The most bytes of a file.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// One bundle of all; what is wrong is left out and told in `problems`.
pub(super) fn read(files: &[PathBuf], problems: &mut Vec<String>) -> Vec<u8> {
    let mut bundle = String::new();
    for path in files {
        let mut problem =
            |why: String| problems.push(format!("no certificate is taken from {}: {why}", path.display()));
        let text = match read_file(path) {
            Ok(text) => text,
            Err(error) => {
                problem(error.to_string());
                continue;
            }
        };
        match certificates(&text) {
            Ok(found) if bundle.len() + found.len() > MAX_CA_BYTES => {
                problem(format!("all together have more than {MAX_CA_BYTES} bytes"));
            }
            Ok(found) => bundle.push_str(&found),
            Err(why) => problem(why.to_owned()),
        }
    }
    bundle.into_bytes()
}

fn read_file(path: &Path) -> io::Result<String> {
    // Opening a pipe would wait for somebody who writes.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    let mut bytes = Vec::new();
    fs::File::open(path)?
        .take(MAX_FILE_BYTES + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(io::Error::other(format!(
            "it has more than {MAX_FILE_BYTES} bytes"
        )));
    }
    String::from_utf8(bytes).map_err(|_| io::Error::other("it is no PEM text"))
}

/// The certificates of a PEM text, one after the other, and nothing else of it.
fn certificates(text: &str) -> Result<String, &'static str> {
    let mut found = String::new();
    let mut lines = text.lines().map(str::trim);
    while lines.any(|line| line == BEGIN) {
        let mut body = String::new();
        loop {
            match lines.next() {
                Some(END) => break,
                Some(line) if is_base64(line) => {
                    body.push_str(line);
                    body.push('\n');
                }
                Some(_) => return Err("a certificate in it has a line that is no base64"),
                None => return Err("a certificate in it has no end"),
            }
        }
        // DER of a certificate begins with a long sequence, `30 82`, which is `MI` in base64.
        if !body.starts_with("MI") {
            return Err("a certificate in it is none");
        }
        found.push_str(&format!("{BEGIN}\n{body}{END}\n"));
    }
    if found.is_empty() {
        return Err("it has no certificate in PEM form");
    }
    Ok(found)
}

fn is_base64(line: &str) -> bool {
    let is_digit = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
    !line.is_empty() && line.len() <= 1024 && line.bytes().all(is_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "-----BEGIN CERTIFICATE-----\nMIIBszCC\nAVmg\n-----END CERTIFICATE-----\n";

    #[test]
    fn certificates_leave_keys_and_comments_behind() {
        let key = "-----BEGIN PRIVATE KEY-----\nMIIBszCC\n-----END PRIVATE KEY-----\n";
        let text = format!("# mine\r\n{key}{}{key}{ONE}", ONE.replace('\n', "\r\n"));
        assert_eq!(certificates(&text), Ok(format!("{ONE}{ONE}")));
    }

    #[test]
    fn certificates_of_hostile_text_fail() {
        let table = [
            String::new(),
            "-----BEGIN PRIVATE KEY-----\nMII=\n-----END PRIVATE KEY-----\n".to_owned(),
            format!("{BEGIN}\nMIIB\n"),
            format!("{BEGIN}\nMIIB\n{BEGIN}\nMIIB\n{END}\n"),
            format!("{BEGIN}\n{END}\n"),
            format!("{BEGIN}\nMIIB\u{0}\n{END}\n"),
            format!("{BEGIN}\nhello\n{END}\n"),
        ];
        for text in table {
            assert!(certificates(&text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn read_takes_what_is_right_within_the_limit() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::write(&path, text).unwrap();
            path
        };
        let good = file("good", ONE);
        let many = file("many", &ONE.repeat(MAX_CA_BYTES / ONE.len()));
        let large = file("large", &"x".repeat(1024 * 1024 + 1));
        let missing = folder.path().join("missing");
        let mut problems = Vec::new();
        let files = [good, many, large, missing, folder.path().to_owned()];
        assert_eq!(read(&files, &mut problems), ONE.as_bytes());
        assert_eq!(problems.len(), 4, "{problems:?}");
    }
}
