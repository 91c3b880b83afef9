//! Answers and notifications as bytes.

use std::time::Duration;

use zerocopy::{Immutable, IntoBytes};

use crate::{
    Errno, Name,
    abi::{self, OutHeader},
};

/// Bytes of the header that every answer starts with.
const HEADER_BYTES: usize = size_of::<OutHeader>();

/// The body of an answer, behind room for the header.
#[derive(Debug)]
pub struct Body(Vec<u8>);

impl Body {
    /// Nothing but success.
    pub fn empty() -> Self {
        Self(vec![0; HEADER_BYTES])
    }

    /// One message.
    pub fn of<T: IntoBytes + Immutable>(message: &T) -> Self {
        let mut body = Self::empty();
        body.push(message);
        body
    }

    /// Bytes as they are.
    pub fn bytes(bytes: &[u8]) -> Self {
        let mut body = Self::empty();
        body.0.extend_from_slice(bytes);
        body
    }

    /// Up to `size` bytes that `fill` writes; it returns how many.
    pub fn filled(size: usize, fill: impl FnOnce(&mut [u8]) -> Result<usize, Errno>) -> Result<Self, Errno> {
        let mut bytes = vec![0; HEADER_BYTES + size];
        let count = fill(&mut bytes[HEADER_BYTES..])?;
        bytes.truncate(HEADER_BYTES + count);
        Ok(Self(bytes))
    }

    pub fn push<T: IntoBytes + Immutable>(&mut self, message: &T) {
        self.0.extend_from_slice(message.as_bytes());
    }

    pub fn push_bytes(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// Zeros up to a multiple of eight bytes.
    pub fn pad(&mut self) {
        self.0.resize(self.0.len().next_multiple_of(8), 0);
    }

    /// Bytes without the header.
    pub fn len(&self) -> usize {
        self.0.len() - HEADER_BYTES
    }

    fn finish(mut self, error: i32, unique: u64) -> Vec<u8> {
        let header = OutHeader {
            len: self.0.len() as u32,
            error,
            unique,
        };
        self.0[..HEADER_BYTES].copy_from_slice(header.as_bytes());
        self.0
    }
}

/// The whole answer to the request `unique`.
pub fn answer(unique: u64, answer: Result<Body, Errno>) -> Vec<u8> {
    match answer {
        Ok(body) => body.finish(0, unique),
        Err(errno) => Body::empty().finish(-errno.number(), unique),
    }
}

/// Tells the guest's kernel to read a file's attributes, and its pages when `pages`, anew.
pub fn invalidate_node(node: u64, pages: bool) -> Vec<u8> {
    // A negative offset leaves the pages alone; length 0 is all of them.
    let off = if pages { 0 } else { -1 };
    Body::of(&abi::NotifyInode {
        ino: node,
        off,
        len: 0,
    })
    .finish(abi::notify::INVAL_INODE, 0)
}

/// Tells the guest's kernel to look a name up anew.
pub fn invalidate_entry(folder: u64, name: &Name) -> Vec<u8> {
    let namelen = name.as_bytes().len() as u32;
    let mut body = Body::of(&abi::NotifyEntry {
        parent: folder,
        namelen,
        flags: 0,
    });
    body.push_bytes(name.as_bytes());
    body.push_bytes(&[0]);
    body.finish(abi::notify::INVAL_ENTRY, 0)
}

/// Tells the guest's kernel that a name is gone, so that who watches it in the guest hears of it.
pub fn deleted(folder: u64, child: u64, name: &Name) -> Vec<u8> {
    let namelen = name.as_bytes().len() as u32;
    let mut body = Body::of(&abi::NotifyDelete {
        parent: folder,
        child,
        namelen,
        padding: 0,
    });
    body.push_bytes(name.as_bytes());
    body.push_bytes(&[0]);
    body.finish(abi::notify::DELETE, 0)
}

/// Tells the guest's kernel to look every name up anew, also those that this server never told it. What is mounted on one
/// of them in the guest is lost with it, so this is for when there is no other way.
pub fn expire_all_names() -> Vec<u8> {
    Body::empty().finish(abi::notify::INC_EPOCH, 0)
}

/// A message of our own, which the guest agent keeps from the kernel.
pub fn notification(code: i32, bytes: &[u8]) -> Vec<u8> {
    Body::bytes(bytes).finish(code, 0)
}

/// A time to live as FUSE says it.
pub fn valid(time: Duration) -> (u64, u32) {
    (time.as_secs(), time.subsec_nanos())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answer_error_is_negative_and_has_no_body() {
        let bytes = answer(7, Err(Errno::NOENT));
        assert_eq!(
            bytes,
            [16, 0, 0, 0, 0xfe, 0xff, 0xff, 0xff, 7, 0, 0, 0, 0, 0, 0, 0]
        );
    }

    #[test]
    fn answer_length_counts_the_header() {
        let bytes = answer(1, Ok(Body::bytes(b"abc")));
        assert_eq!((bytes[0], bytes.len(), &bytes[16..]), (19, 19, &b"abc"[..]));
    }

    #[test]
    fn invalidate_entry_ends_in_a_nul_that_is_not_counted() {
        let bytes = invalidate_entry(5, &Name::new(b"ab").unwrap());
        assert_eq!((bytes[0] as usize, bytes[4], bytes[24]), (bytes.len(), 3, 2));
        assert_eq!(&bytes[32..], b"ab\0");
    }

    #[test]
    fn expire_all_names_is_a_header_alone() {
        assert_eq!(
            expire_all_names(),
            [16, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        );
    }
}
