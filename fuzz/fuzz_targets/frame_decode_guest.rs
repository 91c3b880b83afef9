//! Frames that hold a `GuestFrame`.
#![no_main]

mod messages;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| messages::check::<protocol::GuestFrame>(bytes));
