//! From a specification to a running QEMU whose control connection answers.

use std::{fs::File, io::Read, path::Path, process::ExitStatus, time::Duration};

use link::{Carrier, Link, Side};
use machine::{Accelerator, AcceleratorChoice, DriverError, DriverEvent, MachineSpec, Verdict};
use tokio::{sync::mpsc, time::timeout};

use crate::{
    accelerator,
    args::{self, Plan},
    cache::Trial,
    carriers::{self, Carriers},
    console::Console,
    driver::QemuDriver,
    endpoint::Endpoint,
    host::{Arch, HostOs},
    instance::QemuInstance,
    process::{self, Process},
    program::Program,
    qmp::Session,
    watch::{Distrust, Watch},
};

/// How long QEMU may take until its control connection works: it allocates the guest's memory before.
const LAUNCH_LIMIT: Duration = Duration::from_secs(30);

pub(crate) async fn launch(
    driver: &QemuDriver,
    spec: &MachineSpec,
    verdict: &Verdict,
    events: mpsc::UnboundedSender<DriverEvent>,
) -> Result<QemuInstance, DriverError> {
    let guest = kernel_arch(&spec.image.kernel)?;
    let accelerator = accelerator_for(guest, spec, verdict)?;
    let wish = if guest == Arch::current() {
        verdict.program.as_deref()
    } else {
        None
    };
    let program = Program::find(wish.or(driver.wish()), guest, driver.cache()).await?;
    let console = Console::open(&spec.console_log).map_err(|source| DriverError::File {
        action: "open",
        path: spec.console_log.clone(),
        source,
    })?;
    let mut carriers = Carriers::prepare(spec).await?;
    let mut monitor = carriers::listen(&spec.run_dir, "qmp")?;

    let plan = Plan {
        host: HostOs::current(),
        guest,
        accelerator,
        version: program.version,
        sandbox: program.sandbox,
        qmp: Endpoint::from(monitor.address()),
        lanes: carriers.plan,
    };
    let args = args::command_line(spec, &plan);
    tracing::debug!(program = %program.path().display(), ?args, "starting qemu");
    let process = Process::spawn(program.path(), args)
        .await
        .map_err(|source| DriverError::File {
            action: "start",
            path: program.path().to_owned(),
            source,
        })?;
    monitor.expect_pid(process.pid());
    for expected in &carriers.expected {
        expected.set(process.pid());
    }

    let attempt = Attempt {
        spec,
        program: &program,
        accelerator,
        process: &process,
    };
    let (session, qmp_events) = match attempt.connect(&mut monitor).await {
        Ok(connected) => connected,
        Err(failure) => return Err(attempt.explain(failure, driver).await),
    };
    let (link, incoming) = Link::new(
        Side::Host,
        driver.generation(),
        std::mem::take(&mut carriers.lanes),
    );
    let distrust = Distrust {
        cache: driver.cache().clone(),
        program: program.key.clone(),
        accelerator,
    };
    tokio::spawn(
        Watch {
            process: process.clone(),
            sidecar: carriers.sidecar.take(),
            session: session.clone(),
            link: link.clone(),
            console: console.clone(),
            distrust,
            events,
        }
        .run(qmp_events),
    );
    Ok(QemuInstance::new(process, session, link, incoming, console))
}

/// Reads from the kernel's first bytes which processor it is for.
fn kernel_arch(kernel: &Path) -> Result<Arch, DriverError> {
    let mut head = Vec::new();
    File::open(kernel)
        .and_then(|file| file.take(64).read_to_end(&mut head))
        .map_err(|source| DriverError::File {
            action: "read",
            path: kernel.to_owned(),
            source,
        })?;
    Arch::of_kernel(&head).ok_or_else(|| DriverError::Launch {
        program: kernel.to_owned(),
        reason: "it is neither a kernel for amd64 (ELF) nor one for arm64 (Image)".to_owned(),
    })
}

