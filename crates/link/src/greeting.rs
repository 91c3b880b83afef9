//! The lines that open a session: HELLO and ACK, printable ASCII of one fixed length.
//!
//! ```text
//!   PINNACE-LINK/1 kind side lane generation  epoch      peer's epoch  checksum
//!   |14 bytes,'/1'| H|A  h|g c|d|f  8 hex     32 hex     32 hex         8 hex   ;
//! ```
//!
//! No byte is zero and none is a kind of record, so a line can never be taken for a session's bytes at the place where
//! a record begins. HELLO has zeros for the peer's epoch.

use crate::{Lane, Side};

const MAGIC: &[u8; 14] = b"PINNACE-LINK/1";
/// Length of a line.
pub(crate) const LINE_BYTES: usize = MAGIC.len() + 3 + 8 + 32 + 32 + 8 + 1;

/// Names one attempt of one side to open a session. Random, never zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Epoch(pub(crate) u128);

impl Epoch {
    pub(crate) fn draw() -> Self {
        let mut bytes = [0; 16];
        // Without the system's generator there is no randomness to be had at all; early boot is the one case, and the
        // address of a local plus the clock is then as good as it gets. Epochs are no secrets.
        if getrandom::fill(&mut bytes).is_err() {
            use std::hash::{BuildHasher, Hasher};
            let state = std::collections::hash_map::RandomState::new();
            let mut hasher = state.build_hasher();
            hasher.write_u128(
                std::time::UNIX_EPOCH
                    .elapsed()
                    .map_or(0, |elapsed| elapsed.as_nanos()),
            );
            bytes[..8].copy_from_slice(&hasher.finish().to_le_bytes());
        }
        Self(u128::from_le_bytes(bytes).max(1))
    }
}

/// One line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Greeting {
    pub(crate) side: Side,
    pub(crate) lane: Lane,
    pub(crate) generation: u32,
    /// The sender's.
    pub(crate) epoch: Epoch,
    /// What an ACK answers. `None` in a HELLO.
    pub(crate) answers: Option<Epoch>,
}

impl Greeting {
    pub(crate) fn encode(&self) -> [u8; LINE_BYTES] {
        let kind = if self.answers.is_some() { 'A' } else { 'H' };
        let side = match self.side {
            Side::Host => 'h',
            Side::Guest => 'g',
        };
        let lane = match self.lane {
            Lane::Control => 'c',
            Lane::Data => 'd',
            Lane::Files => 'f',
        };
        let answers = self.answers.map_or(0, |epoch| epoch.0);
        let text = format!(
            "{kind}{side}{lane}{:08x}{:032x}{answers:032x}",
            self.generation, self.epoch.0
        );
        let mut line = [b';'; LINE_BYTES];
        let (head, tail) = line.split_at_mut(MAGIC.len());
        head.copy_from_slice(MAGIC);
        tail[..text.len()].copy_from_slice(text.as_bytes());
        let checksum = format!("{:08x}", checksum(text.as_bytes()));
        tail[text.len()..text.len() + 8].copy_from_slice(checksum.as_bytes());
        line
    }

    fn decode(line: &[u8; LINE_BYTES]) -> Option<Self> {
        let rest = line.strip_prefix(MAGIC)?.strip_suffix(b";")?;
        let (text, sum) = rest.split_at_checked(rest.len() - 8)?;
        if hex(sum)? != u128::from(checksum(text)) {
            return None;
        }
        let side = match text[1] {
            b'h' => Side::Host,
            b'g' => Side::Guest,
            _ => return None,
        };
        let lane = match text[2] {
            b'c' => Lane::Control,
            b'd' => Lane::Data,
            b'f' => Lane::Files,
            _ => return None,
        };
        let generation = u32::try_from(hex(&text[3..11])?).ok()?;
        let epoch = Epoch(hex(&text[11..43])?);
        let answers = hex(&text[43..75])?;
        let answers = match text[0] {
            b'H' if answers == 0 => None,
            b'A' if answers != 0 => Some(Epoch(answers)),
            _ => return None,
        };
        (epoch.0 != 0).then_some(Self {
            side,
            lane,
            generation,
            epoch,
            answers,
        })
    }
}

/// Finds lines in whatever else comes. Holds less than one line between two calls of [`Scanner::next`].
#[derive(Debug, Default)]
pub(crate) struct Scanner {
    bytes: Vec<u8>,
}

