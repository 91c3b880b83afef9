//! Where Pinnace keeps its things on this host, and making sure that those places are ours.

mod create;

use std::{
    env,
    ffi::OsString,
    io,
    path::{Path, PathBuf},
};

use crate::{LocalAddress, sys::os};

/// The longest name of a socket below the run folder, subfolder included, that [`Folders::resolve`] leaves space for.
pub const LONGEST_SOCKET_NAME_BYTES: usize = 24;

/// All the places. `PINNACE_HOME` moves everything below one folder; without it they are where this OS keeps such
/// things.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folders {
    /// Settings that a person edits.
    pub config: PathBuf,
    /// The data disk and VM images. Never on a roaming profile.
    pub data: PathBuf,
    /// What we remember between runs and can lose without harm.
    pub state: PathBuf,
    /// Logs.
    pub logs: PathBuf,
    /// What can be fetched or computed again.
    pub cache: PathBuf,
    /// Sockets; may be emptied at every boot.
    pub run: PathBuf,
    /// Where the Docker API is reachable.
    pub engine_socket: LocalAddress,
    /// Where the host agent's own API is reachable.
    pub api_socket: LocalAddress,
}

/// Why there are no usable folders.
#[derive(Debug, thiserror::Error)]
pub enum FoldersError {
    /// A relative path would mean another folder in every working directory.
    #[error("PINNACE_HOME is {}, which is not an absolute path; set it to one", path.display())]
    NotAbsolute {
        /// What it is set to.
        path: PathBuf,
    },
    /// The OS does not know our user's home folder.
    #[error("this user has no home folder; set PINNACE_HOME to an absolute path")]
    NoHome,
    /// A socket's path does not fit what the OS can bind.
    #[error(
        "the socket path {} is too long ({} bytes, at most {limit_bytes}); set PINNACE_HOME to a shorter path",
        path.display(),
        path.as_os_str().len()
    )]
    TooLong {
        /// The path.
        path: PathBuf,
        /// The most that fits.
        limit_bytes: usize,
    },
    /// It cannot be created.
    #[error("failed to create the folder {}; make its parent writable or set PINNACE_HOME to another path", path.display())]
    Create {
        /// The folder.
        path: PathBuf,
        /// What the OS said.
        source: io::Error,
    },
    /// Something else has its name.
    #[error("{} is not a folder; move it away or set PINNACE_HOME to another path", path.display())]
    NotAFolder {
        /// What is in the way.
        path: PathBuf,
    },
    /// Whoever made the link decides where our sockets and disks end up.
    #[error("the folder {} is a symbolic link; replace it by a folder or set PINNACE_HOME to its target", path.display())]
    Symlink {
        /// The link.
        path: PathBuf,
    },
    /// It belongs to another user, who could exchange what is in it.
    #[error("the folder {} belongs to another user; change its owner or set PINNACE_HOME to another path", path.display())]
    Foreign {
        /// The folder.
        path: PathBuf,
    },
    /// It exists but nothing can be written there.
    #[error("failed to write to the folder {}; make it writable or set PINNACE_HOME to another path", path.display())]
    NotWritable {
        /// The folder.
        path: PathBuf,
        /// What the OS said.
        source: io::Error,
    },
}

/// The folders without the addresses that follow from them.
pub(crate) struct Places {
    pub config: PathBuf,
    pub data: PathBuf,
    pub state: PathBuf,
    pub logs: PathBuf,
    pub cache: PathBuf,
    pub run: PathBuf,
}

/// Looks up an environment variable.
pub(crate) type Environment<'a> = &'a dyn Fn(&str) -> Option<OsString>;

impl Folders {
    /// Finds the folders for this process's environment. Touches no disk.
    pub fn resolve() -> Result<Self, FoldersError> {
        Self::resolve_in(&|name| env::var_os(name))
    }

    /// Creates the folders that are missing, closed to other users, and checks those that exist: ours, no symbolic
    /// links, writable. Idempotent.
    pub fn create(&self) -> Result<(), FoldersError> {
        create::create(self)
    }

    /// The settings.
    pub fn config_file(&self) -> PathBuf {
        self.config.join("config.toml")
    }

    /// The machine's data disk.
    pub fn data_disk(&self) -> PathBuf {
        self.data.join("data.raw")
    }

    /// The VM image that was installed.
    pub fn vm_image(&self) -> PathBuf {
        self.data.join("vm-image")
    }

    /// The lock of the one process that owns this home. It lies beside what it protects.
    pub fn owner_lock(&self) -> PathBuf {
        self.data.join("owner.lock")
    }

    /// A path for another socket below the run folder.
    ///
    /// Fails when it is too long to be bound, which it is not for names up to [`LONGEST_SOCKET_NAME_BYTES`].
    pub fn socket(&self, name: &str) -> Result<PathBuf, FoldersError> {
        let path = self.run.join(name);
        let limit_bytes = os::folders::SOCKET_PATH_LIMIT_BYTES;
        if path.as_os_str().len() > limit_bytes {
            return Err(FoldersError::TooLong { path, limit_bytes });
        }
        Ok(path)
    }

    fn resolve_in(environment: Environment<'_>) -> Result<Self, FoldersError> {
        let places = match environment("PINNACE_HOME").filter(|home| !home.is_empty()) {
            Some(home) => below(Path::new(&home))?,
            None => os::folders::usual(environment)?,
        };
        let (engine_socket, api_socket) = os::folders::addresses(&places);
        let Places {
            config,
            data,
            state,
            logs,
            cache,
            run,
        } = places;
        let folders = Self {
            config,
            data,
            state,
            logs,
            cache,
            run,
            engine_socket,
            api_socket,
        };
        // Found now rather than when the machine starts.
        folders.socket(&"x".repeat(LONGEST_SOCKET_NAME_BYTES))?;
        Ok(folders)
    }
}

/// Everything below one folder.
fn below(home: &Path) -> Result<Places, FoldersError> {
    if !home.is_absolute() {
        return Err(FoldersError::NotAbsolute {
            path: home.to_path_buf(),
        });
    }
    Ok(Places {
        config: home.join("config"),
        data: home.join("data"),
        state: home.join("state"),
        logs: home.join("logs"),
        cache: home.join("cache"),
        run: home.join("run"),
    })
}

#[cfg(all(test, unix))]
mod tests;
