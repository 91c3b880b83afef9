//! Ports of containers on the host, on one machine of the driver `fake`.

use std::process::ExitCode;

use pinnace_e2e::{DriverKind, cases, run_machine_cases};

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    // Run by a case in a container, as the server there.
    if args.next().is_some_and(|arg| arg == cases::ports::HOLD) {
        return match cases::ports::hold(args) {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        };
    }
    cases::endpoint_faults::raise_file_limit();
    let all = [cases::ports::SHORT_CASES, cases::ports::LONG_CASES];
    run_machine_cases(DriverKind::Fake, all.concat())
}
