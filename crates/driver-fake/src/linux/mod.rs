//! Everything of this driver; it exists on Linux only.

mod console;
mod control_group;
mod data_disk;
mod driver;
mod instance;
mod namespace;

pub use driver::{FakeConfig, FakeDriver};
