//! Records: what a session's bytes travel in.
//!
//! ```text
//!   kind u8   length u16 LE   payload        tag u64 LE
//!   0 bytes   0..=MAX         length bytes   session's tag of this direction + number of the record
//!   1 bye     0
//! ```
//!
//! A carrier may lose bytes when it reconnects without this side noticing: a record cut short is then completed by
//! whatever comes next. The tag, which no other session has, tells: not one byte of such a record is passed on. A
//! record with no payload is a beat of the heart.

use crate::greeting::Epoch;

const HEADER_BYTES: usize = 3;
const TAG_BYTES: usize = 8;
/// The longest record. vhost-device-vsock 0.3.0 breaks on guest writes beyond 32 KiB, and the time that a small record
/// waits behind a long one is this by the carrier's speed.
pub(crate) const MAX_RECORD_BYTES: usize = 32 * 1024;
const MAX_PAYLOAD_BYTES: usize = MAX_RECORD_BYTES - HEADER_BYTES - TAG_BYTES;
const KIND_BYTES: u8 = 0;
const KIND_BYE: u8 = 1;

/// The tag of the first record from `sender` to `receiver`.
pub(crate) fn first_tag(sender: Epoch, receiver: Epoch) -> u64 {
    sender.0 as u64 ^ (receiver.0 >> 64) as u64
}

/// Why the session's bytes cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RecordError {
    #[error("no record where one must begin: the other side started anew")]
    NoRecord,
    #[error("a record of another session: bytes were lost on the way")]
    ForeignTag,
    #[error("the other side closed the link")]
    Bye,
}

/// Cuts payloads out of a byte stream, in place.
#[derive(Debug)]
pub(crate) struct RecordReader {
    buffer: Vec<u8>,
    /// What came and is not parsed, in `buffer`. Behind the payload.
    start: usize,
    end: usize,
    /// The current record's payload, in `buffer`.
    payload: std::ops::Range<usize>,
    tag: u64,
}

impl RecordReader {
    /// `came` is what was read beyond the session's opening.
    pub(crate) fn new(tag: u64, came: &[u8]) -> Self {
        // Room for a record and what is read of the next with it.
        let mut buffer = vec![0; (2 * MAX_RECORD_BYTES).max(came.len())];
        buffer[..came.len()].copy_from_slice(came);
        Self {
            buffer,
            start: 0,
            end: came.len(),
            payload: 0..0,
            tag,
        }
    }

    /// Bytes of the current record that were not taken.
    pub(crate) fn payload(&self) -> &[u8] {
        &self.buffer[self.payload.clone()]
    }

    pub(crate) fn consume(&mut self, count: usize) {
        self.payload.start += count;
    }

    /// Goes to the next record. False while it has not come whole: then [`RecordReader::space`] takes more.
    pub(crate) fn advance(&mut self) -> Result<bool, RecordError> {
        let came = &self.buffer[self.start..self.end];
        let Some(&kind) = came.first() else {
            return Ok(false);
        };
        if kind > KIND_BYE {
            return Err(RecordError::NoRecord);
        }
        let Some(&[_, low, high]) = came.first_chunk::<HEADER_BYTES>() else {
            return Ok(false);
        };
        let length = usize::from(u16::from_le_bytes([low, high]));
        if length > MAX_PAYLOAD_BYTES || (kind == KIND_BYE && length > 0) {
            return Err(RecordError::NoRecord);
        }
        let Some(tag) = came
            .get(HEADER_BYTES + length..)
            .and_then(|rest| rest.first_chunk::<TAG_BYTES>())
        else {
            return Ok(false);
        };
        if u64::from_le_bytes(*tag) != self.tag {
            return Err(RecordError::ForeignTag);
        }
        if kind == KIND_BYE {
            return Err(RecordError::Bye);
        }
        self.tag = self.tag.wrapping_add(1);
        self.payload = self.start + HEADER_BYTES..self.start + HEADER_BYTES + length;
        self.start = self.payload.end + TAG_BYTES;
        Ok(true)
    }

    /// Where to read more bytes to. Never empty when the last [`RecordReader::advance`] was false.
    pub(crate) fn space(&mut self) -> &mut [u8] {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
            self.payload = 0..0;
        }
        &mut self.buffer[self.end..]
    }

    pub(crate) fn filled(&mut self, count: usize) {
        self.end += count;
    }

    /// What came and was not parsed, the broken record first.
    pub(crate) fn rest(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }
}

/// Puts payloads into records.
#[derive(Debug)]
pub(crate) struct RecordWriter {
    buffer: Vec<u8>,
    /// What of `buffer` was written out.
    written: usize,
    /// Where the record begins that still grows.
    open: Option<usize>,
    tag: u64,
}

impl RecordWriter {
    /// `unsent` is what must be written first.
    pub(crate) fn new(tag: u64, unsent: Vec<u8>) -> Self {
        Self {
            buffer: unsent,
            written: 0,
            open: None,
            tag,
        }
    }

    /// Bytes that wait.
    pub(crate) fn len(&self) -> usize {
        self.buffer.len() - self.written
    }

