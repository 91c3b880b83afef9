//! Requests of the guest's kernel, or of whoever is in its place, to the file server.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fileserver::fuzzing::fuzz_request(bytes));
