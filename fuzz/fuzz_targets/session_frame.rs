//! The frames of a container session in both directions, in pieces. The first two bytes say how long a piece is.
#![no_main]

use api::{AgentFrame, ClientFrame, SessionFrame, SessionFrameDecoder};

fn split(input: &[u8]) -> Option<(usize, &[u8])> {
    let (size, bytes) = input.split_first_chunk::<2>()?;
    Some((usize::from(u16::from_le_bytes(*size)), bytes))
}

/// What was read is written and read again the same; what is refused ends the stream.
fn decode<F: SessionFrame + PartialEq + std::fmt::Debug>(bytes: &[u8], piece: usize) {
    let mut decoder = SessionFrameDecoder::<F>::default();
    for part in bytes.chunks(piece.max(1)) {
        decoder.push(part);
        loop {
            match decoder.next_frame() {
                Ok(Some(frame)) => again(frame),
                Ok(None) => break,
                Err(_) => return,
            }
        }
    }
}

fn again<F: SessionFrame + PartialEq + std::fmt::Debug>(frame: F) {
    let bytes = frame.encode();
    let mut decoder = SessionFrameDecoder::<F>::default();
    decoder.push(&bytes);
    // Empty data needs no frame; a message that is too long is cut.
    if let Ok(Some(read)) = decoder.next_frame() {
        assert_eq!(read.encode(), bytes);
    }
}

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    if let Some((piece, bytes)) = split(input) {
        decode::<ClientFrame>(bytes, piece);
        decode::<AgentFrame>(bytes, piece);
    }
});
