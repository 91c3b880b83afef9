//! What the guest tells without waiting for an answer.

use zerocopy::FromBytes;

use crate::{
    Name,
    abi::{self, InHeader, extension, opcode},
};

/// What has no answer, and is done while it is read.
#[derive(Debug, PartialEq, Eq)]
pub enum Notice {
    /// So many lookups of these nodes are forgotten.
    Forget(Vec<abi::ForgetOne>),
    /// The asker of this request no longer waits.
    Interrupt(u64),
    /// The kernel still uses this node of an earlier server, which is found by these names below the share.
    Adopt { nodeid: u64, names: Vec<Name> },
    /// The requests of this thread are replays of the host's changes.
    Replayer { thread: u32 },
    /// A replay was carried out, or failed with this error number of Linux.
    Replayed { number: u64, errno: u32 },
}

/// Whether a message is a [`Notice`].
pub fn is_notice(header: &InHeader) -> bool {
    matches!(
        header.opcode,
        opcode::FORGET
            | opcode::BATCH_FORGET
            | opcode::INTERRUPT
            | extension::ADOPT
            | extension::REPLAYER
            | extension::REPLAYED
    )
}

/// Decodes a notice's body; a malformed one says nothing.
pub fn notice(header: &InHeader, body: &[u8]) -> Option<Notice> {
    match header.opcode {
        opcode::FORGET => {
            let (forget, _) = abi::ForgetIn::read_from_prefix(body).ok()?;
            Some(Notice::Forget(vec![abi::ForgetOne {
                nodeid: header.nodeid,
                nlookup: forget.nlookup,
            }]))
        }
        opcode::BATCH_FORGET => {
            let (batch, rest) = abi::BatchForgetIn::read_from_prefix(body).ok()?;
            // The count is only believed as far as there are bytes for it.
            let each = rest
                .chunks_exact(size_of::<abi::ForgetOne>())
                .take(batch.count as usize);
            Some(Notice::Forget(
                each.filter_map(|one| abi::ForgetOne::read_from_bytes(one).ok())
                    .collect(),
            ))
        }
        opcode::INTERRUPT => {
            let (interrupt, _) = abi::InterruptIn::read_from_prefix(body).ok()?;
            Some(Notice::Interrupt(interrupt.unique))
        }
        extension::ADOPT => Some(Notice::Adopt {
            nodeid: header.nodeid,
            names: path(body)?,
        }),
        extension::REPLAYER => Some(Notice::Replayer { thread: header.pid }),
        extension::REPLAYED => Some(Notice::Replayed {
            number: header.nodeid,
            errno: u32::from_le_bytes(*body.first_chunk()?),
        }),
        _ => None,
    }
}

/// Names with a NUL between each two; none at all are the share's own folder.
fn path(bytes: &[u8]) -> Option<Vec<Name>> {
    if bytes.is_empty() {
        return Some(Vec::new());
    }
    if bytes.len() > extension::MOST_PATH {
        return None;
    }
    bytes
        .split(|byte| *byte == 0)
        .map(|name| Name::new(name).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use zerocopy::IntoBytes;

    use super::*;

    #[test]
    fn notice_count_is_believed_as_far_as_there_are_bytes() {
        let mut bytes = abi::BatchForgetIn {
            count: u32::MAX,
            dummy: 0,
        }
        .as_bytes()
        .to_vec();
        bytes.extend(
            abi::ForgetOne {
                nodeid: 2,
                nlookup: 3,
            }
            .as_bytes(),
        );
        bytes.extend([0; 7]);
        let header = InHeader {
            opcode: opcode::BATCH_FORGET,
            ..InHeader::default()
        };
        let expected = Notice::Forget(vec![abi::ForgetOne {
            nodeid: 2,
            nlookup: 3,
        }]);
        assert_eq!(notice(&header, &bytes), Some(expected));
    }

    fn of(opcode: u32) -> InHeader {
        InHeader {
            opcode,
            nodeid: 77,
            pid: 42,
            ..InHeader::default()
        }
    }

    #[test]
    fn notice_adopted_path_is_names_and_nothing_else() {
        let adopt = |body: &[u8]| match notice(&of(extension::ADOPT), body) {
            Some(Notice::Adopt { nodeid: 77, names }) => Some(names),
            None => None,
            other => panic!("{other:?}"),
        };
        let name = |text: &str| Name::new(text.as_bytes()).unwrap();
        assert_eq!(adopt(b""), Some(Vec::new()));
        assert_eq!(adopt(b"a\0b"), Some(vec![name("a"), name("b")]));
        for bad in [&b"\0"[..], b"\0a", b"a\0", b"a\0\0b", b"a\0..\0b", b".", b"a/b"] {
            assert_eq!(adopt(bad), None, "{}", bad.escape_ascii());
        }
        assert_eq!(adopt(&[b"n\0".repeat(2048), b"n".to_vec()].concat()), None);
    }

    #[test]
    fn notice_replays_are_told_by_header_and_a_whole_body() {
        assert_eq!(
            notice(&of(extension::REPLAYER), b""),
            Some(Notice::Replayer { thread: 42 })
        );
        let expected = Notice::Replayed {
            number: 77,
            errno: 17,
        };
        assert_eq!(notice(&of(extension::REPLAYED), &[17, 0, 0, 0]), Some(expected));
        assert_eq!(notice(&of(extension::REPLAYED), &[17, 0, 0]), None);
    }

    #[test]
    fn is_notice_what_has_no_answer_is_and_what_has_one_is_not() {
        for opcode in [opcode::FORGET, opcode::INTERRUPT, 0x5000, 0x5001, 0x5002] {
            assert!(is_notice(&of(opcode)), "{opcode}");
        }
        for opcode in [opcode::LOOKUP, opcode::INIT, 0x4fff, 0x5003, u32::MAX] {
            assert!(!is_notice(&of(opcode)), "{opcode}");
        }
    }
}
