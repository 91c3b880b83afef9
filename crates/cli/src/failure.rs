//! How a command ends when it does not succeed: what people read, and the exit code that scripts read.

use std::{error::Error, fmt, io};

use api::{ApiError, Code};

/// The exit codes that this program promises. 125 to 127 are docker's and only used as docker uses them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Success,
    /// Anything that has no code of its own.
    Failure,
    /// The command line is wrong.
    Usage,
    /// The machine or the host agent does not run.
    NotRunning,
    /// It took too long.
    Timeout,
    /// This host cannot run machines.
    UnsupportedHost,
    /// Ended by Ctrl+C.
    Interrupted,
    /// The exit code of a program that ran in the machine.
    Guest(u8),
}

impl Exit {
    /// The number that the shell sees.
    pub fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Failure => 1,
            Self::Usage => 2,
            Self::NotRunning => 3,
            Self::Timeout => 4,
            Self::UnsupportedHost => 5,
            Self::Interrupted => 130,
            Self::Guest(code) => code,
        }
    }
}

/// A command that did not succeed. Printed as an `error: …` line and, where there is a next step, a `hint: …` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// The whole chain of causes: lower case, no final period.
    pub message: String,
    /// The next step.
    pub hint: Option<String>,
}

impl Failure {
    /// A failure with the general exit code.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            exit: Exit::Failure,
            message: message.into(),
            hint: None,
        }
    }

    /// A failure to do something because of `cause`, whose sources are appended.
    pub fn caused(action: impl fmt::Display, cause: &dyn Error) -> Self {
        Self::new(format!("{action}: {}", chain(cause)))
    }

    /// A failure that an error and its sources describe.
    pub fn caused_alone(cause: &dyn Error) -> Self {
        Self::new(chain(cause))
    }

    /// The machine or the host agent does not run, and this command does not start it.
    pub fn not_running(message: impl Into<String>) -> Self {
        Self::new(message)
            .exit(Exit::NotRunning)
            .hint("start the machine with `pinnace start`")
    }

    /// The same with another exit code.
    pub fn exit(self, exit: Exit) -> Self {
        Self { exit, ..self }
    }

    /// The same with a next step.
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self {
            hint: Some(hint.into()),
            ..self
        }
    }
}

/// An error and its sources in one line, a source that the text already ends with left out.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        let exit = match error.code {
            Code::NotRunning => Exit::NotRunning,
            Code::Timeout => Exit::Timeout,
            Code::UnsupportedHost => Exit::UnsupportedHost,
            Code::BadRequest
            | Code::NotFound
            | Code::Conflict
            | Code::VmImage
            | Code::DataDisk
            | Code::Settings
            | Code::NoSpace
            | Code::Superseded
            | Code::Internal => Exit::Failure,
        };
        Self {
            exit,
            message: error.message,
            hint: error.hint,
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::new(chain(&error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn api_error(code: Code) -> ApiError {
        ApiError {
            code,
            message: "m".to_owned(),
            hint: Some("h".to_owned()),
        }
    }

    #[test]
    fn exit_code_api_error_follows_from_code() {
        let check = |code, exit: u8| {
            let failure = Failure::from(api_error(code));
            assert_eq!(failure.exit.code(), exit, "{code:?}");
            assert_eq!(failure.hint.as_deref(), Some("h"));
        };
        check(Code::NotRunning, 3);
        check(Code::Timeout, 4);
        check(Code::UnsupportedHost, 5);
        check(Code::Settings, 1);
        check(Code::Superseded, 1);
        check(Code::Internal, 1);
    }

    #[test]
    fn chain_nested_error_names_each_cause_once() {
        let inner = io::Error::other("disk on fire");
        let outer = io::Error::other(inner);
        assert_eq!(chain(&outer), "disk on fire");
    }
}
