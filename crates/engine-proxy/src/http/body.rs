//! Where a body ends.

use super::{
    Framing,
    chunked::{BadChunk, Chunked},
};

/// What a run of bytes of a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Content.
    Data,
    /// What frames it.
    Framing,
}

/// Follows one body as it goes by.
#[derive(Clone, Debug)]
pub struct BodyScanner(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Length(u64),
    Chunked(Chunked),
    UntilClose,
}

impl BodyScanner {
    /// Begins before a body's first byte.
    pub fn new(framing: Framing) -> Self {
        Self(match framing {
            Framing::None => Kind::Length(0),
            Framing::Length(length) => Kind::Length(length),
            Framing::Chunked => Kind::Chunked(Chunked::new()),
            Framing::UntilClose => Kind::UntilClose,
        })
    }

    /// Whether the body is whole. Never, where only the connection's end tells.
    pub fn is_done(&self) -> bool {
        match &self.0 {
            Kind::Length(left) => *left == 0,
            Kind::Chunked(chunked) => chunked.is_done(),
            Kind::UntilClose => false,
        }
    }

    /// Whether the connection's end is the body's.
    pub fn ends_with_the_connection(&self) -> bool {
        matches!(self.0, Kind::UntilClose)
    }

    /// Takes the bytes that belong to the body off the front and returns how many those are. `data` gets the content.
    pub fn scan(&mut self, bytes: &[u8], mut data: impl FnMut(&[u8])) -> Result<usize, BadChunk> {
        match &mut self.0 {
            Kind::Length(left) => {
                let length = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                *left -= length as u64;
                data(&bytes[..length]);
                Ok(length)
            }
            Kind::UntilClose => {
                data(bytes);
                Ok(bytes.len())
            }
            Kind::Chunked(chunked) => {
                let mut taken = 0;
                while let Some((part, length)) = chunked.next_part(&bytes[taken..])? {
                    if part == Part::Data {
                        data(&bytes[taken..taken + length]);
                    }
                    taken += length;
                }
                Ok(taken)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The content, how many bytes belonged to the body, and whether it is whole.
    fn follow(framing: Framing, bytes: &[u8], cut: usize) -> Result<(Vec<u8>, usize, bool), BadChunk> {
        let mut scanner = BodyScanner::new(framing);
        let (mut content, mut taken) = (Vec::new(), 0);
        for part in bytes.chunks(cut.max(1)) {
            let length = scanner.scan(part, |data| content.extend_from_slice(data))?;
            taken += length;
            if length < part.len() {
                break;
            }
        }
        Ok((content, taken, scanner.is_done()))
    }

    fn chunked(pieces: &[Vec<u8>], extension: &str, trailer: &str) -> Vec<u8> {
        let mut bytes = Vec::new();
        for piece in pieces.iter().filter(|piece| !piece.is_empty()) {
            bytes.extend_from_slice(format!("{:x}{extension}\r\n", piece.len()).as_bytes());
            bytes.extend_from_slice(piece);
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(format!("0\r\n{trailer}\r\n").as_bytes());
        bytes
    }

    proptest! {
        #[test]
        fn chunked_body_cut_anywhere_is_followed_to_its_end(
            pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..50), 0..8),
            extension in prop_oneof![Just(""), Just(";a=b")],
            trailer in prop_oneof![Just(""), Just("A: b\r\nC: d\r\n")],
            cut in 1..40_usize,
        ) {
            let body = chunked(&pieces, extension, trailer);
            let bytes = [body.as_slice(), b"GET / HTTP/1.1"].concat();
            let (content, taken, done) = follow(Framing::Chunked, &bytes, cut).unwrap();
            prop_assert_eq!(content, pieces.concat());
            prop_assert_eq!(taken, body.len());
            prop_assert!(done);
        }

        #[test]
        fn any_bytes_do_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), cut in 1..20_usize) {
            let _ = follow(Framing::Chunked, &bytes, cut);
        }
    }

    #[test]
    fn body_of_a_length_takes_just_that() {
        assert_eq!(
            follow(Framing::Length(3), b"abcdef", 2),
            Ok((b"abc".to_vec(), 3, true))
        );
        assert_eq!(follow(Framing::None, b"abc", 2), Ok((Vec::new(), 0, true)));
        assert_eq!(
            follow(Framing::UntilClose, b"abc", 2),
            Ok((b"abc".to_vec(), 3, false))
        );
    }

    #[test]
    fn malformed_chunks_are_refused() {
        for bytes in [
            "x\r\n",
            "\r\n",
            "-1\r\n",
            "5\nhello\r\n",
            "5\r\nhello!\r\n",
            "5\r\nhello\n0\r\n\r\n",
            "ffffffffffffffff\r\n",
            "10000000000000000\r\n",
            "0x5\r\nhello\r\n",
            "5;a\nb\r\nhello",
            "0\r\nA: b\n\r\n",
            "0\r\n\rX",
        ] {
            assert!(
                follow(Framing::Chunked, bytes.as_bytes(), 100).is_err(),
                "{bytes:?}"
            );
        }
    }
}
