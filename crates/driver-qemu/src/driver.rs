//! The driver's face.

use std::{
    net::Ipv4Addr,
    path::{Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use machine::{
    AcceleratorChoice, Capabilities, Driver, DriverError, DriverEvent, Instance, LinkChoice, MachineSpec,
    Verdict,
};
use tokio::sync::mpsc;

use crate::{
    accelerator::Chooser,
    cache::Cache,
    host::{Arch, HostOs},
    launch,
    program::Program,
};

/// The host in QEMU's user network (QEMU's documentation, "Using the user mode network stack").
const GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 2);

/// What the driver has to know.
#[derive(Clone, Debug)]
pub struct QemuConfig {
    /// Where it keeps what it learned about accelerators. Made when it is missing.
    pub cache_dir: PathBuf,
    /// QEMU's program, or a folder of its programs. `None` takes `PINNACE_QEMU`, and without it looks beside our own
    /// program, on the search path, and where QEMU's installers put it.
    pub program: Option<PathBuf>,
    /// The protocol's generation, which the link's two ends compare.
    pub generation: u32,
}

/// Boots machines with QEMU.
#[derive(Debug)]
pub struct QemuDriver {
    wish: Option<PathBuf>,
    generation: u32,
    cache: Arc<Cache>,
    chooser: Chooser,
}

impl QemuDriver {
    /// A driver that has looked at nothing yet.
    pub fn new(config: QemuConfig) -> Self {
        let named = std::env::var_os("PINNACE_QEMU")
            .filter(|path| !path.is_empty())
            .map(PathBuf::from);
        Self {
            wish: config.program.or(named),
            generation: config.generation,
            cache: Arc::new(Cache::new(config.cache_dir)),
            chooser: Chooser::default(),
        }
    }

    pub(crate) fn wish(&self) -> Option<&Path> {
        self.wish.as_deref()
    }

    pub(crate) fn generation(&self) -> u32 {
        self.generation
    }

    pub(crate) fn cache(&self) -> &Arc<Cache> {
        &self.cache
    }
}

#[async_trait]
impl Driver for QemuDriver {
    fn name(&self) -> &'static str {
        "qemu"
    }

    fn capabilities(&self) -> Capabilities {
        let mut links = vec![LinkChoice::Serial];
        if HostOs::current() == HostOs::Linux {
            links.push(LinkChoice::Vsock);
        }
        Capabilities {
            pause: true,
            grow_data_disk: true,
            needs_vm_image: true,
            links,
            host_address: Some(GATEWAY.into()),
        }
    }

    async fn prepare(&self, accelerator: AcceleratorChoice) -> Result<Verdict, DriverError> {
        let arch = Arch::current();
        let program = Program::find(self.wish(), arch, &self.cache).await?;
        self.chooser
            .choose(&program, arch, accelerator, &self.cache)
            .await
    }

    async fn launch(
        &self,
        spec: &MachineSpec,
        verdict: &Verdict,
        events: mpsc::UnboundedSender<DriverEvent>,
    ) -> Result<Box<dyn Instance>, DriverError> {
        Ok(Box::new(launch::launch(self, spec, verdict, events).await?))
    }
}
