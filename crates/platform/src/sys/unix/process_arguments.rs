//! Command lines as the kernels give them.

use std::{ffi::OsString, os::unix::ffi::OsStringExt};

/// The most bytes of a command line that anybody is told.
pub const LONGEST_BYTES: usize = 64 << 10;

/// Linux: each argument with a zero after it. One that the limit cut is left out.
#[cfg(any(target_os = "linux", test))]
pub fn ended_by_zeros(text: &[u8]) -> Option<Vec<OsString>> {
    let whole = text.iter().rposition(|byte| *byte == 0)?;
    Some(texts(&text[..whole]).collect())
}

/// macOS, the answer to `KERN_PROCARGS2` (<https://github.com/apple-oss-distributions/xnu>, bsd/kern/kern_sysctl.c):
/// the number of arguments, the program's path, zeros up to the next word, then each argument with a zero after it, and
/// the environment.
#[cfg(any(target_os = "macos", test))]
pub fn after_a_count(answer: &[u8]) -> Option<Vec<OsString>> {
    let (count, rest) = answer.split_first_chunk::<4>()?;
    let count = usize::try_from(i32::from_ne_bytes(*count)).ok()?;
    let path = rest.iter().position(|byte| *byte == 0)?;
    let padding = rest[path..].iter().position(|byte| *byte != 0)?;
    let arguments = &rest[path + padding..];
    let arguments = &arguments[..arguments.len().min(LONGEST_BYTES)];
    let whole = arguments.iter().rposition(|byte| *byte == 0)?;
    Some(texts(&arguments[..whole]).take(count).collect())
}

fn texts(bytes: &[u8]) -> impl Iterator<Item = OsString> {
    bytes
        .split(|byte| *byte == 0)
        .map(|text| OsString::from_vec(text.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(count: i32, rest: &[u8]) -> Vec<u8> {
        [&count.to_ne_bytes(), rest].concat()
    }

    #[test]
    fn ended_by_zeros_gives_every_whole_argument() {
        assert_eq!(
            ended_by_zeros(b"sh\0-c\0\0a b\0").unwrap(),
            ["sh", "-c", "", "a b"]
        );
        assert_eq!(ended_by_zeros(b"sh\0-c\0cut of").unwrap(), ["sh", "-c"]);
        assert_eq!(ended_by_zeros(b""), None);
        assert_eq!(ended_by_zeros(b"renamed itself"), None);
    }

    #[test]
    fn after_a_count_gives_arguments_without_path_and_environment() {
        let given = answer(3, b"/bin/docker\0\0\0\0docker\0run\0\0PATH=/bin\0");
        assert_eq!(after_a_count(&given).unwrap(), ["docker", "run", ""]);
    }

    #[test]
    fn after_a_count_cut_anywhere_gives_no_more_than_there_is() {
        let given = answer(2, b"/bin/sh\0\0sh\0-c\0A=b\0");
        for length in 0..given.len() {
            let arguments = after_a_count(&given[..length]).unwrap_or_default();
            let found =
                ["sh", "-c"].starts_with(&arguments.iter().map(|a| a.to_str().unwrap()).collect::<Vec<_>>());
            assert!(found, "{length}: {arguments:?}");
        }
        assert_eq!(after_a_count(&answer(-1, b"/x\0x\0")), None);
    }
}
