//! What the guest's kernel knows of one share, and how each request is answered.
//!
//! A session outlives its stream: when the lane is lost and found, the mount in the guest goes on with its nodes and
//! handles. It starts anew with the next INIT.

mod adoption;
mod attributes;
mod changes;
mod files;
mod folders;
mod locks;
mod lookups;
mod places;
mod replays;
mod xattrs;

use std::sync::{Arc, PoisonError, RwLock};

use crate::{
    Access, CacheTimes, Errno, Kind, ShareOptions, Volume,
    abi::InHeader,
    handles::{Handle, HandleTable},
    hidden::Hidden,
    invalidation::Told,
    negotiation,
    nodes::{Known, NodeTable},
    replay::Replays,
    reply::Body,
    request::Operation,
};

/// A share's volume with its options, and the present tables.
pub struct Session<V: Volume> {
    volume: V,
    options: ShareOptions,
    hidden: Hidden,
    cache: RwLock<CacheTimes>,
    tables: RwLock<Arc<Tables<V>>>,
    replays: Replays,
}

/// What one mount in the guest knows.
pub struct Tables<V: Volume> {
    pub nodes: NodeTable<V::Node>,
    pub handles: HandleTable<V>,
    pub told: Told,
}

impl<V: Volume> Tables<V> {
    fn new(volume: &V) -> Result<Self, Errno> {
        // Half of what can be borne for nodes, a quarter for open files; the rest is for what is opened in passing.
        let most = volume.descriptors();
        Ok(Self {
            nodes: NodeTable::new(volume.root()?, most / 2, !volume.is_case_sensitive()),
            handles: HandleTable::new(most / 4),
            told: Told::default(),
        })
    }
}

/// A request at work: the session as it was when it began.
struct Request<'a, V: Volume> {
    volume: &'a V,
    options: &'a ShareOptions,
    hidden: &'a Hidden,
    cache: CacheTimes,
    tables: Arc<Tables<V>>,
    header: InHeader,
}

impl<V: Volume> Session<V> {
    pub fn new(volume: V, options: ShareOptions) -> Result<Self, Errno> {
        let tables = Tables::new(&volume)?;
        let cache = RwLock::new(options.cache);
        let hidden = Hidden::new(&options.hidden, !volume.is_case_sensitive());
        Ok(Self {
            volume,
            options,
            hidden,
            cache,
            tables: RwLock::new(Arc::new(tables)),
            replays: Replays::default(),
        })
    }

    pub fn volume(&self) -> &V {
        &self.volume
    }

    pub fn options(&self) -> &ShareOptions {
        &self.options
    }

    /// The places that the guest does not get to see.
    pub fn hidden(&self) -> &Hidden {
        &self.hidden
    }

    /// The host's changes on their way to the guest.
    pub fn replays(&self) -> &Replays {
        &self.replays
    }

