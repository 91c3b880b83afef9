//! A full path of the host, taken apart.

use std::fmt;

use super::{CaseRule, PathStyle, unix, windows};

/// A full path: a root, and the names below it, none of which is `.` or `..`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct HostPath {
    pub(super) root: Root,
    pub(super) names: Vec<String>,
}

/// Where a path begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Root {
    /// `/`
    Unix,
    /// `C:\`; the letter is a capital.
    Drive(char),
    /// `\\server\share`
    Network { server: String, share: String },
}

/// Why a path of the host cannot be what is meant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoPath {
    #[error("it has a zero byte")]
    ZeroByte,
    #[error("it depends on the current folder of drive {0}: and is no full path, such as {0}:\\folder")]
    DriveRelative(char),
    #[error("it says no drive and is no full path, such as C:\\folder")]
    NoDrive,
    #[error("it is the name of a device, not of a folder")]
    Device,
    #[error("the name {0} belongs to a device")]
    Reserved(String),
    #[error("{0} is a stream of a file, not a file of its own")]
    Stream(String),
    #[error("no file can have the name {0}")]
    Name(String),
}

impl HostPath {
    /// Takes a path apart. `None` when it is no full path, such as a volume's name.
    pub(super) fn read(style: PathStyle, path: &str) -> Result<Option<Self>, NoPath> {
        match style {
            PathStyle::Unix => unix::read(path),
            PathStyle::Windows => windows::read(path),
        }
    }

    /// The names below a folder. `None` when it is not in there.
    pub(super) fn below(&self, folder: &Self, case: CaseRule) -> Option<&[String]> {
        let (start, rest) = self.names.split_at_checked(folder.names.len())?;
        let mut pairs = start.iter().zip(&folder.names);
        let is_below =
            self.root.is_same(&folder.root, case) && pairs.all(|(one, other)| case.is_same(one, other));
        is_below.then_some(rest)
    }

    /// As a word of a command line.
    pub(super) fn quoted(&self) -> String {
        let path = self.to_string();
        let is_plain = |c: char| c.is_alphanumeric() || "/\\:._-+,@".contains(c);
        match self.root {
            _ if path.chars().all(is_plain) => path,
            Root::Unix => format!("'{}'", path.replace('\'', r"'\''")),
            // No name there has a double quote.
            Root::Drive(_) | Root::Network { .. } => format!("\"{path}\""),
        }
    }
}

impl Root {
    fn is_same(&self, other: &Self, case: CaseRule) -> bool {
        match (self, other) {
            (
                Self::Network { server, share },
                Self::Network {
                    server: other_server,
                    share: other_share,
                },
            ) => case.is_same(server, other_server) && case.is_same(share, other_share),
            _ => self == other,
        }
    }
}

impl fmt::Display for HostPath {
    /// As the host writes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let separator = match &self.root {
            Root::Unix => {
                if self.names.is_empty() {
                    return f.write_str("/");
                }
                '/'
            }
            Root::Drive(letter) => {
                write!(f, "{letter}:")?;
                if self.names.is_empty() {
                    return f.write_str("\\");
                }
                '\\'
            }
            Root::Network { server, share } => {
                write!(f, "\\\\{server}\\{share}")?;
                '\\'
            }
        };
        self.names
            .iter()
            .try_for_each(|name| write!(f, "{separator}{name}"))
    }
}

/// Carries out `.` and `..` on names as they are written; above the root is the root.
pub(super) fn walked<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut walked = Vec::new();
    for name in names {
        match name {
            "" | "." => {}
            ".." => drop(walked.pop()),
            name => walked.push(name),
        }
    }
    walked
}
