//! The cases that hold for every driver, by what they are about.

mod builds;
mod commands;
mod concurrency;
pub mod conformance;
mod containers;
pub mod data_disk;
pub mod endpoint_faults;
pub mod files;
pub mod flags;
mod lifecycle;
pub mod network;
pub mod ports;
pub mod recovery;
pub mod registries;
mod stacks;
pub mod stopping;
mod streams;

use crate::Case;

pub mod records;

/// Every case of a running machine, in an order that leaves the costly ones for last.
pub fn of_any_machine() -> Vec<Case> {
    [
        commands::CASES,
        containers::CASES,
        streams::CASES,
        builds::CASES,
        stacks::CASES,
        stopping::SHORT_CASES,
        concurrency::CASES,
        lifecycle::CASES,
        recovery::CASES,
    ]
    .concat()
}
