//! From names and numbers to handles.

use std::{
    fs::{File, OpenOptions},
    os::windows::fs::OpenOptionsExt as _,
    path::Path,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use windows_sys::{
    Wdk::Storage::FileSystem::{FILE_OPEN, FILE_OPEN_REPARSE_POINT, FileHardLinkInformation},
    Win32::Storage::FileSystem::{
        FILE_FLAG_BACKUP_SEMANTICS, FILE_LIST_DIRECTORY, FILE_READ_ATTRIBUTES, FILE_READ_EA, SYNCHRONIZE,
    },
};

use super::{
    hard_links,
    locks::LockTable,
    metadata::{self, Identity},
    name, native,
    opening::{self, Opening},
};
use crate::{Errno, Found, Kind, Name, NodeKey};

/// Room for the names of a file: a hundred long ones.
const MOST_NAME_BYTES: usize = 64 * 1024;

/// A folder of this host, with all that is below it.
#[derive(Debug)]
pub struct HostFolder {
    root: File,
    identity: Identity,
    /// Whether its file system opens files by their numbers.
    has_numbers: bool,
    pub(super) locks: Arc<LockTable>,
}

/// A file, folder, link or special file.
#[derive(Debug)]
pub struct Node {
    identity: Identity,
    /// Where there are no numbers to open it by.
    held: Option<File>,
    /// The guest's open files of it.
    opened: Mutex<Vec<Weak<File>>>,
}

impl Node {
    pub fn identity(&self) -> Identity {
        self.identity
    }

    pub fn key(&self) -> NodeKey {
        self.identity.key()
    }

    /// Notes an open file.
    pub fn note_open(&self, file: &Arc<File>) {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        opened.retain(|file| file.strong_count() > 0);
        opened.push(Arc::downgrade(file));
    }

    /// One of the guest's open files.
    fn opened(&self) -> Option<Arc<File>> {
        let opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        opened.iter().rev().find_map(Weak::upgrade)
    }
}

impl HostFolder {
    /// Opens the folder at `path`, whose links are followed: the host user wrote it. What becomes of the path later is of
    /// no meaning.
    pub fn open(path: &Path) -> Result<Self, Errno> {
        let root = OpenOptions::new()
            .access_mode(FILE_LIST_DIRECTORY | FILE_READ_ATTRIBUTES | SYNCHRONIZE)
            .custom_flags(FILE_FLAG_BACKUP_SEMANTICS)
            .open(path)
            .map_err(|error| super::errno::of_io(&error))?;
        if metadata::read(&root, &Identity::of(&root)?)?.kind != Kind::Folder {
            return Err(Errno::NOTDIR);
        }
        let identity = Identity::of(&root)?;
        let by_number = opening::open_id(&root, identity.id, looking(FILE_READ_ATTRIBUTES));
        let has_numbers = by_number
            .and_then(|file| Identity::of(&file))
            .is_ok_and(|found| found == identity);
        Ok(Self {
            root,
            identity,
            has_numbers,
            locks: Arc::default(),
        })
    }

    /// A handle of the folder itself.
    pub fn root_handle(&self) -> &File {
        &self.root
    }

    /// The folder itself, found.
    pub fn root_found(&self) -> Result<Found<Node>, Errno> {
        self.found(&opening::open_again(
            &self.root,
            looking(FILE_READ_ATTRIBUTES | FILE_READ_EA),
        )?)
    }

    /// Opens what a node stands for: a link or a special file itself.
    pub fn reopen(&self, node: &Node, opening: Opening) -> Result<File, Errno> {
        let file = match &node.held {
            Some(held) => opening::open_again(held, opening),
            None if node.identity == self.identity => opening::open_again(&self.root, opening),
            None => opening::open_id(&self.root, node.identity.id, opening),
        };
        file.or_else(|errno| match errno {
            // Windows' answers when it has no name any more.
            Errno::INVAL | Errno::NOENT | Errno::BUSY | Errno::STALE => match node.opened() {
                Some(file) => file.try_clone().map_err(|error| super::errno::of_io(&error)),
                None if errno == Errno::BUSY => Err(errno),
                None => Err(Errno::STALE),
            },
            errno => Err(errno),
        })
    }

    /// Opens a node by one of its names, wherever that is. `ESTALE` when it has none.
    pub fn open_by_any_name(&self, node: &Node, opening: Opening) -> Result<File, Errno> {
        let mut buffer = vec![0; MOST_NAME_BYTES];
        let count = native::query_bytes(&self.look(node)?, FileHardLinkInformation, &mut buffer)?;
        for link in hard_links::parse(&buffer[..count]) {
            let opened = opening::open_id(&self.root, link.folder.into(), looking(FILE_READ_ATTRIBUTES))
                .and_then(|folder| opening::open_name(&folder, &link.name, opening));
            if let Ok(file) = opened
                && Identity::of(&file)? == node.identity
            {
                return Ok(file);
            }
        }
        Err(Errno::STALE)
    }

    /// Opens a node to read what is known about it.
    pub fn look(&self, node: &Node) -> Result<File, Errno> {
        self.reopen(node, looking(FILE_READ_ATTRIBUTES | FILE_READ_EA))
            .or_else(|errno| match errno {
                Errno::ACCES => self.reopen(node, looking(FILE_READ_ATTRIBUTES)),
                errno => Err(errno),
            })
    }

    /// Opens the bytes of a file, or the entries of a folder. `ELOOP` for anything else.
    pub fn open_contents(&self, node: &Node, opening: Opening) -> Result<File, Errno> {
        let file = self.reopen(node, with_links(opening))?;
        let found = metadata::attributes(&file)?;
        if !matches!(found.kind(), Kind::File | Kind::Folder) {
            return Err(Errno::LOOP);
        }
        if !found.has_tag() {
            return Ok(file);
        }
        // A driver looks after this file, such as OneDrive's: its contents are had without the flag. No link is followed,
        // and what is opened is compared, should the file have become one just now.
        let file = self.reopen(node, opening)?;
        if Identity::of(&file)? == node.identity {
            Ok(file)
        } else {
            Err(Errno::STALE)
        }
    }

    /// Opens what has this name in a folder: a link or a special file itself.
    pub fn open_child(&self, folder: &Node, name: &Name, opening: Opening) -> Result<File, Errno> {
        let folder = self.look(folder)?;
        opening::open_name(&folder, &name::to_host(name)?, with_links(opening))
    }

    /// Looks a name up.
    pub fn find_child(&self, folder: &Node, name: &Name) -> Result<Found<Node>, Errno> {
        let found = self
            .open_child(folder, name, looking(FILE_READ_ATTRIBUTES | FILE_READ_EA))
            .or_else(|errno| match errno {
                Errno::ACCES => self.open_child(folder, name, looking(FILE_READ_ATTRIBUTES)),
                errno => Err(errno),
            });
        match found {
            Ok(file) => self.found(&file),
            // On its way out, or a name that Windows could never have.
            Err(Errno::BUSY | Errno::INVAL) => Err(Errno::NOENT),
            Err(errno) => Err(errno),
        }
    }

    /// A node and what is known about it, from a handle that was just opened.
    pub fn found(&self, file: &File) -> Result<Found<Node>, Errno> {
        let identity = Identity::of(file)?;
        let metadata = metadata::read(file, &identity)?;
        let held = if self.has_numbers {
            None
        } else {
            // One with no right that the host's programs could mind.
            Some(opening::open_again(
                file,
                looking(FILE_READ_ATTRIBUTES | FILE_READ_EA),
            )?)
        };
        let node = Node {
            identity,
            held,
            opened: Mutex::default(),
        };
        Ok(Found { node, metadata })
    }
}

/// To open something that exists, whatever it is, itself.
pub fn looking(access: u32) -> Opening {
    with_links(Opening {
        access,
        disposition: FILE_OPEN,
        options: 0,
        attributes: 0,
    })
}

fn with_links(opening: Opening) -> Opening {
    Opening {
        options: opening.options | FILE_OPEN_REPARSE_POINT,
        ..opening
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{OpenMode, RenameMode, Volume as _};

    const READ_WRITE: OpenMode = OpenMode {
        read: true,
        write: true,
        append: false,
        truncate: false,
        synchronous: false,
    };

    fn name(text: &str) -> Name {
        Name::new(text.as_bytes()).unwrap()
    }

    #[test]
    fn metadata_of_a_file_that_is_gone_is_stale() {
        let host = tempfile::TempDir::new().unwrap();
        let volume = HostFolder::open(host.path()).unwrap();
        assert!(volume.has_numbers);
        let root = volume.root().unwrap().node;
        std::fs::write(host.path().join("a"), b"x").unwrap();
        let node = volume.find(&root, &name("a")).unwrap().node;
        std::fs::remove_file(host.path().join("a")).unwrap();
        assert_eq!(volume.metadata(&node), Err(Errno::STALE));
    }

    #[test]
    fn open_by_any_name_finds_what_was_renamed() {
        let host = tempfile::TempDir::new().unwrap();
        let volume = HostFolder::open(host.path()).unwrap();
        let root = volume.root().unwrap().node;
        std::fs::write(host.path().join("a"), b"x").unwrap();
        let node = volume.find(&root, &name("a")).unwrap().node;
        std::fs::rename(host.path().join("a"), host.path().join("b")).unwrap();
        let file = volume
            .open_by_any_name(&node, looking(FILE_READ_ATTRIBUTES))
            .unwrap();
        assert_eq!(Identity::of(&file).unwrap(), node.identity);
    }

    #[test]
    fn nodes_without_numbers_are_held() {
        let host = tempfile::TempDir::new().unwrap();
        let mut volume = HostFolder::open(host.path()).unwrap();
        volume.has_numbers = false;
        let root = volume.root().unwrap().node;
        let below = volume.make_folder(&root, &name("below"), 0o755).unwrap().node;
        let (made, file) = volume.create(&below, &name("a"), READ_WRITE, 0o755).unwrap();
        assert_eq!(volume.write(&file, 0, b"hello"), Ok(5));
        assert!(made.node.held.is_some());
        assert_eq!(volume.metadata(&made.node).unwrap().size, 5);
        let opened = volume.open(&made.node, READ_WRITE).unwrap();
        let mut buffer = [0; 5];
        assert_eq!(volume.read(&opened, 0, &mut buffer), Ok(5));
        assert_eq!(&buffer, b"hello");
    }

    #[test]
    fn nodes_without_numbers_follow_a_rename() {
        let host = tempfile::TempDir::new().unwrap();
        let mut volume = HostFolder::open(host.path()).unwrap();
        volume.has_numbers = false;
        let root = volume.root().unwrap().node;
        let (made, file) = volume.create(&root, &name("a"), READ_WRITE, 0o755).unwrap();
        assert_eq!(volume.write(&file, 0, b"hello"), Ok(5));
        drop(file);
        volume
            .rename((&root, &name("a")), (&root, &name("b")), RenameMode::Replace)
            .unwrap();
        assert_eq!(volume.metadata(&made.node).unwrap().size, 5);
    }
}