/// The verdict is about guests of the host's own kind; all others are emulated.
fn accelerator_for(guest: Arch, spec: &MachineSpec, verdict: &Verdict) -> Result<Accelerator, DriverError> {
    if guest == Arch::current() {
        return Ok(verdict.accelerator);
    }
    match spec.accelerator {
        AcceleratorChoice::Auto | AcceleratorChoice::Tcg => Ok(Accelerator::Tcg),
        AcceleratorChoice::Kvm | AcceleratorChoice::Hvf | AcceleratorChoice::Whpx => {
            Err(DriverError::AcceleratorUnusable {
                accelerator: accelerator::name(verdict.accelerator).to_owned(),
                reason: "the VM image is made for another kind of processor".to_owned(),
            })
        }
    }
}

/// A QEMU that was started and has not answered yet.
struct Attempt<'a> {
    spec: &'a MachineSpec,
    program: &'a Program,
    accelerator: Accelerator,
    process: &'a Process,
}

enum Failure {
    Ended(ExitStatus),
    Silent(String),
}

type Connected = (Session, mpsc::UnboundedReceiver<crate::qmp::RawEvent>);

impl Attempt<'_> {
    async fn connect(&self, monitor: &mut link::HostListener) -> Result<Connected, Failure> {
        let connected = async {
            let stream = monitor.connect().await.map_err(|error| error.to_string())?;
            Session::start(stream).await.map_err(|error| error.to_string())
        };
        tokio::select! {
            biased;
            connected = timeout(LAUNCH_LIMIT, connected) => match connected {
                Ok(Ok(connected)) => Ok(connected),
                // The connection ends when QEMU does, a moment before its exit is seen.
                Ok(Err(reason)) => match timeout(Duration::from_secs(2), self.process.wait()).await {
                    Ok(status) => Err(Failure::Ended(status)),
                    Err(_) => Err(Failure::Silent(reason)),
                },
                Err(_) => Err(Failure::Silent(format!("it did not answer within {} s", LAUNCH_LIMIT.as_secs()))),
            },
            status = self.process.wait() => Err(Failure::Ended(status)),
        }
    }

    /// What the user is told. A QEMU that is still there is ended.
    async fn explain(&self, failure: Failure, driver: &QemuDriver) -> DriverError {
        let program = self.program.path().to_owned();
        let status = match failure {
            Failure::Ended(status) => status,
            Failure::Silent(reason) => {
                if let Err(error) = self.process.kill() {
                    tracing::warn!(%error, pid = self.process.pid(), "failed to kill qemu");
                }
                return DriverError::Launch { program, reason };
            }
        };
        let reason = self.process.end_in_words(status);
        if self.accelerator != Accelerator::Tcg && process::aborted(status) {
            let trial = Trial {
                accelerator: self.accelerator,
                failure: Some(reason.clone()),
            };
            driver.cache().remember_trial(&self.program.key, trial);
            return DriverError::AcceleratorUnusable {
                accelerator: accelerator::name(self.accelerator).to_owned(),
                reason,
            };
        }
        let data_disk = &self.spec.data_disk;
        // QEMU has no code for it: these are the words of its lock, with the path of the disk or with its device.
        let names_disk = reason.contains(&*data_disk.to_string_lossy()) || reason.contains("drive=data");
        let lock_lost = reason.contains(" lock") && names_disk;
        if lock_lost || sys::held_by_another(data_disk) {
            return DriverError::DiskInUse {
                path: data_disk.clone(),
            };
        }
        DriverError::Launch { program, reason }
    }
}

#[cfg(unix)]
mod sys {
    use std::path::Path;

    /// Opening a file never fails for that reason here; QEMU's own lock tells.
    pub(super) fn held_by_another(_path: &Path) -> bool {
        false
    }
}

#[cfg(windows)]
mod sys {
    use std::{fs::OpenOptions, path::Path};

    /// QEMU opens a disk without sharing it for writing, so a second open for writing tells.
    pub(super) fn held_by_another(path: &Path) -> bool {
        const ERROR_SHARING_VIOLATION: i32 = 32;
        OpenOptions::new()
            .write(true)
            .open(path)
            .is_err_and(|error| error.raw_os_error() == Some(ERROR_SHARING_VIOLATION))
    }
}
