//! [`Volume`] for a folder of a Windows host.

use std::fs::File;

use windows_sys::{
    Wdk::{
        Storage::FileSystem::{FILE_DIRECTORY_FILE, FILE_OPEN, FileFsFullSizeInformation},
        System::SystemServices::FILE_FS_FULL_SIZE_INFORMATION,
    },
    Win32::Storage::FileSystem::{FILE_ADD_FILE, FILE_LIST_DIRECTORY, FILE_READ_ATTRIBUTES},
};

use super::{
    errno,
    files::OpenFile,
    listing::Listing,
    locks::Owned,
    metadata, native,
    nodes::{HostFolder, Node, looking},
    opening::{self, Opening},
    reparse,
};
use crate::{
    DirectoryEntry, Errno, FileLock, Found, Kind, LockSpace, Metadata, Name, OpenMode, RenameMode, Seek,
    Statistics, TimeChange, Volume, XattrMode,
};

/// What Windows lets a process have open is only bounded by memory; this many nodes and files are some hundred MiB.
const DESCRIPTORS: usize = 1 << 20;

/// A folder that is being listed.
#[derive(Debug)]
pub struct OpenFolder {
    file: File,
    listing: Listing,
}

impl Volume for HostFolder {
    type Node = Node;
    type File = OpenFile;
    type Folder = OpenFolder;
    type Locks = Owned;

    fn descriptors(&self) -> usize {
        DESCRIPTORS
    }

    fn is_case_sensitive(&self) -> bool {
        false
    }

    fn root(&self) -> Result<Found<Node>, Errno> {
        self.root_found()
    }

    fn find(&self, folder: &Node, name: &Name) -> Result<Found<Node>, Errno> {
        self.find_child(folder, name)
    }

    fn metadata(&self, node: &Node) -> Result<Metadata, Errno> {
        metadata::read(&self.look(node)?, &node.identity())
    }

    fn read_link(&self, node: &Node) -> Result<Vec<u8>, Errno> {
        metadata::read_link(&self.look(node)?)
    }

    fn create(
        &self,
        folder: &Node,
        name: &Name,
        mode: OpenMode,
        permissions: u32,
    ) -> Result<(Found<Node>, OpenFile), Errno> {
        self.create_file(folder, name, mode, permissions)
    }

    fn make_folder(&self, folder: &Node, name: &Name, permissions: u32) -> Result<Found<Node>, Errno> {
        self.create_folder(folder, name, permissions)
    }

    fn make_link(&self, folder: &Node, name: &Name, target: &[u8]) -> Result<Found<Node>, Errno> {
        self.create_reparse_point(folder, name, &reparse::link(target)?)
    }

    fn make_special(
        &self,
        folder: &Node,
        name: &Name,
        kind: Kind,
        _permissions: u32,
    ) -> Result<Found<Node>, Errno> {
        self.create_reparse_point(folder, name, &reparse::special(kind)?)
    }

    fn hard_link(&self, node: &Node, folder: &Node, name: &Name) -> Result<(), Errno> {
        self.link_to(node, folder, name)
    }

    fn remove(&self, folder: &Node, name: &Name) -> Result<(), Errno> {
        self.remove_name(folder, name, false)
    }

    fn remove_folder(&self, folder: &Node, name: &Name) -> Result<(), Errno> {
        self.remove_name(folder, name, true)
    }

    fn rename(&self, from: (&Node, &Name), to: (&Node, &Name), mode: RenameMode) -> Result<(), Errno> {
        self.move_name(from, to, mode)
    }

    fn set_permissions(&self, node: &Node, permissions: u32) -> Result<(), Errno> {
        self.change_permissions(node, permissions)
    }

    fn set_size(&self, node: &Node, file: Option<&OpenFile>, size: u64) -> Result<(), Errno> {
        match file {
            Some(file) => file.set_size(size),
            None => {
                let mode = OpenMode {
                    write: true,
                    ..OpenMode::default()
                };
                self.open_file(node, mode)?.set_size(size)
            }
        }
    }

    fn set_times(&self, node: &Node, accessed: TimeChange, modified: TimeChange) -> Result<(), Errno> {
        self.change_times(node, accessed, modified)
    }

    fn open(&self, node: &Node, mode: OpenMode) -> Result<OpenFile, Errno> {
        self.open_file(node, mode)
    }

