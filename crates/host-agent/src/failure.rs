//! Errors as the API tells them: a code, the whole chain of causes, the next step.

use std::error::Error;

use api::{ApiError, Code};
use machine::DriverError;

/// Makes an error without a hint.
pub fn failure(code: Code, message: impl Into<String>) -> ApiError {
    ApiError {
        code,
        message: message.into(),
        hint: None,
    }
}

/// Makes an error with the next step.
pub fn hinted(code: Code, message: impl Into<String>, hint: impl Into<String>) -> ApiError {
    ApiError {
        code,
        message: message.into(),
        hint: Some(hint.into()),
    }
}

/// The whole chain of causes in one line.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// A driver's error.
pub fn driver_failure(error: &DriverError) -> ApiError {
    let code = match error {
        DriverError::ProgramMissing { .. }
        | DriverError::ProgramTooOld { .. }
        | DriverError::AcceleratorUnusable { .. }
        | DriverError::Unsupported { .. } => Code::UnsupportedHost,
        DriverError::DiskInUse { .. } => Code::DataDisk,
        DriverError::File { source, .. } => io_code(source),
        DriverError::Launch { .. } | DriverError::Control { .. } => Code::Internal,
    };
    ApiError {
        code,
        message: chain(error),
        hint: error.hint(),
    }
}

/// What an operating system's error means for the user.
pub fn io_code(error: &std::io::Error) -> Code {
    match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => Code::NoSpace,
        _ => Code::Internal,
    }
}

/// The error in one sentence, its next step included.
pub fn sentence(error: &ApiError) -> String {
    match &error.hint {
        Some(hint) => format!("{}; {hint}", error.message),
        None => error.message.clone(),
    }
}
