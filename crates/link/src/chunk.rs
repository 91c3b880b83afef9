//! Chunks: how a stream's bytes and its clean end travel inside the mux.
//!
//! ```text
//!   length u16 LE, bytes       one piece of the stream, at most MAX_CHUNK_BYTES
//!   0 u16                      the clean end of this direction; nothing follows
//! ```
//!
//! yamux tells its reader neither a reset from an end nor a lost connection from an end. Here the end is said in so many
//! bytes, and what stops without having said it was an abort.

/// Length of a chunk's header.
pub(crate) const HEADER_BYTES: usize = 2;
/// Longest piece: with its header and yamux's header (12 bytes) one chunk is one mux frame of 32 KiB.
pub(crate) const MAX_CHUNK_BYTES: usize = MAX_FRAME_BODY_BYTES - HEADER_BYTES;
/// Longest body of a mux frame: 32 KiB less yamux's header.
pub(crate) const MAX_FRAME_BODY_BYTES: usize = 32 * 1024 - 12;

/// Follows one direction of a stream.
#[derive(Debug, Default)]
pub(crate) struct ChunkDecoder {
    /// The header's first byte, when a frame ended between the two.
    half: Option<u8>,
    /// What is still to come of the current chunk.
    left: usize,
    ended: bool,
}

/// What comes first in some bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// As many bytes of the stream, behind as many bytes of header.
    Bytes { skip: usize, count: usize },
    /// Nothing yet: all was header.
    Nothing,
    /// The clean end.
    End,
    /// Not chunks.
    Malformed,
}

impl ChunkDecoder {
    /// Looks at `bytes` and takes at most `room` bytes of the stream out of them.
    pub(crate) fn next(&mut self, bytes: &[u8], room: usize) -> Piece {
        if self.ended {
            return Piece::End;
        }
        let mut skip = 0;
        while self.left == 0 {
            let (low, high) = match (self.half.take(), &bytes[skip..]) {
                (half, []) => {
                    self.half = half;
                    return Piece::Nothing;
                }
                (Some(low), [high, ..]) => {
                    skip += 1;
                    (low, *high)
                }
                (None, [low]) => {
                    self.half = Some(*low);
                    return Piece::Nothing;
                }
                (None, [low, high, ..]) => {
                    skip += 2;
                    (*low, *high)
                }
            };
            match usize::from(u16::from_le_bytes([low, high])) {
                0 => {
                    self.ended = true;
                    return Piece::End;
                }
                length if length > MAX_CHUNK_BYTES => return Piece::Malformed,
                length => self.left = length,
            }
        }
        let count = self.left.min(bytes.len() - skip).min(room);
        self.left -= count;
        Piece::Bytes { skip, count }
    }

    pub(crate) fn ended(&self) -> bool {
        self.ended
    }
}

/// Puts one chunk into `out`: as much of `bytes` as fits. Returns how much that is.
pub(crate) fn encode(bytes: &[u8], out: &mut Vec<u8>) -> usize {
    let count = bytes.len().min(MAX_CHUNK_BYTES);
    out.extend_from_slice(&(count as u16).to_le_bytes());
    out.extend_from_slice(&bytes[..count]);
    count
}

/// Decodes arbitrary bytes, cut into pieces of `piece`; the outcome must not depend on the cuts. For the fuzz target
/// `chunk_decode`.
#[doc(hidden)]
pub fn fuzz_chunk(bytes: &[u8], piece: usize) {
    assert_eq!(
        decode_all(bytes, bytes.len().max(1), usize::MAX),
        decode_all(bytes, piece.max(1), piece.max(1))
    );
}

/// The stream's bytes, and whether it ended cleanly; `None` for what is no chunks.
fn decode_all(bytes: &[u8], piece: usize, room: usize) -> (Vec<u8>, Option<bool>) {
    let mut decoder = ChunkDecoder::default();
    let mut stream = Vec::new();
    for mut part in bytes.chunks(piece) {
        while !part.is_empty() {
            match decoder.next(part, room) {
                Piece::Bytes { skip, count } => {
                    stream.extend_from_slice(&part[skip..skip + count]);
                    part = &part[skip + count..];
                }
                Piece::Nothing => break,
                Piece::End => return (stream, Some(true)),
                Piece::Malformed => return (stream, None),
            }
        }
    }
    (stream, Some(decoder.ended()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn chunks_any_pieces_come_out_equal(
            writes in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..40_000), 0..5),
            piece in 1..50_000_usize, room in 1..50_000_usize, end in any::<bool>(),
        ) {
            let mut bytes = Vec::new();
            for write in &writes {
                let mut left = write.as_slice();
                while !left.is_empty() {
                    left = &left[encode(left, &mut bytes)..];
                }
            }
            if end {
                bytes.extend_from_slice(&[0, 0]);
            }
            let (stream, ended) = decode_all(&bytes, piece, room);
            prop_assert!(stream == writes.concat());
            prop_assert_eq!(ended, Some(end));
        }

        #[test]
        fn chunks_garbage_outcome_does_not_depend_on_cuts(bytes in proptest::collection::vec(any::<u8>(), 0..3000), piece in 1..100_usize) {
            fuzz_chunk(&bytes, piece);
        }
    }
}