    fn read(&self, file: &OpenFile, offset: u64, buffer: &mut [u8]) -> Result<usize, Errno> {
        file.read(offset, buffer)
    }

    fn write(&self, file: &OpenFile, offset: u64, bytes: &[u8]) -> Result<usize, Errno> {
        file.write(offset, bytes)
    }

    fn sync(&self, file: &OpenFile, data_only: bool) -> Result<(), Errno> {
        file.sync(data_only)
    }

    fn allocate(&self, file: &OpenFile, mode: u32, offset: u64, length: u64) -> Result<(), Errno> {
        file.allocate(mode, offset, length)
    }

    fn seek(&self, file: &OpenFile, seek: Seek) -> Result<u64, Errno> {
        file.seek(seek)
    }

    fn copy(&self, from: (&OpenFile, u64), to: (&OpenFile, u64), length: usize) -> Result<usize, Errno> {
        from.0.copy(from.1, to.0, to.1, length)
    }

    fn open_folder(&self, node: &Node) -> Result<OpenFolder, Errno> {
        let opening = Opening {
            access: FILE_LIST_DIRECTORY | FILE_READ_ATTRIBUTES,
            disposition: FILE_OPEN,
            options: FILE_DIRECTORY_FILE,
            attributes: 0,
        };
        Ok(OpenFolder {
            file: self.open_contents(node, opening)?,
            listing: Listing::new(node.key().inode),
        })
    }

    fn list(
        &self,
        folder: &mut OpenFolder,
        offset: u64,
        take: &mut dyn FnMut(DirectoryEntry<'_>) -> bool,
    ) -> Result<(), Errno> {
        let OpenFolder { file, listing } = folder;
        listing.list(
            offset,
            |buffer, from_start| native::list(file, buffer, from_start),
            take,
        )
    }

    fn sync_folder(&self, folder: &OpenFolder) -> Result<(), Errno> {
        // NTFS keeps its entries in a journal. Windows lets a folder be flushed by who may write in it, on some file
        // systems.
        let writing = opening::open_again(&folder.file, looking(FILE_ADD_FILE | FILE_READ_ATTRIBUTES));
        match writing.map(|file| file.sync_all()) {
            Ok(Err(error)) if errno::of_io(&error) == Errno::IO => Err(Errno::IO),
            _ => Ok(()),
        }
    }

    fn xattr(&self, node: &Node, name: &[u8]) -> Result<Vec<u8>, Errno> {
        self.read_xattr(node, name)
    }

    fn set_xattr(&self, node: &Node, name: &[u8], value: &[u8], mode: XattrMode) -> Result<(), Errno> {
        self.write_xattr(node, name, value, mode)
    }

    fn xattrs(&self, node: &Node) -> Result<Vec<Vec<u8>>, Errno> {
        self.list_xattrs(node)
    }

    fn remove_xattr(&self, node: &Node, name: &[u8]) -> Result<(), Errno> {
        self.delete_xattr(node, name)
    }

    fn statistics(&self) -> Result<Statistics, Errno> {
        let found = native::query_volume::<FILE_FS_FULL_SIZE_INFORMATION>(
            self.root_handle(),
            FileFsFullSizeInformation,
        )?;
        let number = |number: i64| u64::try_from(number).unwrap_or_default();
        let unit = found
            .SectorsPerAllocationUnit
            .saturating_mul(found.BytesPerSector);
        Ok(Statistics {
            blocks: number(found.TotalAllocationUnits),
            free: number(found.ActualAvailableAllocationUnits),
            available: number(found.CallerAvailableAllocationUnits),
            // Nobody counts them.
            files: 0,
            free_files: 0,
            fragment_bytes: unit,
            block_bytes: unit,
        })
    }

    fn open_locks(&self, node: &Node) -> Result<Owned, Errno> {
        Ok(self.locks.open(node.key()))
    }

    fn lock(&self, locks: &Owned, space: LockSpace, lock: FileLock) -> Result<(), Errno> {
        locks.set(space, lock)
    }

    fn probe_lock(&self, locks: &Owned, lock: FileLock) -> Result<FileLock, Errno> {
        Ok(locks.probe(LockSpace::Ranges, lock))
    }
}
