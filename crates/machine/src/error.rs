//! Why a driver could not do it.

use std::{io, path::PathBuf};

/// Why a driver could not do what was asked. `Display` never repeats the source; [`DriverError::hint`] is the next
/// step.
#[derive(Debug, thiserror::Error)]
pub enum DriverError {
    /// A program is not on this host.
    #[error("failed to find {program}")]
    ProgramMissing {
        /// Its name.
        program: String,
        /// How to get it on this host.
        hint: String,
    },
    /// A program is older than what is needed.
    #[error("{program} {found} is too old, {needed} or newer is needed")]
    ProgramTooOld {
        /// Its path.
        program: PathBuf,
        /// Its version.
        found: String,
        /// The oldest version that will do.
        needed: String,
        /// How to get a newer one on this host.
        hint: String,
    },
    /// The accelerator that the user insists on does not run guests here.
    #[error("accelerator {accelerator} does not run guests on this host: {reason}")]
    AcceleratorUnusable {
        /// The accelerator's name.
        accelerator: String,
        /// What was tried and seen.
        reason: String,
    },
    /// Another process uses the data disk.
    #[error("data disk {path} is in use by another process")]
    DiskInUse {
        /// The disk.
        path: PathBuf,
    },
    /// The VM's process ended before the VM ran.
    #[error("failed to start {program}: {reason}")]
    Launch {
        /// The program.
        program: PathBuf,
        /// Exit status and what it wrote.
        reason: String,
    },
    /// A file or socket could not be used.
    #[error("failed to {action} {path}")]
    File {
        /// What was tried, as a verb: `open`, `bind`.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// The operating system's answer.
        source: io::Error,
    },
    /// The VM's process does not answer or refuses.
    #[error("failed to {action} the machine: {reason}")]
    Control {
        /// What was tried, as a verb: `pause`, `resume`.
        action: &'static str,
        /// Its answer.
        reason: String,
    },
    /// This driver cannot do that at all.
    #[error("driver {driver} cannot {action}")]
    Unsupported {
        /// The driver's name.
        driver: &'static str,
        /// What was asked, as a verb.
        action: &'static str,
    },
}

impl DriverError {
    /// The next step for the user, where there is one.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::ProgramMissing { hint, .. } | Self::ProgramTooOld { hint, .. } => Some(hint.clone()),
            Self::AcceleratorUnusable { .. } => Some("set `accelerator = \"auto\"` or `\"tcg\"`".to_owned()),
            Self::DiskInUse { .. } => {
                Some("stop the other program that uses it, or set another PINNACE_HOME".to_owned())
            }
            Self::Launch { .. } => Some("see `pinnace logs console` and `pinnace doctor`".to_owned()),
            Self::File { .. } | Self::Control { .. } | Self::Unsupported { .. } => None,
        }
    }
}
