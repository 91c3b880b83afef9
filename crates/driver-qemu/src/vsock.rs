//! The vsock link of a Linux host: the kernel's vhost-vsock, or the program `vhost-device-vsock` beside QEMU.

use std::{
    env, fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use link::{Carrier, Lane};
use machine::DriverError;

use crate::{args::LanePlan, carriers::Carriers, process::Process};

const DEVICE: &str = "/dev/vhost-vsock";
const PROGRAM: &str = "vhost-device-vsock";

/// How long the program may take to listen.
const READY_LIMIT: Duration = Duration::from_secs(10);

/// Counts the machines of this process, so that each has a context id of its own.
static MACHINES: AtomicU32 = AtomicU32::new(0);

/// Makes the lanes ready for a machine whose sockets are in `run_dir`.
pub(crate) async fn prepare(run_dir: &Path) -> Result<Carriers, DriverError> {
    if fs::OpenOptions::new().read(true).write(true).open(DEVICE).is_ok() {
        let cid = context_id();
        let lanes = Lane::ALL.map(|lane| (lane, Box::new(link::vsock_dialer(cid, lane)) as Box<dyn Carrier>));
        return Ok(Carriers {
            plan: LanePlan::KernelVsock { cid },
            lanes: lanes.into(),
            expected: Vec::new(),
            sidecar: None,
        });
    }
    let program = find_program()?;
    let socket = run_dir.join("vhost-vsock.sock");
    let bridge = run_dir.join("vsock.sock");
    for stale in [&socket, &bridge] {
        match fs::remove_file(stale) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                return Err(DriverError::File {
                    action: "remove",
                    path: stale.clone(),
                    source,
                });
            }
            _ => {}
        }
    }
    let args = vec![
        "--guest-cid".into(),
        "3".into(),
        "--socket".into(),
        socket.clone().into(),
        "--uds-path".into(),
        bridge.clone().into(),
    ];
    let sidecar = Process::spawn(&program, args)
        .await
        .map_err(|source| DriverError::File {
            action: "start",
            path: program.clone(),
            source,
        })?;
    wait_until_ready(&sidecar, &program, &socket).await?;
    let lanes = Lane::ALL.map(|lane| {
        (
            lane,
            Box::new(link::vsock_bridge(bridge.clone(), lane)) as Box<dyn Carrier>,
        )
    });
    Ok(Carriers {
        plan: LanePlan::UserVsock { socket },
        lanes: lanes.into(),
        expected: Vec::new(),
        sidecar: Some(sidecar),
    })
}

/// A context id that no other machine of this host is likely to have; QEMU refuses one that is taken.
fn context_id() -> u32 {
    let machine = MACHINES.fetch_add(1, Ordering::Relaxed) & 0xff;
    // 0 to 2 are reserved; process ids need 22 bits.
    0x4000_0000 | (std::process::id() << 8 & 0x3fff_ff00) | machine
}

fn find_program() -> Result<PathBuf, DriverError> {
    let search_path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&search_path)
        .filter(|folder| folder.is_absolute())
        .chain(["/usr/libexec".into(), "/usr/lib/qemu".into()])
        .map(|folder| folder.join(PROGRAM))
        .find(|path| path.is_file())
        .ok_or_else(|| DriverError::ProgramMissing {
            program: PROGRAM.to_owned(),
            hint: format!(
                "install it, load the kernel module vhost_vsock for {DEVICE}, or set `link = \"serial\"`"
            ),
        })
}

async fn wait_until_ready(sidecar: &Process, program: &Path, socket: &Path) -> Result<(), DriverError> {
    let failed = |reason| DriverError::Launch {
        program: program.to_owned(),
        reason,
    };
    let listening = async {
        while !socket.exists() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::select! {
        () = listening => Ok(()),
        status = sidecar.wait() => Err(failed(sidecar.end_in_words(status))),
        () = tokio::time::sleep(READY_LIMIT) => {
            Err(failed(format!("it does not listen after {} s", READY_LIMIT.as_secs())))
        }
    }
}
