//! Extended attributes of Linux in those of NTFS, and the mode as WSL keeps it there.
//!
//! NTFS has names of ASCII without case, and no attribute without a value; all of a file's together are at most 64 KiB:
//!
//! ```text
//!   guest               host                       value
//!   user.Mime-Type      PINNACE.%4DIME-%54YPE      "1" and the guest's
//!   (the mode)          $LXMOD                     u32: Linux's mode with the kind
//!
//!   FILE_FULL_EA_INFORMATION: u32 next │ u8 flags │ u8 name │ u16 value │ name, NUL │ value     (lengths without the NUL)
//!   FILE_GET_EA_INFORMATION:  u32 next │ u8 name │ name, NUL
//! ```
//!
//! Why not in a stream beside the file: a write of one is a write of the file, and changes when it was last modified.

use crate::Errno;

/// Where WSL keeps the mode. Windows' own programs leave it alone, and WSL's see the guest's.
pub const MODE: &[u8] = b"$LXMOD";

const PREFIX: &[u8] = b"PINNACE.";
/// The only attributes that the guest has.
const GUEST_PREFIX: &[u8] = b"user.";
/// NTFS's limit.
const MOST_NAME: usize = 254;
/// Before every value, because an empty one would be none.
const PRESENT: u8 = b'1';
/// More than all attributes of a file can be.
pub const MOST_BYTES: usize = 128 * 1024;

/// A name and a value, as they are in a list.
pub type Attribute<'a> = (&'a [u8], &'a [u8]);

/// The name on the host. `EOPNOTSUPP` for what is no user's, `ERANGE` for one that is too long there.
pub fn to_host(name: &[u8]) -> Result<Vec<u8>, Errno> {
    let rest = name.strip_prefix(GUEST_PREFIX).ok_or(Errno::OPNOTSUPP)?;
    let mut host = PREFIX.to_vec();
    for &byte in rest {
        match byte {
            b'a'..=b'z' => host.push(byte.to_ascii_uppercase()),
            b'0'..=b'9' | b'.' | b'-' | b'_' => host.push(byte),
            _ => host.extend_from_slice(format!("%{byte:02X}").as_bytes()),
        }
    }
    if host.len() > MOST_NAME {
        return Err(Errno::RANGE);
    }
    Ok(host)
}

/// The name in the guest, or none when it is not one that [`to_host`] makes.
pub fn to_guest(host: &[u8]) -> Option<Vec<u8>> {
    let mut name = GUEST_PREFIX.to_vec();
    let mut rest = host.strip_prefix(PREFIX)?;
    while let Some((&byte, behind)) = rest.split_first() {
        rest = behind;
        if byte == b'%' {
            let digits = std::str::from_utf8(rest.get(..2)?).ok()?;
            name.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &rest[2..];
        } else {
            name.push(byte.to_ascii_lowercase());
        }
    }
    (to_host(&name).ok()? == host).then_some(name)
}

/// The value on the host.
pub fn value_to_host(value: &[u8]) -> Vec<u8> {
    let mut host = vec![PRESENT];
    host.extend_from_slice(value);
    host
}

/// The value in the guest. `ENODATA` when there is none.
pub fn value_to_guest(host: &[u8]) -> Result<Vec<u8>, Errno> {
    match host.split_first() {
        Some((&PRESENT, value)) => Ok(value.to_vec()),
        _ => Err(Errno::NODATA),
    }
}

/// The permission bits in [`MODE`]'s value, without those that give privileges.
pub fn permissions(mode: &[u8]) -> Option<u32> {
    Some(u32::from_le_bytes(mode.try_into().ok()?) & 0o1777)
}

/// A list of one attribute to write. `ENOSPC` for a value that no list can hold.
pub fn full(name: &[u8], value: &[u8]) -> Result<Vec<u8>, Errno> {
    let name_length = u8::try_from(name.len()).map_err(|_| Errno::RANGE)?;
    let value_length = u16::try_from(value.len()).map_err(|_| Errno::NOSPC)?;
    let mut list = vec![0; 5];
    list.push(name_length);
    list.extend_from_slice(&value_length.to_le_bytes());
    list.extend_from_slice(name);
    list.push(0);
    list.extend_from_slice(value);
    Ok(list)
}

