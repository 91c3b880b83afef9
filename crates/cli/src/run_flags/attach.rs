//! `--attach STDIN|STDOUT|STDERR`.

/// A stream that a client is attached to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttachedStream {
    /// Input.
    Stdin,
    /// Output.
    Stdout,
    /// The other output.
    Stderr,
}

/// Reads one value of `--attach`, in any case.
pub fn parse_attach(text: &str) -> Result<AttachedStream, String> {
    match text.to_ascii_lowercase().as_str() {
        "stdin" => Ok(AttachedStream::Stdin),
        "stdout" => Ok(AttachedStream::Stdout),
        "stderr" => Ok(AttachedStream::Stderr),
        _ => Err("use stdin, stdout or stderr".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_attach_any_case_is_read() {
        assert_eq!(parse_attach("STDIN"), Ok(AttachedStream::Stdin));
        assert_eq!(parse_attach("stdout"), Ok(AttachedStream::Stdout));
        assert_eq!(parse_attach("StdErr"), Ok(AttachedStream::Stderr));
        for text in ["", "std", "tty", "stdin,stdout"] {
            assert!(parse_attach(text).is_err(), "{text}");
        }
    }
}
