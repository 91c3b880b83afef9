//! The REPLAY message; `docs/protocol.md` has it.

use super::change::{Action, Replay};
use crate::{Name, abi::extension, reply};

/// Flag: what is renamed is a folder.
const FOLDER: u32 = 1;

/// A message with its header. `second` is where a rename leads.
pub fn replay(number: u64, replay: &Replay, path: &[Name], second: Option<&[Name]>) -> Vec<u8> {
    let (kind, flags) = match &replay.action {
        Action::Created { is_folder: false } => (1_u32, 0),
        Action::Created { is_folder: true } => (2, 0),
        Action::Modified => (3, 0),
        Action::Attributes => (4, 0),
        Action::Removed { is_folder: false } => (5, 0),
        Action::Removed { is_folder: true } => (6, 0),
        Action::Renamed { is_folder, .. } => (7, if *is_folder { FOLDER } else { 0 }),
    };
    let mut bytes = number.to_le_bytes().to_vec();
    bytes.extend(kind.to_le_bytes());
    bytes.extend(flags.to_le_bytes());
    push_path(&mut bytes, path);
    if let Some(second) = second {
        push_path(&mut bytes, second);
    }
    reply::notification(extension::REPLAY, &bytes)
}

fn push_path(bytes: &mut Vec<u8>, path: &[Name]) {
    let start = bytes.len();
    bytes.extend([0, 0]);
    for (index, name) in path.iter().enumerate() {
        if index > 0 {
            bytes.push(0);
        }
        bytes.extend(name.as_bytes());
    }
    // A path of more than 256 names is none that the node table gives.
    let length = u16::try_from(bytes.len() - start - 2).unwrap_or(0);
    bytes[start..start + 2].copy_from_slice(&length.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::change::Place;

    #[test]
    fn replay_rename_is_two_paths_of_names_between_nuls() {
        let name = |text: &str| Name::new(text.as_bytes()).unwrap();
        let place = Place {
            folder: 1,
            name: name("b"),
        };
        let renamed = Replay {
            former: None,
            action: Action::Renamed {
                to: place.clone(),
                replaced: None,
                is_folder: true,
            },
            place,
        };
        let bytes = replay(5, &renamed, &[name("a"), name("b")], Some(&[name("c")]));
        assert_eq!(bytes[..16], [40, 0, 0, 0, 0, 0x50, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(bytes[16..32], [5, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 1, 0, 0, 0]);
        assert_eq!(bytes[32..], *b"\x03\0a\0b\x01\0c");
    }
}
