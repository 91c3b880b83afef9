//! Bad files, missing programs, wrong places: a clear error with the next step, and nothing lost. Each case has a home of
//! its own.

mod config;
mod data_disk;
mod disk_full;
mod folders;
mod on_demand;
mod programs;
mod sockets;
mod vm_image;

use std::process::ExitCode;

use pinnace_e2e::{Case, DriverKind, Machine, run_cases};

/// A case and what boots its machine, if it comes to that.
type Fault = (DriverKind, Case);

const fn fake(name: &'static str, run: fn(&Machine) -> anyhow::Result<()>) -> Fault {
    (DriverKind::Fake, Case { name, run })
}

const fn qemu(name: &'static str, run: fn(&Machine) -> anyhow::Result<()>) -> Fault {
    (DriverKind::Qemu, Case { name, run })
}

fn main() -> ExitCode {
    let groups = [
        config::CASES,
        vm_image::CASES,
        data_disk::CASES,
        sockets::CASES,
        folders::CASES,
        on_demand::CASES,
        programs::CASES,
        disk_full::CASES,
    ];
    run_cases(groups.concat())
}
