//! Folders of the host in containers, on one machine of the driver `fake` that has the user's home.

use std::process::ExitCode;

use pinnace_e2e::{DriverKind, Setup, cases, run_machine_cases};

fn main() -> ExitCode {
    // Run by a case in a container.
    if let Some(code) = cases::files::run_inside(std::env::args_os().skip(1)) {
        return code;
    }
    let setup = Setup {
        driver: DriverKind::Fake,
        settings: cases::files::SETTINGS,
    };
    let all = [cases::files::SHORT_CASES, cases::files::LONG_CASES];
    run_machine_cases(setup, all.concat())
}
