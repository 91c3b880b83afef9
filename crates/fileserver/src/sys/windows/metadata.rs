//! What Windows knows about a file, in Linux's terms.
//!
//! Permissions: the mode that WSL and the guest keep beside a file, and Windows' read-only attribute, which takes the
//! write bits. A file without a mode is everybody's to read and to run, because Windows does not know which are programs.

use std::fs::File;

use windows_sys::{
    Wdk::Storage::FileSystem::{
        FILE_BASIC_INFORMATION, FILE_ID_INFORMATION, FILE_INTERNAL_INFORMATION, FILE_STANDARD_INFORMATION,
        FileAttributeTagInformation, FileBasicInformation, FileIdInformation, FileInternalInformation,
        FileStandardInformation,
    },
    Win32::{
        Storage::FileSystem::{FILE_ATTRIBUTE_READONLY, FILE_ATTRIBUTE_TAG_INFO},
        System::Ioctl::FSCTL_GET_REPARSE_POINT,
    },
};

use super::{ea, native, reparse, time, xattrs};
use crate::{Errno, Kind, Metadata, NodeKey, Time};

const WRITE_BITS: u32 = 0o222;
const BLOCK_BYTES: u32 = 4096;

/// Which file, among all of this host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The volume's serial number; 0 where a file system does not tell.
    volume: u64,
    /// The number of the file. NTFS uses the low half.
    pub id: u128,
}

impl Identity {
    /// Asks for it. `ENODEV` on a file system that does not number its files: one could not be told from another.
    pub fn of(file: &File) -> Result<Self, Errno> {
        let identity = match native::query::<FILE_ID_INFORMATION>(file, FileIdInformation) {
            Ok(found) => Self {
                volume: found.VolumeSerialNumber,
                id: u128::from_le_bytes(found.FileId.Identifier),
            },
            Err(_) => {
                let found = native::query::<FILE_INTERNAL_INFORMATION>(file, FileInternalInformation)?;
                Self {
                    volume: 0,
                    id: u128::from(found.IndexNumber.cast_unsigned()),
                }
            }
        };
        if identity.id == 0 {
            return Err(Errno::NODEV);
        }
        Ok(identity)
    }

    pub fn key(&self) -> NodeKey {
        // ReFS' high half is a folder's number, the low half a file's in it.
        let (high, low) = ((self.id >> 64) as u64, self.id as u64);
        NodeKey {
            device: self.volume,
            inode: low ^ high.wrapping_mul(0x9e37_79b9_7f4a_7c15),
        }
    }
}

/// A file's attributes, with the tag of its reparse point.
#[derive(Clone, Copy, Debug)]
pub struct Attributes {
    attributes: u32,
    tag: u32,
}

impl Attributes {
    pub fn kind(self) -> Kind {
        reparse::kind(self.attributes, self.tag)
    }

    pub fn has_tag(self) -> bool {
        reparse::tag(self.attributes, self.tag).is_some()
    }
}

pub fn attributes(file: &File) -> Result<Attributes, Errno> {
    let found = native::query::<FILE_ATTRIBUTE_TAG_INFO>(file, FileAttributeTagInformation)?;
    Ok(Attributes {
        attributes: found.FileAttributes,
        tag: found.ReparseTag,
    })
}

/// Reads what is known about a file. The handle must be one that may read attributes.
pub fn read(file: &File, identity: &Identity) -> Result<Metadata, Errno> {
    let kind = attributes(file)?.kind();
    let basic = native::query::<FILE_BASIC_INFORMATION>(file, FileBasicInformation)?;
    let standard = native::query::<FILE_STANDARD_INFORMATION>(file, FileStandardInformation)?;
    let size = match kind {
        Kind::Link => read_link(file).map_or(0, |target| target.len() as u64),
        _ => unsigned(standard.EndOfFile),
    };
    Ok(Metadata {
        key: identity.key(),
        kind,
        permissions: permissions(kind, basic.FileAttributes, mode(file)),
        size,
        blocks: unsigned(standard.AllocationSize) / 512,
        block_size: BLOCK_BYTES,
        links: standard.NumberOfLinks,
        accessed: moment(basic.LastAccessTime),
        modified: moment(basic.LastWriteTime),
        changed: moment(basic.ChangeTime),
    })
}

pub fn read_link(file: &File) -> Result<Vec<u8>, Errno> {
    let mut buffer = vec![0; reparse::MOST_BYTES];
    let count = native::control(file, FSCTL_GET_REPARSE_POINT, &[], &mut buffer)?;
    reparse::target(&buffer[..count])
}

/// The mode that is kept beside a file.
fn mode(file: &File) -> Option<u32> {
    ea::permissions(&xattrs::raw(file, ea::MODE).ok()?)
}

/// The permission bits. On folders the read-only attribute means something else.
fn permissions(kind: Kind, attributes: u32, mode: Option<u32>) -> u32 {
    let mode = mode.unwrap_or(default_permissions(kind));
    if kind != Kind::File {
        mode
    } else if attributes & FILE_ATTRIBUTE_READONLY != 0 {
        mode & !WRITE_BITS
    } else if mode & WRITE_BITS == 0 {
        // Somebody on the host took the attribute away.
        mode | 0o200
    } else {
        mode
    }
}

/// Those of something without a mode.
pub fn default_permissions(kind: Kind) -> u32 {
    match kind {
        Kind::Link => 0o777,
        _ => 0o755,
    }
}

/// The attributes of a file with these permission bits that are about them.
pub fn read_only(kind: Kind, permissions: u32) -> u32 {
    if kind == Kind::File && permissions & WRITE_BITS == 0 {
        FILE_ATTRIBUTE_READONLY
    } else {
        0
    }
}

fn moment(ticks: i64) -> Time {
    time::from_ticks(unsigned(ticks))
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permissions_read_only_attribute_and_mode_agree_or_the_attribute_wins() {
        for (attributes, mode, expected) in [
            (0, None, 0o755),
            (FILE_ATTRIBUTE_READONLY, None, 0o555),
            (0, Some(0o640), 0o640),
            (FILE_ATTRIBUTE_READONLY, Some(0o640), 0o440),
            (FILE_ATTRIBUTE_READONLY, Some(0o444), 0o444),
            (0, Some(0o444), 0o644),
        ] {
            assert_eq!(permissions(Kind::File, attributes, mode), expected);
        }
        assert_eq!(permissions(Kind::Folder, FILE_ATTRIBUTE_READONLY, None), 0o755);
    }
}
