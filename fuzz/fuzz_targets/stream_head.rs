//! Frames that hold a `StreamHead`.
#![no_main]

mod messages;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| messages::check::<protocol::StreamHead>(bytes));
