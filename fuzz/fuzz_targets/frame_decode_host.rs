//! Frames that hold a `HostFrame`.
#![no_main]

mod messages;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| messages::check::<protocol::HostFrame>(bytes));
