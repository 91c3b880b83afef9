//! Making, moving and removing names.

use std::{fs::File, sync::Arc};

use windows_sys::{
    Wdk::Storage::FileSystem::{
        FILE_BASIC_INFORMATION, FILE_CREATE, FILE_DIRECTORY_FILE, FILE_DISPOSITION_DELETE,
        FILE_DISPOSITION_IGNORE_READONLY_ATTRIBUTE, FILE_DISPOSITION_POSIX_SEMANTICS,
        FILE_NON_DIRECTORY_FILE, FILE_RENAME_IGNORE_READONLY_ATTRIBUTE, FILE_RENAME_POSIX_SEMANTICS,
        FILE_RENAME_REPLACE_IF_EXISTS, FileBasicInformation, FileDispositionInformation,
        FileDispositionInformationEx, FileLinkInformation, FileRenameInformation, FileRenameInformationEx,
    },
    Win32::{
        Storage::FileSystem::{
            DELETE, FILE_ATTRIBUTE_NORMAL, FILE_READ_ATTRIBUTES, FILE_WRITE_ATTRIBUTES, FILE_WRITE_DATA,
            FILE_WRITE_EA,
        },
        System::Ioctl::FSCTL_SET_REPARSE_POINT,
    },
};

use super::{
    files::{self, OpenFile},
    metadata::{self, Identity},
    name, native,
    nodes::{HostFolder, Node, looking},
    opening::{self, Opening},
    xattrs,
};
use crate::{Errno, Found, Kind, Name, OpenMode, RenameMode};

/// What one of Windows before 10, and FAT, answers to the newer ways.
const NOT_THERE: [Errno; 2] = [Errno::INVAL, Errno::OPNOTSUPP];

impl HostFolder {
    pub(super) fn create_file(
        &self,
        folder: &Node,
        name: &Name,
        mode: OpenMode,
        permissions: u32,
    ) -> Result<(Found<Node>, OpenFile), Errno> {
        let opening = Opening {
            access: files::access(mode) | FILE_READ_ATTRIBUTES | FILE_WRITE_ATTRIBUTES | FILE_WRITE_EA,
            disposition: FILE_CREATE,
            options: FILE_NON_DIRECTORY_FILE | files::options(mode),
            // Whoever makes a read-only file may write it until it is closed.
            attributes: FILE_ATTRIBUTE_NORMAL | metadata::read_only(Kind::File, permissions),
        };
        let file = self.open_child(folder, name, opening)?;
        keep_mode(&file, Kind::File, permissions);
        let found = self.found(&file)?;
        let file = Arc::new(file);
        found.node.note_open(&file);
        Ok((found, OpenFile::new(file, mode)))
    }

    pub(super) fn create_folder(
        &self,
        folder: &Node,
        name: &Name,
        permissions: u32,
    ) -> Result<Found<Node>, Errno> {
        let opening = Opening {
            access: FILE_READ_ATTRIBUTES | FILE_WRITE_ATTRIBUTES | FILE_WRITE_EA,
            disposition: FILE_CREATE,
            options: FILE_DIRECTORY_FILE,
            attributes: FILE_ATTRIBUTE_NORMAL,
        };
        let made = self.open_child(folder, name, opening)?;
        keep_mode(&made, Kind::Folder, permissions);
        self.found(&made)
    }

    /// Makes a link or a special file: an empty file that becomes a reparse point.
    pub(super) fn create_reparse_point(
        &self,
        folder: &Node,
        name: &Name,
        buffer: &[u8],
    ) -> Result<Found<Node>, Errno> {
        let opening = Opening {
            access: FILE_READ_ATTRIBUTES | FILE_WRITE_ATTRIBUTES | FILE_WRITE_DATA | FILE_WRITE_EA | DELETE,
            disposition: FILE_CREATE,
            options: FILE_NON_DIRECTORY_FILE,
            attributes: FILE_ATTRIBUTE_NORMAL,
        };
        let made = self.open_child(folder, name, opening)?;
        if let Err(errno) = native::control(&made, FSCTL_SET_REPARSE_POINT, buffer, &mut []) {
            if let Err(errno) = delete(&made) {
                tracing::debug!(%errno, "failed to remove what was to become a link");
            }
            // Linux's answer of a file system that has no links.
            return Err(match errno {
                Errno::OPNOTSUPP | Errno::INVAL => Errno::PERM,
                errno => errno,
            });
        }
        self.found(&made)
    }

