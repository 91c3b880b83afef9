//! The harness: names, filters and summary as `cargo test` has them; cases run one after another.

use std::{
    process::ExitCode,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::{Context, Result};
use libtest_mimic::{Arguments, Conclusion, Failed, Trial};

use crate::{DriverKind, Machine};

/// One case.
#[derive(Clone, Copy)]
pub struct Case {
    /// `action_condition_result`.
    pub name: &'static str,
    /// Arranges, acts, asserts.
    pub run: fn(&Machine) -> Result<()>,
}

/// What the machine of a run is.
#[derive(Clone, Copy)]
pub struct Setup {
    /// What boots it.
    pub driver: DriverKind,
    /// Settings beside the driver's, as lines of the settings file.
    pub settings: &'static str,
}

impl From<DriverKind> for Setup {
    fn from(driver: DriverKind) -> Self {
        Self { driver, settings: "" }
    }
}

/// The machine of a run: booted for the first case that is selected.
enum Shared {
    NotBooted,
    Booted(Box<Machine>),
    /// It did not boot; every case fails with this.
    Broken(String),
}

/// Runs cases on one machine, then ends it and checks that nothing is left.
pub fn run_machine_cases(setup: impl Into<Setup>, cases: impl IntoIterator<Item = Case>) -> ExitCode {
    let setup = setup.into();
    let shared = Arc::new(Mutex::new(Shared::NotBooted));
    let trials = cases.into_iter().map(|case| {
        let shared = shared.clone();
        Trial::test(case.name, move || {
            let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
            let machine = boot_once(&mut shared, setup)?;
            let mark = machine.home.journal().mark();
            let result = machine
                .ensure_running()
                .context("before the case")
                .and_then(|()| (case.run)(machine));
            result.map_err(|error| failed(&error, machine, mark))
        })
    });
    let conclusion = run(trials.collect());
    let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
    if let Shared::Booted(machine) = std::mem::replace(&mut *shared, Shared::NotBooted) {
        let mark = machine.home.journal().mark();
        if let Err(error) = machine.finish() {
            report_after_run(&failed(&error, &machine, mark));
            return ExitCode::FAILURE;
        }
    }
    conclusion.exit_code()
}

/// Runs cases that make their own homes. Each gets a prepared machine of its own that is not started.
pub fn run_cases(cases: impl IntoIterator<Item = (DriverKind, Case)>) -> ExitCode {
    let trials = cases.into_iter().map(|(driver, case)| {
        Trial::test(case.name, move || {
            let machine = Machine::prepare(driver).map_err(|error| Failed::from(format!("{error:#}")))?;
            let result = (case.run)(&machine).and_then(|()| machine.finish());
            result.map_err(|error| failed(&error, &machine, 0))
        })
    });
    run(trials.collect()).exit_code()
}

fn run(trials: Vec<Trial>) -> Conclusion {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = Some(1);
    libtest_mimic::run(&arguments, trials)
}

fn boot_once(shared: &mut Shared, setup: Setup) -> Result<&Machine, Failed> {
    if let Shared::NotBooted = shared {
        *shared = match Machine::prepare_with(setup.driver, setup.settings) {
            Ok(machine) => match machine.start().and_then(|()| machine.docker.import_image()) {
                Ok(()) => Shared::Booted(Box::new(machine)),
                Err(error) => Shared::Broken(
                    failed(&error, &machine, 0)
                        .message()
                        .unwrap_or_default()
                        .to_owned(),
                ),
            },
            Err(error) => Shared::Broken(format!("{error:#}")),
        };
    }
    match shared {
        Shared::Booted(machine) => Ok(machine),
        Shared::Broken(reason) => Err(format!("the machine did not boot: {reason}").into()),
        Shared::NotBooted => unreachable!("it was just booted"),
    }
}

/// The error with what led to it.
fn failed(error: &anyhow::Error, machine: &Machine, mark: usize) -> Failed {
    format!(
        "{error:#}\n{}\n{}",
        machine.home.journal().since(mark),
        machine.pinnace.log_tails()
    )
    .into()
}

#[expect(
    clippy::print_stderr,
    reason = "the harness has printed its summary, and this comes after it"
)]
fn report_after_run(failure: &Failed) {
    eprintln!(
        "the end of the machine failed: {}",
        failure.message().unwrap_or_default()
    );
}
