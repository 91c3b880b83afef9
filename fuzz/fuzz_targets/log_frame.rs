//! A container's mixed outputs, in pieces. The first byte says how long a piece is.
#![no_main]

use engine_client::LogFrameDecoder;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let Some((piece, bytes)) = input.split_first() else { return };
    let mut decoder = LogFrameDecoder::default();
    let mut content = 0;
    for part in bytes.chunks(usize::from(*piece).max(1)) {
        let mut part = part;
        loop {
            match decoder.next(&mut part) {
                Ok(Some(frame)) => content += frame.bytes.len(),
                Ok(None) => break,
                Err(_) => return,
            }
        }
        assert!(part.is_empty());
    }
    assert!(content <= bytes.len());
});
