//! Listings of folders.
//!
//! Windows has a position in a folder but no number for it. An entry's number is how many came before it since the start;
//! the last ones are kept, so that who reads on a little before the end of the last answer gets the same entries:
//!
//! ```text
//!   0 "."  1 ".."  2 …            first ├── window ──┤ first + window.len()
//!                                                     └─ the kernel's own position
//! ```

use std::collections::VecDeque;

use super::{name, reparse};
use crate::{DirectoryEntry, Errno, Kind};

/// Bytes of entries read at a time.
const LISTING_BYTES: usize = 64 * 1024;
/// How many are kept. More than one answer to the guest holds.
const MOST_KEPT: usize = 16 * 1024;

/// A position in a folder.
#[derive(Debug)]
pub struct Listing {
    /// The folder's own number, for `.`.
    inode: u64,
    /// The number of the first kept entry.
    first: u64,
    window: VecDeque<Entry>,
    is_complete: bool,
    is_started: bool,
}

/// An entry of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// As the guest may know it; empty when it cannot.
    name: Vec<u8>,
    inode: u64,
    kind: Kind,
}

impl Listing {
    pub fn new(inode: u64) -> Self {
        Self {
            inode,
            first: 0,
            window: VecDeque::new(),
            is_complete: false,
            is_started: false,
        }
    }

    /// Calls `take` with the entries from this number on. `read` fills a buffer with the next entries of the host, or those
    /// from the start when asked.
    pub fn list(
        &mut self,
        offset: u64,
        mut read: impl FnMut(&mut [u8], bool) -> Result<usize, Errno>,
        take: &mut dyn FnMut(DirectoryEntry<'_>) -> bool,
    ) -> Result<(), Errno> {
        let is_anew = offset == 0 && self.is_started;
        if is_anew || offset < self.first || !self.is_started {
            self.restart();
        }
        let mut offset = offset;
        loop {
            let index = usize::try_from(offset.saturating_sub(self.first)).unwrap_or(usize::MAX);
            let Some(entry) = self.window.get(index) else {
                if self.is_complete {
                    return Ok(());
                }
                self.read_on(&mut read)?;
                continue;
            };
            offset += 1;
            if entry.name.is_empty() {
                continue;
            }
            let listed = DirectoryEntry {
                name: &entry.name,
                inode: entry.inode,
                kind: Some(entry.kind),
                next: offset,
            };
            if !take(listed) {
                return Ok(());
            }
        }
    }

    fn restart(&mut self) {
        self.first = 0;
        self.is_complete = false;
        self.is_started = false;
        self.window.clear();
        let dots = [&b"."[..], b".."].map(|name| Entry {
            name: name.to_vec(),
            inode: self.inode,
            kind: Kind::Folder,
        });
        self.window.extend(dots);
    }

    fn read_on(
        &mut self,
        read: &mut impl FnMut(&mut [u8], bool) -> Result<usize, Errno>,
    ) -> Result<(), Errno> {
        let mut buffer = vec![0; LISTING_BYTES];
        let count = read(&mut buffer, !self.is_started)?;
        self.is_started = true;
        self.is_complete = count == 0;
        let entries = parse(&buffer[..count.min(LISTING_BYTES)]);
        self.window.extend(entries);
        // Never what was just read: there are fewer of them than are kept.
        let surplus = self.window.len().saturating_sub(MOST_KEPT);
        self.window.drain(..surplus);
        self.first += surplus as u64;
        Ok(())
    }
}

/// The entries in a buffer of `FILE_ID_BOTH_DIR_INFORMATION` ([MS-FSCC] 2.4.22), but for `.` and `..`, which not every
/// folder has. It ends early where it is not well made.
fn parse(buffer: &[u8]) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut rest = buffer;
    while let Some((entry, next)) = first(rest) {
        entries.extend(entry);
        match rest.get(next..) {
            Some(behind) if next > 0 => rest = behind,
            _ => break,
        }
    }
    entries
}

