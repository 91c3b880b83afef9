//! One try: QEMU runs the probe's guest with an accelerator, and either the guest gets through or we learn why not.
//!
//! Accelerators fail in three ways, and all were seen: QEMU ends (`failed to set MSR`), the guest stands still with
//! an internal error that only the control connection tells, or it hangs without a word.

use std::{process::ExitStatus, time::Duration};

use link::Carrier;
use machine::Accelerator;
use qapi::qmp;
use tokio::{sync::mpsc, time::timeout};

use super::guest;
use crate::{
    args,
    endpoint::{self, Endpoint},
    host::{Arch, HostOs},
    process::{self, Process},
    program::Program,
    qmp::{RawEvent, Session},
};

/// How long QEMU may take until its control connection works. The guest does not run before that.
const LAUNCH_LIMIT: Duration = Duration::from_secs(20);

/// How long the guest may take. It executes some hundred instructions after the firmware.
const GUEST_LIMIT: Duration = Duration::from_secs(3);

/// The same for plain emulation, which works everywhere: only a broken QEMU takes that long.
const EMULATED_GUEST_LIMIT: Duration = Duration::from_secs(60);

const COMMAND_LIMIT: Duration = Duration::from_secs(3);

/// How a try ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Ran,
    /// It does not work, and will not before something changes.
    Failed(String),
    /// It did not work this time.
    Unsure(String),
}

pub(super) async fn run(program: &Program, arch: Arch, accelerator: Accelerator, host: HostOs) -> Outcome {
    attempt(program, arch, accelerator, host)
        .await
        .unwrap_or_else(|error| Outcome::Unsure(format!("failed to try it: {error}")))
}

async fn attempt(
    program: &Program,
    arch: Arch,
    accelerator: Accelerator,
    host: HostOs,
) -> std::io::Result<Outcome> {
    // Private (0700), short enough for a socket, and gone afterwards.
    let folder = tempfile::Builder::new().prefix("pinnace-").tempdir()?;
    let kernel = folder.path().join("probe");
    std::fs::write(&kernel, guest::kernel(arch))?;
    let mut listener = link::host_listener(endpoint::listen_address(folder.path(), "qmp"))?;
    let qmp = Endpoint::from(listener.address());
    let args = args::probe_command_line(host, arch, accelerator, program.version, &kernel, &qmp);
    let process = Process::spawn(program.path(), args).await?;
    listener.expect_pid(process.pid());

    let connected = async {
        let stream = listener.connect().await?;
        Session::start(stream).await.map_err(std::io::Error::other)
    };
    let (session, events) = tokio::select! {
        biased;
        connected = timeout(LAUNCH_LIMIT, connected) => match connected {
            Ok(Ok(connected)) => connected,
            // The connection ends when QEMU does; how it ended tells more. A guest that is through is gone too.
            Ok(Err(error)) => return Ok(match timeout(COMMAND_LIMIT, process.wait()).await {
                Ok(status) => of_exit(&process, status, arch),
                Err(_) => Outcome::Unsure(error.to_string()),
            }),
            Err(_) => return Ok(Outcome::Unsure(format!("QEMU did not answer within {} s", LAUNCH_LIMIT.as_secs()))),
        },
        status = process.wait() => return Ok(of_exit(&process, status, arch)),
    };
    let limit = if accelerator == Accelerator::Tcg {
        EMULATED_GUEST_LIMIT
    } else {
        GUEST_LIMIT
    };
    let outcome = tokio::select! {
        biased;
        status = process.wait() => of_exit(&process, status, arch),
        () = stopped_by_error(&session, events) => Outcome::Failed(internal_error(&process)),
        () = tokio::time::sleep(limit) => {
            Outcome::Unsure(format!("a small guest did not get through within {} s", limit.as_secs()))
        }
    };
    process.kill()?;
    Ok(outcome)
}

fn of_exit(process: &Process, status: ExitStatus, arch: Arch) -> Outcome {
    if status.code() == Some(guest::success_status(arch)) {
        Outcome::Ran
    } else {
        // By its own decision or by giving up: the same would happen again.
        let words = process.end_in_words(status);
        if status.code().is_some() || process::aborted(status) {
            Outcome::Failed(words)
        } else {
            Outcome::Unsure(words)
        }
    }
}

fn internal_error(process: &Process) -> String {
    // A dump of all registers follows the line that says what it was.
    process
        .first_error()
        .unwrap_or_else(|| "the guest stopped with an internal error".to_owned())
}

/// Resolves when the machine stands still by an error of the accelerator; never otherwise.
async fn stopped_by_error(session: &Session, mut events: mpsc::UnboundedReceiver<RawEvent>) {
    // It may have stopped before anybody listened.
    loop {
        if let Ok(status) = session.execute(qmp::query_status {}, COMMAND_LIMIT).await
            && status.status == qmp::RunState::internal_error
        {
            return;
        }
        loop {
            match events.recv().await {
                Some(event) if event.name == "STOP" => break,
                Some(_) => {}
                // The exit is noticed elsewhere.
                None => std::future::pending().await,
            }
        }
    }
}
