//! What stops a container, on one machine of the driver `fake` whose guard waits less than usual.

use std::process::ExitCode;

use pinnace_e2e::{DriverKind, Setup, cases, run_machine_cases};

fn main() -> ExitCode {
    let setup = Setup {
        driver: DriverKind::Fake,
        settings: cases::stopping::SETTINGS,
    };
    cases::endpoint_faults::raise_file_limit();
    let all = [
        &cases::stopping::cases(),
        cases::conformance::CASES,
        cases::endpoint_faults::CASES,
    ];
    run_machine_cases(setup, all.concat())
}