/// The first entry, and where the next one starts: 0 for nowhere.
fn first(buffer: &[u8]) -> Option<(Option<Entry>, usize)> {
    let u32_at = |offset: usize| Some(u32::from_le_bytes(*buffer.get(offset..)?.first_chunk()?));
    let next = usize::try_from(u32_at(0)?).ok()?;
    let attributes = u32_at(56)?;
    let name_bytes = usize::try_from(u32_at(60)?).ok()?;
    // Where an entry with a reparse point would have the size of its attributes, it has its tag.
    let tag = u32_at(64)?;
    let inode = u64::from_le_bytes(*buffer.get(96..)?.first_chunk()?);
    let name = buffer.get(104..104_usize.checked_add(name_bytes)?)?;
    let units: Vec<u16> = name
        .chunks_exact(2)
        .map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
        .collect();
    const DOT: u16 = b'.' as u16;
    if matches!(units[..], [DOT] | [DOT, DOT]) {
        return Some((None, next));
    }
    let entry = Entry {
        name: name::to_guest(&units).map_or_else(Vec::new, |name| name.as_bytes().to_vec()),
        inode,
        kind: reparse::kind(attributes, tag),
    };
    Some((Some(entry), next))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn raw(units: &[u16], inode: u64, attributes: u32, is_last: bool) -> Vec<u8> {
        let mut entry = vec![0; 104];
        entry[56..60].copy_from_slice(&attributes.to_le_bytes());
        entry[60..64].copy_from_slice(&(units.len() as u32 * 2).to_le_bytes());
        entry[96..104].copy_from_slice(&inode.to_le_bytes());
        entry.extend(units.iter().copied().flat_map(u16::to_le_bytes));
        entry.resize(entry.len().next_multiple_of(8), 0);
        if !is_last {
            let next = entry.len() as u32;
            entry[..4].copy_from_slice(&next.to_le_bytes());
        }
        entry
    }

    /// A folder of files that are called by their numbers, read three at a time.
    struct Host {
        count: u64,
        position: u64,
        restarts: u32,
    }

    impl Host {
        fn read(&mut self, buffer: &mut [u8], from_start: bool) -> Result<usize, Errno> {
            if from_start {
                self.position = 0;
                self.restarts += 1;
            }
            let end = self.count.min(self.position + 3);
            let mut bytes = Vec::new();
            for inode in self.position..end {
                let name: Vec<u16> = inode.to_string().encode_utf16().collect();
                bytes.extend(raw(&name, inode, 0, inode + 1 == end));
            }
            self.position = end;
            buffer[..bytes.len()].copy_from_slice(&bytes);
            Ok(bytes.len())
        }
    }

    /// At most `most` names from this number on, and the number behind them.
    fn names(listing: &mut Listing, host: &mut Host, offset: u64, most: usize) -> (Vec<String>, u64) {
        let mut names = Vec::new();
        let mut next = offset;
        listing
            .list(offset, |buffer, start| host.read(buffer, start), &mut |entry| {
                if names.len() == most {
                    return false;
                }
                names.push(String::from_utf8(entry.name.to_vec()).unwrap());
                next = entry.next;
                true
            })
            .unwrap();
        (names, next)
    }

    #[test]
    fn list_in_pieces_every_entry_comes_once() {
        let mut host = Host {
            count: 8,
            position: 0,
            restarts: 0,
        };
        let mut listing = Listing::new(5);
        let mut all = Vec::new();
        let mut offset = 0;
        loop {
            let (some, next) = names(&mut listing, &mut host, offset, 3);
            if some.is_empty() {
                break;
            }
            all.extend(some);
            offset = next;
        }
        assert_eq!(all, [".", "..", "0", "1", "2", "3", "4", "5", "6", "7"]);
        assert_eq!(host.restarts, 1);
    }

    #[test]
    fn list_a_little_back_is_answered_from_what_is_kept() {
        let mut host = Host {
            count: 8,
            position: 0,
            restarts: 0,
        };
        let mut listing = Listing::new(5);
        names(&mut listing, &mut host, 0, 7);
        let (again, _) = names(&mut listing, &mut host, 4, 2);
        assert_eq!((again, host.restarts), (vec!["2".to_owned(), "3".to_owned()], 1));
    }

    #[test]
    fn list_from_the_start_sees_what_is_new() {
        let mut host = Host {
            count: 1,
            position: 0,
            restarts: 0,
        };
        let mut listing = Listing::new(5);
        assert_eq!(names(&mut listing, &mut host, 0, 9).0, [".", "..", "0"]);
        host.count = 2;
        assert_eq!(names(&mut listing, &mut host, 0, 9).0, [".", "..", "0", "1"]);
    }

    #[test]
    fn parse_dots_are_left_out_and_half_characters_are_hidden() {
        let mut buffer = raw(&[0x2e], 1, 0x10, false);
        buffer.extend(raw(&[0x2e, 0x2e], 1, 0x10, false));
        buffer.extend(raw(&[0xd800], 7, 0, false));
        buffer.extend(raw(&[0x61, 0xf03a], 8, 0x10, true));
        let entries = parse(&buffer);
        assert_eq!(entries.len(), 2);
        assert!(entries[0].name.is_empty());
        assert_eq!(
            (&entries[1].name[..], entries[1].kind),
            (&b"a:"[..], Kind::Folder)
        );
    }

    proptest! {
        #[test]
        fn parse_any_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = parse(&bytes);
        }
    }
}
