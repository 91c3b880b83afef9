//! Wakes up when an entry of a folder comes or goes.

use std::{
    os::fd::{AsFd as _, OwnedFd},
    path::Path,
};

use anyhow::Context;
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use tokio::io::unix::AsyncFd;

/// Folders that are watched.
#[derive(Debug)]
pub struct Wake {
    notices: AsyncFd<OwnedFd>,
}

impl Wake {
    /// Watches nothing yet.
    pub fn new() -> anyhow::Result<Self> {
        let notices =
            inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).context("failed to watch folders")?;
        Ok(Self {
            notices: register(notices)?,
        })
    }

    /// Watches a folder; one that is watched already stays so, and one that is not there is left out.
    pub fn watch(&self, folder: &Path) {
        let flags = WatchFlags::CREATE | WatchFlags::DELETE | WatchFlags::MOVED_TO | WatchFlags::ONLYDIR;
        if let Err(error) = inotify::add_watch(self.notices.get_ref().as_fd(), folder, flags) {
            tracing::debug!(folder = %folder.display(), %error, "folder not watched");
        }
    }

    /// Waits until something came or went since the last time.
    pub async fn changed(&self) {
        let Ok(mut ready) = self.notices.readable().await else {
            // The runtime ends.
            return std::future::pending().await;
        };
        // What it was is looked up anyway.
        let mut notices = [0; 4096];
        while rustix::io::read(self.notices.get_ref(), &mut notices).is_ok_and(|length| length > 0) {}
        ready.clear_ready();
    }
}

#[expect(
    unsafe_code,
    reason = "tokio asks for the promise that the descriptor stays the same"
)]
fn register(notices: OwnedFd) -> std::io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: an owned descriptor is open, and stays the same for as long as it is owned.
    Ok(unsafe { AsyncFd::register(notices) }?)
}

#[cfg(test)]
mod tests {
    use std::{fs, time::Duration};

    use tokio::time::timeout;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn changed_when_an_entry_comes_or_goes_and_not_before() {
        let folder = tempfile::tempdir().unwrap();
        let wake = Wake::new().unwrap();
        wake.watch(folder.path());
        wake.watch(folder.path());
        wake.watch(Path::new("/missing"));
        assert!(timeout(Duration::from_millis(20), wake.changed()).await.is_err());
        let path = folder.path().join("a");
        fs::create_dir(&path).unwrap();
        timeout(LIMIT, wake.changed()).await.unwrap();
        fs::remove_dir(&path).unwrap();
        timeout(LIMIT, wake.changed()).await.unwrap();
        assert!(timeout(Duration::from_millis(20), wake.changed()).await.is_err());
    }
}
