//! HTTP/1 as far as a relay needs it: heads, and where bodies end. Knows no streams.

mod body;
mod chunked;
mod head;

pub use body::{BodyScanner, Part};
pub use chunked::BadChunk;
pub use head::{Framing, HeadError, MAX_HEAD_BYTES, RequestHead, ResponseHead};