impl Scanner {
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Takes the next valid line; bytes before it are dropped. `None` until more bytes come.
    pub(crate) fn next(&mut self) -> Option<Greeting> {
        let mut start = 0;
        let found = loop {
            let rest = &self.bytes[start..];
            // What is no line may have one begin within it, so the search goes on one byte later, not one line later.
            let Some(candidate) = rest.first_chunk::<LINE_BYTES>() else {
                break None;
            };
            if let Some(greeting) = Greeting::decode(candidate) {
                start += LINE_BYTES;
                break Some(greeting);
            }
            start += 1 + rest[1..]
                .iter()
                .position(|byte| *byte == MAGIC[0])
                .unwrap_or(rest.len() - 1);
        };
        self.bytes.drain(..start);
        found
    }

    /// What followed the line taken last.
    pub(crate) fn into_rest(self) -> Vec<u8> {
        self.bytes
    }
}

/// Lower-case digits only: one line has one spelling.
fn hex(digits: &[u8]) -> Option<u128> {
    digits.iter().try_fold(0_u128, |value, digit| {
        let digit = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(value << 4 | u128::from(digit))
    })
}

/// CRC-32 (IEEE). Catches a line put together from two halves of others.
fn checksum(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 & 0_u32.wrapping_sub(crc & 1))
        })
    })
}

/// Searches arbitrary bytes, cut at `cut`. For the fuzz target `hello_decode`.
#[doc(hidden)]
pub fn fuzz_greeting(bytes: &[u8], cut: usize) {
    let (first, second) = bytes.split_at(cut.min(bytes.len()));
    let mut scanner = Scanner::default();
    let mut found = Vec::new();
    for part in [first, second] {
        scanner.push(part);
        while let Some(greeting) = scanner.next() {
            assert!(
                bytes
                    .windows(LINE_BYTES)
                    .any(|window| *window == greeting.encode())
            );
            found.push(greeting);
        }
        assert!(scanner.bytes.len() < LINE_BYTES);
    }
    let mut whole = Scanner::default();
    whole.push(bytes);
    for greeting in found {
        assert_eq!(whole.next(), Some(greeting));
    }
    assert_eq!(whole.next(), None);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn greeting() -> impl Strategy<Value = Greeting> {
        (
            any::<bool>(),
            0..3_usize,
            any::<u32>(),
            1..u128::MAX,
            proptest::option::of(1..u128::MAX),
        )
            .prop_map(|(host, lane, generation, epoch, answers)| Greeting {
                side: if host { Side::Host } else { Side::Guest },
                lane: Lane::ALL[lane],
                generation,
                epoch: Epoch(epoch),
                answers: answers.map(Epoch),
            })
    }

    #[test]
    fn checksum_check_value_matches_the_standard() {
        assert_eq!(checksum(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn encode_any_line_is_printable_ascii() {
        let line = Greeting {
            side: Side::Host,
            lane: Lane::Data,
            generation: 1,
            epoch: Epoch(5),
            answers: None,
        }
        .encode();
        assert!(line.iter().all(|byte| (0x20..0x7f).contains(byte)), "{line:?}");
    }

    proptest! {
        #[test]
        fn scan_garbage_and_cuts_finds_every_line(
            lines in proptest::collection::vec((greeting(), proptest::collection::vec(any::<u8>(), 0..300), 0..LINE_BYTES), 1..5),
            piece in 1..200_usize,
        ) {
            let mut bytes = Vec::new();
            for (greeting, garbage, half) in &lines {
                bytes.extend_from_slice(garbage);
                // Half a line of an earlier life, right before a whole one.
                bytes.extend_from_slice(&greeting.encode()[..*half]);
                bytes.extend_from_slice(&greeting.encode());
            }
            bytes.extend_from_slice(b"rest");
            let mut scanner = Scanner::default();
            let mut found = Vec::new();
            let mut left = bytes.as_slice();
            while found.len() < lines.len() {
                let (now, later) = left.split_at(piece.min(left.len()));
                prop_assert!(!now.is_empty());
                scanner.push(now);
                left = later;
                while found.len() < lines.len() {
                    let Some(greeting) = scanner.next() else { break };
                    found.push(greeting);
                }
            }
            prop_assert_eq!(found, lines.iter().map(|line| line.0).collect::<Vec<_>>());
            let mut rest = scanner.into_rest();
            rest.extend_from_slice(left);
            prop_assert_eq!(rest, b"rest");
        }

        #[test]
        fn scan_line_with_one_wrong_byte_finds_nothing(greeting in greeting(), at in 0..LINE_BYTES, flip in 1..=255_u8) {
            let mut line = greeting.encode();
            line[at] ^= flip;
            let mut scanner = Scanner::default();
            scanner.push(&line);
            prop_assert_eq!(scanner.next(), None);
        }
    }
}
