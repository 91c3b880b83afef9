//! The shares of this machine: what the host asked for last.

use std::{
    fmt,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anyhow::anyhow;
use protocol::{MountedShare, ShareSpec};
use tokio::sync::watch;

use super::{
    mount::{FOLDER, Mounted},
    place::Ground,
    pump::{ALONE_LIMIT, Pump},
    spec::{check_all, why_elsewhere},
};

/// All shares. Clones share them.
#[derive(Clone)]
pub struct Shares {
    shared: Arc<Shared>,
}

struct Shared {
    ground: Ground,
    folder: PathBuf,
    limit: Duration,
    /// None once the machine ends.
    mounted: Mutex<Option<Vec<Mounted>>>,
    /// Whether the kernel has FUSE by now.
    ready: watch::Sender<bool>,
    /// Whether the host said which there are.
    first_set: watch::Sender<bool>,
}

impl Shares {
    /// None yet. `ground` says what may be made for them.
    pub fn new(ground: Ground) -> Self {
        Self::at(ground, PathBuf::from(FOLDER), ALONE_LIMIT)
    }

    /// The same below another folder, with another time that requests wait for a stream.
    pub(super) fn at(ground: Ground, folder: PathBuf, limit: Duration) -> Self {
        Self {
            shared: Arc::new(Shared {
                ground,
                folder,
                limit,
                mounted: Mutex::new(Some(Vec::new())),
                ready: watch::channel(false).0,
                first_set: watch::channel(false).0,
            }),
        }
    }

    /// Notes that the kernel's modules are loaded, and what else mounting takes is there.
    pub fn note_ready(&self) {
        self.shared.ready.send_replace(true);
    }

    /// Resolves when shares can be mounted.
    pub async fn ready(&self) {
        // The sender lives in `self`, so waiting does not fail.
        let _ = self.shared.ready.subscribe().wait_for(|ready| *ready).await;
    }

    /// Notes that the host knows where its shares are.
    pub fn note_set(&self) {
        self.shared.first_set.send_replace(true);
    }

    /// Resolves when the host has set its shares once.
    pub async fn first_set(&self) {
        // As above.
        let _ = self.shared.first_set.subscribe().wait_for(|set| *set).await;
    }

    /// Mounts what is new, unmounts what is gone. Answers for each, in their order. Blocks, but never for the host.
    pub fn set(&self, specs: &[ShareSpec]) -> Vec<anyhow::Result<MountedShare>> {
        let mut mounted = self.mounted();
        let Some(mounted) = &mut *mounted else {
            return specs.iter().map(|_| Err(anyhow!("the machine ends"))).collect();
        };
        let checked = check_all(specs);
        let is_wanted = |one: &Mounted| {
            let mut valid = specs.iter().zip(&checked).filter(|(_, checked)| checked.is_ok());
            valid.any(|(spec, _)| *spec == one.spec) && !one.pump.has_ended()
        };
        let (kept, gone): (Vec<_>, Vec<_>) = mounted.drain(..).partition(is_wanted);
        *mounted = kept;
        unmount_all(gone);
        let all = checked.into_iter().enumerate();
        all.map(|(index, checked)| {
            checked?;
            if let Some(there) = mounted.iter().find(|one| one.spec.id == specs[index].id) {
                return Ok(there.describe());
            }
            let one = self.mount(specs[index].clone(), why_elsewhere(index, specs))?;
            let described = one.describe();
            mounted.push(one);
            Ok(described)
        })
        .collect()
    }

    /// The pump of a share for a new stream. One that can be served no more is mounted anew first: what containers hold
    /// of the old mount stays broken, what they open from now on is whole. Blocks, but never for the host.
    pub fn pump(&self, id: &str) -> anyhow::Result<Option<Arc<Pump>>> {
        let mut mounted = self.mounted();
        let Some(mounted) = &mut *mounted else {
            return Ok(None);
        };
        let Some(index) = mounted.iter().position(|one| one.spec.id == id) else {
            return Ok(None);
        };
        if mounted[index].pump.has_ended() {
            let specs: Vec<_> = mounted.iter().map(|one| one.spec.clone()).collect();
            let old = mounted.remove(index);
            tracing::warn!(share = id, "share is mounted anew");
            old.unmount();
            let new = self.mount(specs[index].clone(), why_elsewhere(index, &specs))?;
            mounted.insert(index, new);
        }
        Ok(Some(Arc::clone(&mounted[index].pump)))
    }

    /// Unmounts all, and mounts nothing from now on: the machine ends. Blocks, but never for the host.
    pub fn close(&self) {
        unmount_all(self.mounted().take().unwrap_or_default());
    }

    fn mount(&self, spec: ShareSpec, elsewhere: Option<&str>) -> anyhow::Result<Mounted> {
        let id = spec.id.clone();
        let Shared {
            ground,
            folder,
            limit,
            ..
        } = &*self.shared;
        let one = Mounted::mount(spec, folder, *ground, elsewhere, *limit)?;
        tracing::info!(share = id, path = one.describe().path, "share mounted");
        Ok(one)
    }

    fn mounted(&self) -> MutexGuard<'_, Option<Vec<Mounted>>> {
        // Each step under the lock leaves it whole.
        self.shared.mounted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unmount_all(shares: Vec<Mounted>) {
    for one in shares {
        tracing::info!(share = one.spec.id, "share unmounted");
        one.unmount();
    }
}

impl fmt::Debug for Shares {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shares")
            .field("ground", &self.shared.ground)
            .finish_non_exhaustive()
    }
}