    pub(super) fn link_to(&self, node: &Node, folder: &Node, name: &Name) -> Result<(), Errno> {
        let opening = looking(FILE_READ_ATTRIBUTES | FILE_WRITE_ATTRIBUTES);
        let folder = self.look(folder)?;
        let units = name::to_host(name)?;
        let link = |file: File| native::set_name(&file, FileLinkInformation, 0, &folder, &units);
        match link(self.reopen(node, opening)?) {
            // Not of a file that was opened by its number.
            Err(Errno::INVAL) => link(self.open_by_any_name(node, opening)?),
            result => result,
        }
    }

    pub(super) fn remove_name(&self, folder: &Node, name: &Name, is_folder: bool) -> Result<(), Errno> {
        let file = self.open_child(folder, name, looking(FILE_READ_ATTRIBUTES | DELETE))?;
        match (is_folder, metadata::attributes(&file)?.kind()) {
            (true, Kind::Folder) => delete(&file),
            (true, _) => Err(Errno::NOTDIR),
            (false, Kind::Folder) => Err(Errno::ISDIR),
            (false, _) => delete(&file),
        }
    }

    pub(super) fn move_name(
        &self,
        from: (&Node, &Name),
        to: (&Node, &Name),
        mode: RenameMode,
    ) -> Result<(), Errno> {
        if mode == RenameMode::Exchange {
            return Err(Errno::INVAL);
        }
        let file = self.open_child(from.0, from.1, looking(FILE_READ_ATTRIBUTES | DELETE))?;
        let source = (Identity::of(&file)?, metadata::attributes(&file)?.kind());
        let target = match self.open_child(to.0, to.1, looking(FILE_READ_ATTRIBUTES)) {
            Ok(target) => Some((Identity::of(&target)?, metadata::attributes(&target)?.kind())),
            Err(Errno::NOENT) => None,
            Err(errno) => return Err(errno),
        };
        let mut flags = FILE_RENAME_POSIX_SEMANTICS | FILE_RENAME_IGNORE_READONLY_ATTRIBUTE;
        if mode == RenameMode::Replace {
            flags |= FILE_RENAME_REPLACE_IF_EXISTS;
        }
        match target {
            // From `a` to `A`, or between two names of one file, where Linux does nothing.
            Some((identity, _)) if identity == source.0 => {
                if from.0.key() != to.0.key() || !is_same_but_for_case(from.1, to.1) {
                    return match mode {
                        RenameMode::NoReplace => Err(Errno::EXIST),
                        _ => Ok(()),
                    };
                }
            }
            Some(_) if mode == RenameMode::NoReplace => return Err(Errno::EXIST),
            Some((_, Kind::Folder)) if source.1 != Kind::Folder => return Err(Errno::ISDIR),
            Some((_, kind)) if source.1 == Kind::Folder && kind != Kind::Folder => return Err(Errno::NOTDIR),
            _ => {}
        }
        let folder = self.look(to.0)?;
        let units = name::to_host(to.1)?;
        let result = match native::set_name(&file, FileRenameInformationEx, flags, &folder, &units) {
            Err(errno) if NOT_THERE.contains(&errno) => {
                let replace = u32::from(mode == RenameMode::Replace);
                native::set_name(&file, FileRenameInformation, replace, &folder, &units)
            }
            result => result,
        };
        match result {
            Err(Errno::ACCES | Errno::EXIST) if source.1 == Kind::Folder => match target {
                Some(_) if mode == RenameMode::Replace => self.replace_folder(to, &file, &folder, &units),
                // Windows does not move a folder while something below it is open.
                _ => Err(Errno::BUSY),
            },
            result => result,
        }
    }