    pub(crate) fn push(&mut self, mut payload: &[u8]) {
        while !payload.is_empty() {
            let open = self.open(KIND_BYTES);
            let room = HEADER_BYTES + MAX_PAYLOAD_BYTES - (self.buffer.len() - open);
            let (now, later) = payload.split_at(room.min(payload.len()));
            self.buffer.extend_from_slice(now);
            payload = later;
            if now.len() == room {
                self.seal();
            }
        }
    }

    /// Adds an empty record.
    pub(crate) fn push_beat(&mut self) {
        self.seal();
        self.open(KIND_BYTES);
        self.seal();
    }

    /// Adds the last record.
    pub(crate) fn push_bye(&mut self) {
        self.seal();
        self.open(KIND_BYE);
        self.seal();
    }

    fn open(&mut self, kind: u8) -> usize {
        *self.open.get_or_insert_with(|| {
            let open = self.buffer.len();
            self.buffer.extend_from_slice(&[kind, 0, 0]);
            open
        })
    }

    fn seal(&mut self) {
        if let Some(open) = self.open.take() {
            let length = (self.buffer.len() - open - HEADER_BYTES) as u16;
            self.buffer[open + 1..open + HEADER_BYTES].copy_from_slice(&length.to_le_bytes());
            self.buffer.extend_from_slice(&self.tag.to_le_bytes());
            self.tag = self.tag.wrapping_add(1);
        }
    }

    /// What to write out next: all that waits, in whole records.
    pub(crate) fn waiting(&mut self) -> &[u8] {
        self.seal();
        &self.buffer[self.written..]
    }

    pub(crate) fn wrote(&mut self, count: usize) {
        self.written += count;
        if self.written == self.buffer.len() {
            self.buffer.clear();
            self.written = 0;
        } else if self.written >= 2 * MAX_RECORD_BYTES && self.open.is_none() {
            self.buffer.drain(..self.written);
            self.written = 0;
        }
    }

    pub(crate) fn into_unsent(mut self) -> Vec<u8> {
        self.seal();
        self.buffer.drain(..self.written);
        self.buffer
    }
}

/// Reads arbitrary bytes as records, cut into pieces of `piece`. For the fuzz target `record_decode`.
#[doc(hidden)]
pub fn fuzz_record(bytes: &[u8], piece: usize) {
    let mut reader = RecordReader::new(0, &[]);
    let mut payload_bytes = 0;
    for part in bytes.chunks(piece.clamp(1, MAX_RECORD_BYTES)) {
        let mut part = part;
        loop {
            match reader.advance() {
                Ok(true) => {
                    payload_bytes += reader.payload().len();
                    assert!(payload_bytes <= bytes.len());
                }
                Ok(false) if part.is_empty() => break,
                Ok(false) => {
                    let space = reader.space();
                    assert!(!space.is_empty());
                    let count = space.len().min(part.len());
                    space[..count].copy_from_slice(&part[..count]);
                    reader.filled(count);
                    part = &part[count..];
                }
                Err(_) => return,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(tag: u64, bytes: &[u8], piece: usize) -> (Vec<u8>, Result<(), RecordError>) {
        let mut reader = RecordReader::new(tag, &[]);
        let mut payload = Vec::new();
        let mut left = bytes;
        loop {
            match reader.advance() {
                Ok(true) => payload.extend_from_slice(reader.payload()),
                Ok(false) if left.is_empty() => return (payload, Ok(())),
                Ok(false) => {
                    let space = reader.space();
                    let count = space.len().min(left.len()).min(piece);
                    space[..count].copy_from_slice(&left[..count]);
                    reader.filled(count);
                    left = &left[count..];
                }
                Err(error) => return (payload, Err(error)),
            }
        }
    }

    fn written(tag: u64, payloads: &[Vec<u8>]) -> Vec<u8> {
        let mut writer = RecordWriter::new(tag, Vec::new());
        let mut bytes = Vec::new();
        for (index, payload) in payloads.iter().enumerate() {
            writer.push(payload);
            if index % 3 == 0 {
                writer.push_beat();
            }
            if index % 2 == 0 {
                bytes.extend_from_slice(writer.waiting());
                writer.wrote(writer.len());
            }
        }
        bytes.extend_from_slice(writer.waiting());
        bytes
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn records_any_pieces_come_out_equal(
            payloads in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..50_000), 0..6),
            tag in any::<u64>(), piece in 1..70_000_usize,
        ) {
            let (payload, end) = read(tag, &written(tag, &payloads), piece);
            prop_assert!(payload == payloads.concat());
            prop_assert_eq!(end, Ok(()));
        }

        #[test]
        fn records_with_a_gap_deliver_only_a_true_prefix(
            payloads in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..400), 1..6),
            other in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..400), 1..6),
            cut in any::<proptest::sample::Index>(),
        ) {
            let mut bytes = written(7, &payloads);
            bytes.truncate(cut.index(bytes.len() + 1));
            bytes.extend(written(u64::MAX / 3, &other));
            let (payload, _) = read(7, &bytes, 1000);
            prop_assert!(payloads.concat().starts_with(&payload));
        }
    }

    #[test]
    fn read_bye_says_so() {
        let mut writer = RecordWriter::new(3, Vec::new());
        writer.push(b"last");
        writer.push_bye();
        assert_eq!(
            read(3, &writer.into_unsent(), 5),
            (b"last".to_vec(), Err(RecordError::Bye))
        );
    }
}
