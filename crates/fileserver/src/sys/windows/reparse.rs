//! Reparse points: what Windows stores in the place of links and of other things that are neither files nor folders.
//!
//! ```text
//!   u32 tag │ u16 length of the data │ u16 0 │ data
//!
//!   SYMLINK      u16 offset, length of the target │ u16 offset, length of its printed form │ u32 1 = relative │ UTF-16
//!   MOUNT_POINT  the same without the u32: a junction
//!   LX_SYMLINK   u32 2 │ the target as Linux wrote it: the links of WSL, and those that the guest makes
//! ```
//!
//! The guest's links are WSL's because those hold any target, are of no type (Windows' own are for files or for folders),
//! and need no right that an ordinary user does not have. Layouts: [MS-FSCC] 2.1.2.

use super::name;
use crate::{Errno, Kind};

/// The tags of [MS-FSCC] 2.1.2.1 that mean a kind of Linux.
const SYMLINK: u32 = 0xa000_000c;
const MOUNT_POINT: u32 = 0xa000_0003;
const LX_SYMLINK: u32 = 0xa000_001d;
const AF_UNIX: u32 = 0x8000_0023;
const LX_FIFO: u32 = 0x8000_0024;
const LX_CHR: u32 = 0x8000_0025;
const LX_BLK: u32 = 0x8000_0026;
/// The bit of tags that stand for something elsewhere.
const NAME_SURROGATE: u32 = 0x2000_0000;

const ATTRIBUTE_DIRECTORY: u32 = 0x10;
const ATTRIBUTE_REPARSE_POINT: u32 = 0x400;

/// Of the header, and of the whole of it at most.
const HEADER_BYTES: usize = 8;
pub const MOST_BYTES: usize = 16 * 1024;
/// Windows' mark of a link whose target is relative.
const RELATIVE: u32 = 1;

/// The tag in a file's attributes, when they have one.
pub fn tag(attributes: u32, tag: u32) -> Option<u32> {
    (attributes & ATTRIBUTE_REPARSE_POINT != 0).then_some(tag)
}

/// What a file of these attributes and this tag is. A tag that means nothing here is that of a driver that looks after the
/// file, such as OneDrive's: the file is what it seems to be.
pub fn kind(attributes: u32, reparse_tag: u32) -> Kind {
    match tag(attributes, reparse_tag) {
        Some(AF_UNIX) => Kind::Socket,
        Some(LX_FIFO) => Kind::Pipe,
        Some(LX_CHR) => Kind::CharacterDevice,
        Some(LX_BLK) => Kind::BlockDevice,
        Some(tag) if tag & NAME_SURROGATE != 0 => Kind::Link,
        _ if attributes & ATTRIBUTE_DIRECTORY != 0 => Kind::Folder,
        _ => Kind::File,
    }
}

/// The buffer of a symbolic link.
pub fn link(target: &[u8]) -> Result<Vec<u8>, Errno> {
    let mut data = 2_u32.to_le_bytes().to_vec();
    data.extend_from_slice(target);
    buffer(LX_SYMLINK, &data)
}

/// The buffer of a pipe or a socket. `EPERM` for anything else.
pub fn special(kind: Kind) -> Result<Vec<u8>, Errno> {
    match kind {
        Kind::Pipe => buffer(LX_FIFO, &[]),
        Kind::Socket => buffer(AF_UNIX, &[]),
        _ => Err(Errno::PERM),
    }
}

fn buffer(tag: u32, data: &[u8]) -> Result<Vec<u8>, Errno> {
    if data.len() > MOST_BYTES - HEADER_BYTES {
        return Err(Errno::NAMETOOLONG);
    }
    let mut buffer = tag.to_le_bytes().to_vec();
    buffer.extend_from_slice(&(data.len() as u16).to_le_bytes());
    buffer.extend_from_slice(&[0; 2]);
    buffer.extend_from_slice(data);
    Ok(buffer)
}

/// The target of a link. `EINVAL` for what is none, `EIO` for what nobody should have written.
pub fn target(buffer: &[u8]) -> Result<Vec<u8>, Errno> {
    let tag = u32_at(buffer, 0)?;
    let length = usize::from(u16_at(buffer, 4)?);
    let data = buffer.get(HEADER_BYTES..HEADER_BYTES + length).ok_or(Errno::IO)?;
    match tag {
        LX_SYMLINK => Ok(data.get(4..).ok_or(Errno::IO)?.to_vec()),
        SYMLINK => {
            let is_relative = u32_at(data, 8)? & RELATIVE != 0;
            windows_target(data, 12, is_relative)
        }
        MOUNT_POINT => windows_target(data, 8, false),
        _ => Err(Errno::INVAL),
    }
}

