//! A share that is mounted.

use std::{
    ffi::CString,
    fs::{self, File},
    os::{
        fd::{AsRawFd as _, OwnedFd},
        unix::fs::OpenOptionsExt as _,
    },
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::Context;
use protocol::{MountedShare, ShareSpec};
use rustix::{
    fs::CWD,
    mount::{MountFlags, OpenTreeFlags, UnmountFlags, mount, mount_remount, open_tree},
};

use super::{
    place::{self, Ground, Place},
    pump::Pump,
};

/// Every share is below.
pub const FOLDER: &str = "/run/pinnace/shares";
/// What a share's files cannot do, whatever their modes say.
const FLAGS: MountFlags = MountFlags::NODEV.union(MountFlags::NOSUID);

/// A mounted share. Call [`Mounted::unmount`].
pub struct Mounted {
    /// As it was asked for.
    pub spec: ShareSpec,
    /// Its way to the host.
    pub pump: Arc<Pump>,
    /// Always there.
    point: PathBuf,
    /// At the host's own path, where that was possible.
    place: Option<Place>,
}

impl Mounted {
    /// Mounts it below `folder`, and at its own path when there is no reason to be `elsewhere`.
    pub fn mount(
        spec: ShareSpec,
        folder: &Path,
        ground: Ground,
        elsewhere: Option<&str>,
        limit: Duration,
    ) -> anyhow::Result<Self> {
        let point = folder.join(&spec.id);
        fs::create_dir_all(&point).with_context(|| format!("failed to make {}", point.display()))?;
        let fuse = File::options()
            .read(true)
            .write(true)
            .custom_flags(libc::O_NONBLOCK)
            .open("/dev/fuse")
            .context("failed to open /dev/fuse; does the kernel have FUSE?")?;
        mount_fuse(&fuse, &point)?;
        let pump = match start_pump(fuse, &point, spec.read_only, limit) {
            Ok(pump) => Arc::new(pump),
            Err(error) => {
                place::detach(&point, UnmountFlags::FORCE);
                return Err(error);
            }
        };
        let place = match elsewhere {
            None => Place::take(ground, &point, Path::new(&spec.path)).map_err(|error| format!("{error:#}")),
            Some(why) => Err(why.to_owned()),
        };
        let place = place
            .inspect_err(|why| tracing::info!(share = spec.id, why, "share is not at its own path"))
            .ok();
        Ok(Self {
            spec,
            pump,
            point,
            place,
        })
    }

    /// Where containers find it.
    pub fn describe(&self) -> MountedShare {
        let path = self.place.as_ref().map_or(&*self.point, Place::path);
        MountedShare {
            id: self.spec.id.clone(),
            // Both were made from text.
            path: path.to_string_lossy().into_owned(),
        }
    }

    /// Unmounts it. Whoever still uses it, in a container, gets errors from now on.
    pub fn unmount(self) {
        if let Some(place) = self.place {
            place.leave();
        }
        // FORCE ends what waits for the host, and the pump with it.
        place::detach(&self.point, UnmountFlags::FORCE);
        if let Err(error) = fs::remove_dir(&self.point) {
            tracing::debug!(%error, "share's mount point not removed");
        }
    }
}

fn mount_fuse(fuse: &File, point: &Path) -> anyhow::Result<()> {
    let options = format!(
        "fd={},rootmode=40000,user_id=0,group_id=0,allow_other,default_permissions",
        fuse.as_raw_fd()
    );
    let options = CString::new(options).context("mount options hold a zero byte")?;
    mount("pinnace", point, "fuse", FLAGS, Some(options.as_c_str()))
        .with_context(|| format!("failed to mount a share on {}", point.display()))?;
    place::keep_to_itself(point)
}

fn start_pump(fuse: File, point: &Path, read_only: bool, limit: Duration) -> anyhow::Result<Pump> {
    // A mount of its own, which stays writable: the kernel would refuse the replays, which write nothing, before it asks.
    let tree = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    let root: OwnedFd = open_tree(CWD, point, tree).context("failed to open the share's root")?;
    if read_only {
        mount_remount(point, MountFlags::BIND | MountFlags::RDONLY | FLAGS, c"")
            .context("failed to make the share read-only")?;
    }
    let line = place::own_mounts()?
        .into_iter()
        .rfind(|line| line.point == point)
        .context("the share is not among the mounts")?;
    Pump::start(fuse, root, line.device, limit)
}
