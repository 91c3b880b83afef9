//! Frames that hold a `PublicationFrame`.
#![no_main]

mod messages;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| messages::check::<protocol::PublicationFrame>(bytes));
