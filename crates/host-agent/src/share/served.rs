//! The file server of one share's folder.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use fileserver::{Access, Errno, FileServer, HostFolder, ShareOptions, Watch, path_names};
use link::Stream;

use crate::failure::chain;

/// A folder and its server.
#[derive(Clone)]
pub(crate) struct Served(Arc<FileServer<HostFolder>>);

/// While it exists changes on the host are pushed to the guest.
pub(crate) struct Watching(Watch<HostFolder>);

impl Watching {
    /// Resolves, with the reason, when some changes are not heard of any more.
    pub(crate) fn gap(&self) -> impl Future<Output = String> + Send + use<> {
        self.0.gap()
    }
}

impl Served {
    /// Opens a folder. `hidden` are paths below it. May wait for the disk.
    pub(crate) fn open(path: &Path, read_only: bool, hidden: &[PathBuf]) -> Result<Self, String> {
        let failed = |errno: Errno| format!("failed to open {}: {errno}", path.display());
        let folder = HostFolder::open(path).map_err(failed)?;
        let options = ShareOptions {
            access: if read_only {
                Access::ReadOnly
            } else {
                Access::ReadWrite
            },
            hidden: hidden.iter().filter_map(|place| path_names(place)).collect(),
            ..ShareOptions::default()
        };
        FileServer::new(folder, options)
            .map(|server| Self(Arc::new(server)))
            .map_err(failed)
    }

    /// Serves a stream until it ends.
    pub(crate) async fn serve(&self, stream: Stream) -> Result<(), String> {
        self.0.serve(stream).await.map_err(|error| chain(&error))
    }

    /// What was told on a stream may be lost with it.
    pub(crate) fn note_any_change(&self) {
        self.0.note_any_change();
    }

    /// Watches the folder. Walks through all that is below it.
    pub(crate) fn watch(&self, path: &Path) -> Result<Watching, String> {
        Watch::start(&self.0, path)
            .map(Watching)
            .map_err(|error| chain(&error))
    }
}
