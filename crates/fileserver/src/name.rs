//! One component of a path, as the guest may say it.

use std::{fmt, sync::Arc};

use crate::Errno;

/// The name of an entry in a folder: 1 to 255 bytes without NUL and `/`, and neither `.` nor `..`.
///
/// Nothing else reaches a host's file system: a name cannot leave its folder. The bytes need not be UTF-8. Cheap to
/// clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(Arc<[u8]>);

impl Name {
    /// Linux's `NAME_MAX`. FUSE would let the guest's kernel send 1,024.
    pub const MOST_BYTES: usize = 255;

    /// Checks a name. `ENAMETOOLONG` or `EINVAL` when it is none.
    pub fn new(bytes: &[u8]) -> Result<Self, Errno> {
        if bytes.len() > Self::MOST_BYTES {
            return Err(Errno::NAMETOOLONG);
        }
        if bytes.is_empty()
            || bytes == b"."
            || bytes == b".."
            || bytes.iter().any(|byte| matches!(byte, 0 | b'/'))
        {
            return Err(Errno::INVAL);
        }
        Ok(Self(bytes.into()))
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn new_what_could_leave_the_folder_is_refused() {
        for name in [
            &b""[..],
            b".",
            b"..",
            b"/",
            b"/etc",
            b"a/b",
            b"../x",
            b"a\0b",
            b"\0",
        ] {
            assert_eq!(Name::new(name), Err(Errno::INVAL), "{}", name.escape_ascii());
        }
    }

    #[test]
    fn new_length_is_bounded() {
        assert!(Name::new(&[b'x'; 255]).is_ok());
        assert_eq!(Name::new(&[b'x'; 256]), Err(Errno::NAMETOOLONG));
        assert_eq!(Name::new(&[b'x'; 300]), Err(Errno::NAMETOOLONG));
    }

    #[test]
    fn new_other_bytes_pass_unchanged() {
        for name in [&b"..."[..], b".git", b"\xff\xfe", b"a b\n", b"\\", b"con:"] {
            assert_eq!(Name::new(name).unwrap().as_bytes(), name);
        }
    }

    proptest! {
        #[test]
        fn new_accepted_names_are_single_components(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            if let Ok(name) = Name::new(&bytes) {
                prop_assert_eq!(name.as_bytes(), &bytes[..]);
                prop_assert!(!bytes.contains(&b'/') && !bytes.contains(&0) && bytes != b"." && bytes != b"..");
            }
        }
    }
}
