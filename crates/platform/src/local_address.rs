//! Where a local endpoint is reachable.

use std::{
    ffi::{OsStr, OsString},
    fmt,
    path::{Path, PathBuf},
};

/// A Unix socket's path, or a named pipe's name on Windows. Displays as what `DOCKER_HOST` takes:
/// `unix:///run/user/1000/pinnace/docker.sock`, `npipe:////./pipe/pinnace-engine`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LocalAddress(Kind);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Unix(PathBuf),
    Pipe(OsString),
}

impl LocalAddress {
    /// The address of a Unix socket.
    pub fn unix(path: impl Into<PathBuf>) -> Self {
        Self(Kind::Unix(path.into()))
    }

    /// The address of a named pipe; `name` is its whole name, `\\.\pipe\…`.
    pub fn pipe(name: impl Into<OsString>) -> Self {
        Self(Kind::Pipe(name.into()))
    }

    /// The path, when it is a Unix socket.
    pub fn unix_path(&self) -> Option<&Path> {
        match &self.0 {
            Kind::Unix(path) => Some(path),
            Kind::Pipe(_) => None,
        }
    }

    /// The name, when it is a named pipe.
    pub fn pipe_name(&self) -> Option<&OsStr> {
        match &self.0 {
            Kind::Unix(_) => None,
            Kind::Pipe(name) => Some(name),
        }
    }
}

impl fmt::Display for LocalAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Unix(path) => write!(f, "unix://{}", path.display()),
            Kind::Pipe(name) => write!(f, "npipe://{}", name.to_string_lossy().replace('\\', "/")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_unix_socket_is_what_docker_host_takes() {
        assert_eq!(
            LocalAddress::unix("/run/x/docker.sock").to_string(),
            "unix:///run/x/docker.sock"
        );
    }

    #[test]
    fn display_pipe_is_what_docker_host_takes() {
        assert_eq!(
            LocalAddress::pipe(r"\\.\pipe\pinnace-engine").to_string(),
            "npipe:////./pipe/pinnace-engine"
        );
    }
}
