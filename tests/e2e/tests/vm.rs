//! Every case of the driver `fake` again, and those that only a VM can show, on one machine in QEMU.

use std::process::ExitCode;

use pinnace_e2e::{Case, DriverKind, Setup, cases, run_machine_cases};

fn main() -> ExitCode {
    // Run by a case in a container.
    if let Some(code) = cases::files::run_inside(std::env::args_os().skip(1)) {
        return code;
    }
    let mut all = cases::of_any_machine();
    all.extend_from_slice(cases::ports::SHORT_CASES);
    all.extend_from_slice(cases::ports::VM_CASES);
    // The driver `fake` has no way to the host.
    all.extend_from_slice(cases::network::CASES);
    all.extend_from_slice(cases::files::SHORT_CASES);
    all.extend_from_slice(cases::data_disk::CASES);
    all.push(Case {
        name: "random_kills_while_writing_lose_no_synced_record",
        run: cases::records::random_kills_lose_no_synced_record,
    });
    let setup = Setup {
        driver: DriverKind::Qemu,
        settings: cases::files::SETTINGS,
    };
    run_machine_cases(setup, all)
}
