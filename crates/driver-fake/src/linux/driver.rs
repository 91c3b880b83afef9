//! The driver: what it needs from the host, and a launch from the first file to the running guest agent.

use std::{
    fs, io,
    net::Ipv4Addr,
    os::unix::fs::{DirBuilderExt, MetadataExt},
    path::{Path, PathBuf},
};

use async_trait::async_trait;
use link::{Carrier, HostAddress, Lane, Link, Side};
use machine::{
    Accelerator, AcceleratorChoice, Capabilities, Driver, DriverError, DriverEvent, Instance, LinkChoice,
    MachineSpec, Verdict,
};
use platform::TiedChild;
use tokio::sync::mpsc;

use super::{
    console,
    control_group::ControlGroups,
    data_disk,
    instance::FakeInstance,
    namespace::{self, Entry},
};

const NAME: &str = "fake";

/// Where a VM would find the host: the guest's default route leads there, see `enter.sh`.
const GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 2);

/// What the driver is given by the program that composes it.
#[derive(Clone, Debug)]
pub struct FakeConfig {
    /// The guest agent's program. It runs on the root disk's libraries, so it is static or built against an older libc.
    pub guest_agent: PathBuf,
    /// The protocol generation that both ends must agree on.
    pub generation: u32,
}

/// Runs the guest agent as an ordinary process in private namespaces.
#[derive(Debug)]
pub struct FakeDriver {
    config: FakeConfig,
}

impl FakeDriver {
    /// Makes the driver. Nothing is touched before [`Driver::prepare`].
    pub fn new(config: FakeConfig) -> Self {
        Self { config }
    }
}

#[async_trait]
impl Driver for FakeDriver {
    fn name(&self) -> &'static str {
        NAME
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            pause: true,
            grow_data_disk: false,
            needs_vm_image: true,
            // Unix sockets, whose end of a connection behaves as that of a serial port.
            links: vec![LinkChoice::Serial],
            // As in a VM. Nothing answers there: the namespace has no way out.
            host_address: Some(GATEWAY.into()),
        }
    }

    async fn prepare(&self, _accelerator: AcceleratorChoice) -> Result<Verdict, DriverError> {
        let uid = fs::metadata("/proc/self")
            .map_err(|source| file_error("read", "/proc/self", source))?
            .uid();
        if uid != 0 {
            return Err(DriverError::Unsupported {
                driver: NAME,
                action: "make namespaces without root",
            });
        }
        for program in namespace::PROGRAMS {
            if namespace::find_program(program).is_none() {
                return Err(DriverError::ProgramMissing {
                    program: program.to_owned(),
                    hint: "install the packages util-linux and e2fsprogs".to_owned(),
                });
            }
        }
        if !self.config.guest_agent.is_file() {
            return Err(DriverError::ProgramMissing {
                program: self.config.guest_agent.display().to_string(),
                hint: "build it with `cargo build -p pinnace-guest-agent`".to_owned(),
            });
        }
        Ok(Verdict {
            accelerator: Accelerator::None,
            note: Some("no VM: the engine runs on this host's kernel".to_owned()),
            detail: None,
            program: Some(self.config.guest_agent.clone()),
            version: None,
        })
    }

    async fn launch(
        &self,
        spec: &MachineSpec,
        _verdict: &Verdict,
        events: mpsc::UnboundedSender<DriverEvent>,
    ) -> Result<Box<dyn Instance>, DriverError> {
        let root_mount_point = spec.run_dir.join("root");
        let lanes = spec.run_dir.join("lanes");
        for folder in [&root_mount_point, &lanes] {
            let created = fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
            created.map_err(|source| file_error("create", folder, source))?;
        }
        // First, since it ends what a crash left behind, which may hold the data disk.
        let groups = ControlGroups::create(&group_name(&spec.run_dir)?)
            .await
            .map_err(|source| file_error("prepare control groups for", &spec.run_dir, source))?;
        match self.enter(spec, &root_mount_point, &lanes, &groups).await {
            Ok((child, link)) => Ok(Box::new(FakeInstance::watch(
                child,
                link,
                groups,
                spec.data_disk.clone(),
                spec.console_log.clone(),
                events,
            ))),
            Err(error) => {
                if let Err(error) = groups.remove().await {
                    tracing::warn!(%error, "control groups left behind");
                }
                Err(error)
            }
        }
    }
}

impl FakeDriver {
    /// Takes the data disk and starts the namespaces in the control groups.
    async fn enter(
        &self,
        spec: &MachineSpec,
        root_mount_point: &Path,
        lanes: &Path,
        groups: &ControlGroups,
    ) -> Result<(TiedChild, Link), DriverError> {
        let lock = data_disk::claim(&spec.data_disk).await?;
        let console = console::open(&spec.console_log);
        let console = console.map_err(|source| file_error("open", &spec.console_log, source))?;
        let link = listen(lanes, self.config.generation)?;
        let entry = Entry {
            root_disk: &spec.image.root,
            root_mount_point,
            data_disk: &spec.data_disk,
            lanes,
            guest_agent: &self.config.guest_agent,
            groups,
        };
        let child = namespace::command(&entry, lock, console)
            .and_then(TiedChild::spawn)
            .map_err(|source| DriverError::Launch {
                program: self.config.guest_agent.clone(),
                reason: source.to_string(),
            })?;
        tracing::info!(pid = child.pid(), "namespaces started");
        Ok((child, link))
    }
}

/// Listens for each lane before the guest agent exists, so that it never finds nobody.
fn listen(lanes: &Path, generation: u32) -> Result<Link, DriverError> {
    let mut carriers: Vec<(Lane, Box<dyn Carrier>)> = Vec::new();
    for lane in Lane::ALL {
        let path = lanes.join(format!("{}.sock", lane.name()));
        let listener = link::host_listener(HostAddress::Unix(path.clone()));
        carriers.push((
            lane,
            Box::new(listener.map_err(|source| file_error("listen on", &path, source))?),
        ));
    }
    // Nothing dials the host yet: what the guest tells comes as events on the control stream.
    let (link, _incoming) = Link::new(Side::Host, generation, carriers);
    Ok(link)
}

/// A name that is the same at every launch of this machine and of no other: the sockets' folder is the machine's own.
fn group_name(run_dir: &Path) -> Result<String, DriverError> {
    let folder = fs::metadata(run_dir).map_err(|source| file_error("read", run_dir, source))?;
    Ok(format!("pinnace-fake-{:x}-{:x}", folder.dev(), folder.ino()))
}

fn file_error(action: &'static str, path: impl AsRef<Path>, source: io::Error) -> DriverError {
    DriverError::File {
        action,
        path: path.as_ref().to_owned(),
        source,
    }
}
