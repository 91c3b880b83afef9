//! Every case that needs no VM, on one machine of the driver `fake`.

use std::process::ExitCode;

use pinnace_e2e::{Case, DriverKind, cases, run_machine_cases};

fn main() -> ExitCode {
    let mut all = cases::of_any_machine();
    // It takes two minutes of waiting and shows nothing else in a VM.
    all.push(Case {
        name: "hung_dockerd_is_noticed_and_restarted",
        run: cases::recovery::hung_dockerd_is_restarted,
    });
    all.extend_from_slice(cases::flags::CASES);
    all.extend_from_slice(cases::registries::CASES);
    run_machine_cases(DriverKind::Fake, all)
}
