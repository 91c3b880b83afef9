//! A stream's chunks, in pieces. The first two bytes say how long a piece is.
#![no_main]

fn split(input: &[u8]) -> Option<(usize, &[u8])> {
    let (size, bytes) = input.split_first_chunk::<2>()?;
    Some((usize::from(u16::from_le_bytes(*size)), bytes))
}

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    if let Some((piece, bytes)) = split(input) {
        link::fuzzing::fuzz_chunk(bytes, piece);
    }
});
