//! Attributes of files and of the file system.

use super::Request;
use crate::{
    Errno, Kind, Name, Time, TimeChange, Volume,
    abi::{self, SetattrIn, StatfsOut, set},
    handles::Handle,
    ownership::{Change, Ownership},
    reply::Body,
};

impl<V: Volume> Request<'_, V> {
    pub(super) fn get_attributes(&self) -> Result<Body, Errno> {
        self.attributes_body(&self.node()?.node)
    }

    pub(super) fn set_attributes(&self, input: &SetattrIn) -> Result<Body, Errno> {
        self.must_be_writable()?;
        let known = self.node()?;
        let has = |bit| input.valid & bit != 0;
        if has(set::MODE | set::UID | set::GID | set::KILL_SUIDGID) {
            let change = Change {
                uid: has(set::UID).then_some(input.uid),
                gid: has(set::GID).then_some(input.gid),
                permissions: has(set::MODE).then_some(input.mode & 0o7777),
                kill_privileges: has(set::KILL_SUIDGID),
            };
            let metadata = self.volume.metadata(&known.node)?;
            Ownership::change(self.volume, &known.node, &metadata, self.options.owner, change)?;
        }
        if has(set::SIZE) {
            match known.kind {
                Kind::File => {}
                Kind::Folder => return Err(Errno::ISDIR),
                _ => return Err(Errno::INVAL),
            }
            let handle = if has(set::FH) {
                Some(self.tables.handles.get(input.fh)?)
            } else {
                None
            };
            let file = match handle.as_deref() {
                Some(Handle::File(file)) => Some(file),
                Some(Handle::Folder(_)) => return Err(Errno::ISDIR),
                None => None,
            };
            self.volume.set_size(&known.node, file, input.size)?;
        }
        let accessed = time(has(set::ATIME), has(set::ATIME_NOW), input.atime, input.atimensec)?;
        let modified = time(has(set::MTIME), has(set::MTIME_NOW), input.mtime, input.mtimensec)?;
        if (accessed, modified) != (TimeChange::Keep, TimeChange::Keep) {
            self.volume.set_times(&known.node, accessed, modified)?;
        }
        self.attributes_body(&known.node)
    }

    pub(super) fn statistics(&self) -> Result<Body, Errno> {
        let statistics = self.volume.statistics()?;
        Ok(Body::of(&StatfsOut {
            blocks: statistics.blocks,
            bfree: statistics.free,
            bavail: statistics.available,
            files: statistics.files,
            ffree: statistics.free_files,
            bsize: statistics.block_bytes.max(abi::PAGE as u32),
            namelen: Name::MOST_BYTES as u32,
            frsize: statistics.fragment_bytes,
            ..StatfsOut::default()
        }))
    }

    /// Takes set-user-id away from a file that the guest writes without the right to keep it.
    pub(super) fn kill_privileges(&self) -> Result<(), Errno> {
        let known = self.node()?;
        let metadata = self.volume.metadata(&known.node)?;
        let change = Change {
            kill_privileges: true,
            ..Change::default()
        };
        Ownership::change(self.volume, &known.node, &metadata, self.options.owner, change)
    }
}

fn time(given: bool, now: bool, seconds: u64, nanoseconds: u32) -> Result<TimeChange, Errno> {
    match (given, now) {
        (_, true) => Ok(TimeChange::Now),
        (false, false) => Ok(TimeChange::Keep),
        (true, false) if nanoseconds >= 1_000_000_000 => Err(Errno::INVAL),
        (true, false) => Ok(TimeChange::To(Time {
            seconds: seconds as i64,
            nanoseconds,
        })),
    }
}
