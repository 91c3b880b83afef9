//! The host agent as a process of its own, without a machine.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod sys;