/// A target that Windows wrote, for Linux: with slashes. One with a drive leads nowhere in the guest.
fn windows_target(data: &[u8], start: usize, is_relative: bool) -> Result<Vec<u8>, Errno> {
    // A relative one is what it says; of the others, the printed form lacks Windows' prefixes.
    let field = if is_relative { 0 } else { 4 };
    let offset = start + usize::from(u16_at(data, field)?);
    let length = usize::from(u16_at(data, field + 2)?);
    let bytes = data.get(offset..offset + length).ok_or(Errno::IO)?;
    let units: Vec<u16> = bytes
        .chunks_exact(2)
        .map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
        .collect();
    let parts: Vec<Vec<u8>> = units
        .split(|unit| *unit == u16::from(b'\\'))
        .map(|part| match name::to_guest(part) {
            Some(name) => name.as_bytes().to_vec(),
            // `.`, `..`, and nothing between two of them.
            None => String::from_utf16_lossy(part).into_bytes(),
        })
        .collect();
    Ok(parts.join(&b'/'))
}

fn u16_at(bytes: &[u8], offset: usize) -> Result<u16, Errno> {
    match bytes.get(offset..offset + 2) {
        Some(&[low, high]) => Ok(u16::from_le_bytes([low, high])),
        _ => Err(Errno::IO),
    }
}

fn u32_at(bytes: &[u8], offset: usize) -> Result<u32, Errno> {
    Ok(u32::from(u16_at(bytes, offset)?) | u32::from(u16_at(bytes, offset + 2)?) << 16)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A buffer as Windows makes it: the target, then its printed form.
    fn windows_link(tag: u32, substitute: &str, print: &str, flags: Option<u32>) -> Vec<u8> {
        let units = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
        let (substitute, print) = (units(substitute), units(print));
        let mut data = Vec::new();
        for number in [0, substitute.len(), substitute.len(), print.len()] {
            data.extend_from_slice(&(number as u16).to_le_bytes());
        }
        data.extend(flags.into_iter().flat_map(u32::to_le_bytes));
        data.extend_from_slice(&substitute);
        data.extend_from_slice(&print);
        buffer(tag, &data).unwrap()
    }

    #[test]
    fn target_links_of_all_three_kinds() {
        assert_eq!(target(&link(b"/a/\xff").unwrap()), Ok(b"/a/\xff".to_vec()));
        let relative = windows_link(SYMLINK, "..\\a\u{f03a}b\\.", "?", Some(RELATIVE));
        assert_eq!(target(&relative), Ok(b"../a:b/.".to_vec()));
        let absolute = windows_link(SYMLINK, "\\??\\C:\\x", "C:\\x", Some(0));
        assert_eq!(target(&absolute), Ok(b"C:/x".to_vec()));
        let junction = windows_link(MOUNT_POINT, "\\??\\C:\\x", "C:\\x", None);
        assert_eq!(target(&junction), Ok(b"C:/x".to_vec()));
    }

    #[test]
    fn target_what_is_no_link_is_refused() {
        assert_eq!(target(&special(Kind::Pipe).unwrap()), Err(Errno::INVAL));
        assert_eq!(target(b"\x0c"), Err(Errno::IO));
        let mut cut = link(b"/long").unwrap();
        cut.pop();
        assert_eq!(target(&cut), Err(Errno::IO));
    }

    #[test]
    fn kind_surrogates_are_links_whatever_else_they_are() {
        let reparse = ATTRIBUTE_REPARSE_POINT;
        for (attributes, tag, expected) in [
            (0x20, 0, Kind::File),
            (ATTRIBUTE_DIRECTORY, 0, Kind::Folder),
            // Without the attribute the tag is something else.
            (ATTRIBUTE_DIRECTORY, SYMLINK, Kind::Folder),
            (ATTRIBUTE_DIRECTORY | reparse, MOUNT_POINT, Kind::Link),
            (ATTRIBUTE_DIRECTORY | reparse, SYMLINK, Kind::Link),
            (reparse, SYMLINK, Kind::Link),
            (reparse, LX_SYMLINK, Kind::Link),
            // One that nobody has heard of yet.
            (reparse, 0xa000_7777, Kind::Link),
            (reparse, LX_FIFO, Kind::Pipe),
            (reparse, AF_UNIX, Kind::Socket),
            (reparse, LX_CHR, Kind::CharacterDevice),
            (reparse, LX_BLK, Kind::BlockDevice),
            // OneDrive's.
            (reparse, 0x9000_001a, Kind::File),
            (ATTRIBUTE_DIRECTORY | reparse, 0x9000_001a, Kind::Folder),
        ] {
            assert_eq!(kind(attributes, tag), expected, "{attributes:#x} {tag:#x}");
        }
    }

    #[test]
    fn special_devices_are_refused() {
        assert_eq!(special(Kind::CharacterDevice), Err(Errno::PERM));
        assert!(special(Kind::Socket).is_ok());
    }

    proptest! {
        #[test]
        fn target_any_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64), tag in 0..4_usize) {
            let _ = target(&bytes);
            let tag = [SYMLINK, MOUNT_POINT, LX_SYMLINK, 7][tag];
            let _ = target(&buffer(tag, &bytes).unwrap());
        }
    }
}