    pub fn tables(&self) -> Arc<Tables<V>> {
        Arc::clone(&self.tables.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// How long the guest may believe what it is told now.
    pub fn cache(&self) -> CacheTimes {
        *self.cache.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on the guest may believe what it is told for so long.
    pub fn set_cache(&self, cache: CacheTimes) {
        *self.cache.write().unwrap_or_else(PoisonError::into_inner) = cache;
    }

    /// Answers one request. `EAGAIN` to a lock that may wait means that it has to.
    pub fn answer(&self, header: InHeader, operation: Operation<'_>) -> Result<Body, Errno> {
        match operation {
            Operation::Init(input) => {
                self.reset()?;
                return negotiation::answer(input);
            }
            Operation::Destroy => {
                self.reset()?;
                return Ok(Body::empty());
            }
            _ => {}
        }
        let request = Request {
            volume: &self.volume,
            options: &self.options,
            hidden: &self.hidden,
            cache: self.cache(),
            tables: self.tables(),
            header,
        };
        // How many files this process has open is no program's fault in the guest: not "too many open files" of its own.
        let answer = if self.replays.is_replayer(header.pid) {
            request.answer_replayer(self, operation)
        } else {
            self.replays
                .watched(self, &request.tables, &header, operation, |operation| {
                    request.answer(operation)
                })
        };
        answer.map_err(|errno| match errno {
            Errno::MFILE => Errno::NFILE,
            errno => errno,
        })
    }

    /// Another mount: nothing is known yet.
    fn reset(&self) -> Result<(), Errno> {
        let fresh = Arc::new(Tables::new(&self.volume)?);
        let old = std::mem::replace(
            &mut *self.tables.write().unwrap_or_else(PoisonError::into_inner),
            fresh,
        );
        drop(old);
        self.replays.reset();
        Ok(())
    }
}

impl<V: Volume> Request<'_, V> {
    fn answer(&self, operation: Operation<'_>) -> Result<Body, Errno> {
        match operation {
            Operation::Init(_) | Operation::Destroy => Err(Errno::INVAL),
            Operation::Lookup(name) => self.lookup(&name),
            Operation::ReadLink => self.read_link(),
            Operation::GetAttributes => self.get_attributes(),
            Operation::SetAttributes(input) => self.set_attributes(&input),
            Operation::Statistics => self.statistics(),
            Operation::MakeLink { name, target } => self.make_link(&name, target),
            Operation::MakeNode { name, mode } => self.make_node(&name, mode),
            Operation::MakeFolder { name, mode } => self.make_folder(&name, mode),
            Operation::HardLink { node, name } => self.hard_link(node, &name),
            Operation::Remove(name) => self.remove(&name),
            Operation::RemoveFolder(name) => self.remove_folder(&name),
            Operation::Rename {
                name,
                new_folder,
                new_name,
                flags,
            } => self.rename(&name, new_folder, &new_name, flags),
            Operation::Create { name, input } => self.create(&name, &input),
            Operation::Open(input) => self.open(&input),
            Operation::Read(input) => self.read(&input),
            Operation::Write { input, data } => self.write(&input, data),
            Operation::Flush(input) => self.flush(&input),
            Operation::Release(input) => self.release(&input),
            Operation::Sync { handle, data_only } => self.sync(handle, data_only),
            Operation::Allocate(input) => self.allocate(&input),
            Operation::Seek(input) => self.seek(&input),
            Operation::Copy(input) => self.copy(&input),
            Operation::OpenFolder => self.open_folder(),
            Operation::ReadFolder { input, plus } => self.read_folder(&input, plus),
            Operation::ReleaseFolder(input) => self.release_folder(&input),
            Operation::SyncFolder { handle } => self.sync_folder(handle),
            Operation::SetXattr { name, value, flags } => self.set_xattr(name, value, flags),
            Operation::GetXattr { name, size } => self.get_xattr(name, size),
            Operation::ListXattrs { size } => self.list_xattrs(size),
            Operation::RemoveXattr { name } => self.remove_xattr(name),
            Operation::ProbeLock(input) => self.probe_lock(&input),
            Operation::Lock { input, wait: _ } => self.lock(&input),
        }
    }

    /// What the request is about.
    fn node(&self) -> Result<Known<V::Node>, Errno> {
        self.tables.nodes.get(self.header.nodeid)
    }

    /// The folder that the request is about.
    fn folder(&self) -> Result<Known<V::Node>, Errno> {
        self.folder_of(self.header.nodeid)
    }

    fn folder_of(&self, id: u64) -> Result<Known<V::Node>, Errno> {
        let known = self.tables.nodes.get(id)?;
        if known.kind == Kind::Folder {
            Ok(known)
        } else {
            Err(Errno::NOTDIR)
        }
    }

    /// Runs `act` with the open file of this number.
    fn with_file<T>(&self, handle: u64, act: impl FnOnce(&V::File) -> Result<T, Errno>) -> Result<T, Errno> {
        match &*self.tables.handles.get(handle)? {
            Handle::File(file) => act(file),
            Handle::Folder(_) => Err(Errno::ISDIR),
        }
    }

    /// `EROFS` where the guest may not write.
    fn must_be_writable(&self) -> Result<(), Errno> {
        match self.options.access {
            Access::ReadOnly => Err(Errno::ROFS),
            Access::ReadWrite => Ok(()),
        }
    }
}
