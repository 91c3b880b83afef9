//! Heads of requests and responses. What is read must read the same when it was written again: the guard and the engine
//! see one request, not two.
#![no_main]

use engine_proxy::{RequestHead, ResponseHead};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(Some((head, length))) = RequestHead::parse(bytes) {
        assert!(length <= bytes.len());
        let written = head.encode();
        assert_eq!(RequestHead::parse(&written), Ok(Some((head.clone(), written.len()))));
        let _ = engine_proxy::Call::of(&head.method, &head.target);
    }
    if let Ok(Some((head, length))) = ResponseHead::parse(bytes) {
        assert!(length <= bytes.len());
        let written = head.encode();
        assert_eq!(ResponseHead::parse(&written), Ok(Some((head, written.len()))));
    }
});