    /// Moves a folder over an empty one where Windows does not do it itself.
    fn replace_folder(
        &self,
        to: (&Node, &Name),
        file: &File,
        folder: &File,
        units: &[u16],
    ) -> Result<(), Errno> {
        self.remove_name(to.0, to.1, true)?;
        native::set_name(file, FileRenameInformation, 0, folder, units).map_err(|errno| {
            if let Err(errno) = self.create_folder(to.0, to.1, metadata::default_permissions(Kind::Folder)) {
                tracing::debug!(%errno, "failed to put an empty folder back");
            }
            match errno {
                Errno::ACCES => Errno::BUSY,
                errno => errno,
            }
        })
    }

    pub(super) fn change_permissions(&self, node: &Node, permissions: u32) -> Result<(), Errno> {
        let file = self.reopen(
            node,
            looking(FILE_READ_ATTRIBUTES | FILE_WRITE_ATTRIBUTES | FILE_WRITE_EA),
        )?;
        let kind = metadata::attributes(&file)?.kind();
        match set_mode(&file, kind, permissions) {
            Err(Errno::OPNOTSUPP) if is_kept_by_attributes(kind, permissions) => {}
            result => result?,
        }
        set_read_only(&file, kind, permissions)
    }
}

/// Removes the name that a handle was opened by. What is open goes on, as on Linux.
fn delete(file: &File) -> Result<(), Errno> {
    let flags = FILE_DISPOSITION_DELETE
        | FILE_DISPOSITION_POSIX_SEMANTICS
        | FILE_DISPOSITION_IGNORE_READONLY_ATTRIBUTE;
    match native::set(file, FileDispositionInformationEx, flags) {
        Err(errno) if NOT_THERE.contains(&errno) => delete_at_the_last_close(file),
        result => result,
    }
}

/// The old way: the name goes with the last handle, and what is read-only stays.
fn delete_at_the_last_close(file: &File) -> Result<(), Errno> {
    let delete = || native::set(file, FileDispositionInformation, 1_u8);
    match delete() {
        Err(Errno::ACCES) => {
            let writable = opening::open_again(file, looking(FILE_READ_ATTRIBUTES | FILE_WRITE_ATTRIBUTES))?;
            let kind = metadata::attributes(&writable)?.kind();
            set_read_only(&writable, kind, metadata::default_permissions(kind))?;
            delete()
        }
        result => result,
    }
}

fn is_same_but_for_case(first: &Name, second: &Name) -> bool {
    let lower = |name: &Name| String::from_utf8_lossy(name.as_bytes()).to_lowercase();
    lower(first) == lower(second)
}

/// Keeps the mode of what was just made. Where it cannot be kept it is as an ordinary one.
fn keep_mode(file: &File, kind: Kind, permissions: u32) {
    if !is_kept_by_attributes(kind, permissions)
        && let Err(errno) = set_mode(file, kind, permissions)
    {
        tracing::debug!(%errno, "failed to keep the mode of what was made");
    }
}

fn set_mode(file: &File, kind: Kind, permissions: u32) -> Result<(), Errno> {
    let mode = kind.mode() | permissions & 0o1777;
    xattrs::set_raw(file, super::ea::MODE, &mode.to_le_bytes())
}

/// Whether these are the permissions without a mode kept.
fn is_kept_by_attributes(kind: Kind, permissions: u32) -> bool {
    let plain = metadata::default_permissions(kind);
    permissions == plain || (kind == Kind::File && permissions == plain & !0o222)
}

fn set_read_only(file: &File, kind: Kind, permissions: u32) -> Result<(), Errno> {
    if kind != Kind::File {
        return Ok(());
    }
    let old = native::query::<FILE_BASIC_INFORMATION>(file, FileBasicInformation)?;
    let bit = windows_sys::Win32::Storage::FileSystem::FILE_ATTRIBUTE_READONLY;
    let attributes = old.FileAttributes & !bit | metadata::read_only(kind, permissions);
    if attributes == old.FileAttributes {
        return Ok(());
    }
    let change = FILE_BASIC_INFORMATION {
        // Zero would leave them as they are.
        FileAttributes: if attributes == 0 {
            FILE_ATTRIBUTE_NORMAL
        } else {
            attributes
        },
        ..FILE_BASIC_INFORMATION::default()
    };
    native::set(file, FileBasicInformation, change)
}
