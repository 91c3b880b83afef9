//! What carries the link of one machine, made before QEMU starts.

use std::path::Path;

use link::{Carrier, ExpectedPid, Lane};
use machine::{DriverError, LinkChoice, MachineSpec};

use crate::{
    args::LanePlan,
    endpoint::{self, Endpoint},
    process::Process,
};

/// The host's end of every lane.
pub(crate) struct Carriers {
    pub plan: LanePlan,
    pub lanes: Vec<(Lane, Box<dyn Carrier>)>,
    /// To be told QEMU's process id: nobody else may connect.
    pub expected: Vec<ExpectedPid>,
    /// The process that serves the vsock device, where there is one.
    pub sidecar: Option<Process>,
}

impl Carriers {
    pub(crate) async fn prepare(spec: &MachineSpec) -> Result<Self, DriverError> {
        match spec.link {
            LinkChoice::Auto | LinkChoice::Serial => Self::serial(&spec.run_dir),
            #[cfg(target_os = "linux")]
            LinkChoice::Vsock => crate::vsock::prepare(&spec.run_dir).await,
            #[cfg(not(target_os = "linux"))]
            LinkChoice::Vsock => Err(DriverError::Unsupported {
                driver: "qemu",
                action: "offer vsock on this host",
            }),
        }
    }

    fn serial(run_dir: &Path) -> Result<Self, DriverError> {
        let mut carriers = Self {
            plan: LanePlan::Serial(Vec::new()),
            lanes: Vec::new(),
            expected: Vec::new(),
            sidecar: None,
        };
        let mut addresses = Vec::new();
        for lane in Lane::ALL {
            let listener = listen(run_dir, lane.name())?;
            addresses.push((lane, Endpoint::from(listener.address())));
            carriers.expected.push(listener.expected_pid());
            carriers.lanes.push((lane, Box::new(listener)));
        }
        carriers.plan = LanePlan::Serial(addresses);
        Ok(carriers)
    }
}

/// Listens for QEMU under a name in the machine's folder.
pub(crate) fn listen(run_dir: &Path, name: &str) -> Result<link::HostListener, DriverError> {
    link::host_listener(endpoint::listen_address(run_dir, name)).map_err(|source| DriverError::File {
        action: "listen in",
        path: run_dir.join(name),
        source,
    })
}
