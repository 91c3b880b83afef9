//! The names of a file, as Windows lists them.
//!
//! ```text
//!   FILE_LINKS_INFORMATION: u32 bytes needed │ u32 count │ entries
//!   entry:                  u32 next │ u32 0 │ u64 the folder's number │ u32 characters │ UTF-16
//! ```

/// Where the entries start.
const HEADER_BYTES: usize = 8;

/// One name of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HardLink {
    /// The number of the folder that has it.
    pub folder: u64,
    /// In UTF-16.
    pub name: Vec<u16>,
}

/// The names in an answer. It ends early where it is not well made.
pub fn parse(answer: &[u8]) -> Vec<HardLink> {
    let mut links = Vec::new();
    let mut rest = answer.get(HEADER_BYTES..).unwrap_or_default();
    while let Some((link, next)) = first(rest) {
        links.push(link);
        match rest.get(next..) {
            Some(behind) if next > 0 => rest = behind,
            _ => break,
        }
    }
    links
}

/// The first entry, and where the next one starts: 0 for nowhere.
fn first(entries: &[u8]) -> Option<(HardLink, usize)> {
    let u32_at = |offset: usize| Some(u32::from_le_bytes(*entries.get(offset..)?.first_chunk()?));
    let next = usize::try_from(u32_at(0)?).ok()?;
    let folder = u64::from_le_bytes(*entries.get(8..)?.first_chunk()?);
    let bytes = usize::try_from(u32_at(16)?).ok()?.checked_mul(2)?;
    let name = entries.get(20..20_usize.checked_add(bytes)?)?;
    let name = name
        .chunks_exact(2)
        .map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
        .collect();
    Some((HardLink { folder, name }, next))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn parse_two_names() {
        let mut answer = vec![0; HEADER_BYTES];
        for (folder, name, next) in [(5_u64, "ab", 24_u32), (6, "c", 0)] {
            answer.extend_from_slice(&next.to_le_bytes());
            answer.extend_from_slice(&[0; 4]);
            answer.extend_from_slice(&folder.to_le_bytes());
            answer.extend_from_slice(&(name.len() as u32).to_le_bytes());
            answer.extend(name.encode_utf16().flat_map(u16::to_le_bytes));
        }
        let link = |folder, name: &str| HardLink {
            folder,
            name: name.encode_utf16().collect(),
        };
        assert_eq!(parse(&answer), [link(5, "ab"), link(6, "c")]);
    }

    proptest! {
        #[test]
        fn parse_any_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = parse(&bytes);
        }
    }
}
