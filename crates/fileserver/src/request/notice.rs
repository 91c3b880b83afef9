//! What the guest tells without waiting for an answer.

use zerocopy::FromBytes;

use crate::abi::{self, InHeader, opcode};

/// What has no answer, and is done while it is read.
#[derive(Debug, PartialEq, Eq)]
pub enum Notice {
    /// So many lookups of these nodes are forgotten.
    Forget(Vec<abi::ForgetOne>),
    /// The asker of this request no longer waits.
    Interrupt(u64),
}

/// Whether a message is a [`Notice`].
pub fn is_notice(header: &InHeader) -> bool {
    matches!(
        header.opcode,
        opcode::FORGET | opcode::BATCH_FORGET | opcode::INTERRUPT
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
        _ => None,
    }
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
}
