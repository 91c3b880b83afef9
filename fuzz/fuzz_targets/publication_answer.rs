//! Frames that hold a `PublicationAnswer`.
#![no_main]

mod messages;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| messages::check::<protocol::PublicationAnswer>(bytes));
