//! What holds for every kind of message: no panic, and what was decoded is encoded and decoded again to the same.

use std::fmt::Debug;

use protocol::{FrameDecoder, encode};

/// Decodes `bytes` in two parts.
pub fn check<M>(bytes: &[u8])
where
    M: serde::Serialize + serde::de::DeserializeOwned + PartialEq + Debug,
{
    let (first, second) = bytes.split_at(bytes.len() / 2);
    let mut decoder = FrameDecoder::<M>::default();
    for part in [first, second] {
        decoder.push(part);
        loop {
            match decoder.next_message() {
                Ok(Some(message)) => {
                    let mut again = FrameDecoder::<M>::default();
                    // A message may be longer when encoded than it came only within the limit of a frame.
                    let Ok(encoded) = encode(&message) else { continue };
                    again.push(&encoded);
                    assert_eq!(again.next_message().ok().flatten(), Some(message));
                }
                Ok(None) => break,
                Err(_) => return,
            }
        }
    }
}
