//! A chunked body, whole and in pieces: both ways must agree on its content and its end. The first byte says how long a
//! piece is.
#![no_main]

use engine_proxy::{BodyScanner, Framing};

/// The content, how many bytes belonged to the body, and whether it is whole; `None` where it is malformed.
fn follow(bytes: &[u8], piece: usize) -> Option<(Vec<u8>, usize, bool)> {
    let mut scanner = BodyScanner::new(Framing::Chunked);
    let (mut content, mut taken) = (Vec::new(), 0);
    for part in bytes.chunks(piece) {
        let length = scanner.scan(part, |data| content.extend_from_slice(data)).ok()?;
        assert!(length == part.len() || scanner.is_done());
        taken += length;
        if scanner.is_done() {
            break;
        }
    }
    Some((content, taken, scanner.is_done()))
}

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    if let Some((piece, bytes)) = input.split_first() {
        let (whole, pieces) = (follow(bytes, bytes.len().max(1)), follow(bytes, usize::from(*piece).max(1)));
        assert_eq!(whole, pieces);
    }
});