/// A list of one attribute to read.
pub fn wanted(name: &[u8]) -> Result<Vec<u8>, Errno> {
    let name_length = u8::try_from(name.len()).map_err(|_| Errno::RANGE)?;
    let mut list = vec![0; 4];
    list.push(name_length);
    list.extend_from_slice(name);
    list.push(0);
    Ok(list)
}

/// The names and values in a list. It ends early where it is not well made.
pub fn parse(list: &[u8]) -> Vec<Attribute<'_>> {
    let mut found = Vec::new();
    let mut rest = list;
    while let Some((entry, next)) = first(rest) {
        found.push(entry);
        match rest.get(next..) {
            Some(behind) if next > 0 => rest = behind,
            _ => break,
        }
    }
    found
}

/// The first entry, and where the next one starts: 0 for nowhere.
fn first(list: &[u8]) -> Option<(Attribute<'_>, usize)> {
    let &[n0, n1, n2, n3, _, name, v0, v1] = list.get(..8)?.first_chunk()?;
    let name_end = 8 + usize::from(name);
    let value_end = name_end + 1 + usize::from(u16::from_le_bytes([v0, v1]));
    let entry = (list.get(8..name_end)?, list.get(name_end + 1..value_end)?);
    let next = u32::from_le_bytes([n0, n1, n2, n3]);
    Some((entry, usize::try_from(next).ok()?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn to_host_case_is_kept_where_the_host_has_none() {
        let host = to_host(b"user.Mime-Type").unwrap();
        assert_eq!(host, b"PINNACE.%4DIME-%54YPE");
        assert_eq!(to_guest(&host), Some(b"user.Mime-Type".to_vec()));
        assert_ne!(to_host(b"user.A"), to_host(b"user.a"));
    }

    #[test]
    fn to_host_what_cannot_be_held_is_refused() {
        assert_eq!(to_host(b"security.selinux"), Err(Errno::OPNOTSUPP));
        assert_eq!(
            to_host(format!("user.{}", "x".repeat(250)).as_bytes()),
            Err(Errno::RANGE)
        );
    }

    #[test]
    fn to_guest_attributes_of_others_are_not_the_guests() {
        for name in [
            &b"$LXUID"[..],
            b"PINNACE.%4",
            b"PINNACE.%61",
            b"PINNACE.%ZZ",
            b"PINNACE.a",
        ] {
            assert_eq!(to_guest(name), None, "{}", name.escape_ascii());
        }
    }

    #[test]
    fn value_empty_is_not_absent() {
        assert_eq!(value_to_guest(&value_to_host(b"")), Ok(Vec::new()));
        assert_eq!(value_to_guest(b""), Err(Errno::NODATA));
    }

    #[test]
    fn permissions_privileges_are_left_out() {
        assert_eq!(permissions(&0o106_755_u32.to_le_bytes()), Some(0o755));
        assert_eq!(permissions(b"1"), None);
    }

    #[test]
    fn parse_two_entries_with_a_gap() {
        let mut list = full(b"A", b"one").unwrap();
        list.resize(16, 0);
        list[0] = 16;
        list.extend(full(b"BC", b"").unwrap());
        assert_eq!(parse(&list), [(&b"A"[..], &b"one"[..]), (b"BC", b"")]);
    }

    #[test]
    fn wanted_is_a_name_with_its_length() {
        assert_eq!(wanted(MODE).unwrap(), b"\0\0\0\0\x06$LXMOD\0");
        assert_eq!(MOST_BYTES % 4, 0);
    }

    proptest! {
        #[test]
        fn parse_any_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = parse(&bytes);
        }

        #[test]
        fn to_host_and_back_is_the_same(rest in proptest::collection::vec(any::<u8>(), 0..80)) {
            let name = [GUEST_PREFIX, &rest].concat();
            let host = to_host(&name).unwrap();
            prop_assert!(host.iter().all(|byte| !byte.is_ascii_lowercase() && (0x21..0x7f).contains(byte)));
            prop_assert_eq!(to_guest(&host), Some(name));
        }
    }
}
