//! What the guard reads of a request that makes a container.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = engine_proxy::guard::CreateFacts::read("Docker-Client/28.5.2 (linux)", bytes);
});
