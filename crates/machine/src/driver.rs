//! What a driver does.

use std::{net::IpAddr, path::PathBuf};

use async_trait::async_trait;
use link::{Incoming, Link};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use crate::{AcceleratorChoice, DriverError, LinkChoice, MachineSpec};

/// Code that can boot a machine. Small on purpose: what drivers differ in is data ([`Capabilities`]).
#[async_trait]
pub trait Driver: Send + Sync {
    /// A stable name: `qemu`, `vz`, `fake`.
    fn name(&self) -> &'static str;

    /// What this driver can do on this host.
    fn capabilities(&self) -> Capabilities;

    /// Finds the programs it needs and the accelerator that a guest really runs on. Idempotent; may take seconds the
    /// first time and remembers its verdict until the host boots again or the programs change.
    ///
    /// Fails when a program is missing or too old, naming the next step.
    async fn prepare(&self, accelerator: AcceleratorChoice) -> Result<Verdict, DriverError>;

    /// Starts the VM. The link comes up by itself once the guest agent is there. Events follow on `events`, the last
    /// one being [`DriverEvent::Exited`]. Dropping the instance kills the VM.
    async fn launch(
        &self,
        spec: &MachineSpec,
        verdict: &Verdict,
        events: mpsc::UnboundedSender<DriverEvent>,
    ) -> Result<Box<dyn Instance>, DriverError>;
}

/// A VM that was launched.
#[async_trait]
pub trait Instance: Send + Sync {
    /// The streams to its guest agent.
    fn link(&self) -> Link;

    /// The streams that its guest agent dials. Can be taken once; `None` afterwards, and from drivers whose guests
    /// never dial.
    fn incoming(&self) -> Option<Incoming> {
        None
    }

    /// The process that runs it, where there is one.
    fn pid(&self) -> Option<u32>;

    /// Stops its CPUs. Idempotent.
    async fn pause(&self) -> Result<(), DriverError>;

    /// Lets its CPUs go on, also after an I/O error stopped them. Idempotent.
    async fn resume(&self) -> Result<(), DriverError>;

    /// Ends it at once, as if the plug were pulled; flushed data stays. [`DriverEvent::Exited`] follows. Idempotent.
    async fn kill(&self) -> Result<(), DriverError>;

    /// The last lines of its console, oldest first.
    fn console_tail(&self, lines: usize) -> Vec<String>;
}

/// What happens to a VM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DriverEvent {
    /// A write to the data disk failed; the VM stands still until [`Instance::resume`].
    DiskError {
        /// Whether the host's disk is full, rather than broken.
        no_space: bool,
        /// The cause in words.
        reason: String,
    },
    /// The guest's kernel panicked.
    GuestPanicked,
    /// The accelerator gave up on the guest; it stands still for good.
    AcceleratorFailed {
        /// The cause in words.
        reason: String,
    },
    /// The VM's process is gone. Nothing follows.
    Exited(Exit),
}

/// How a VM ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exit {
    /// Whether the guest powered off by itself.
    pub clean: bool,
    /// The cause in words: exit status, and what the program wrote last.
    pub reason: String,
}

/// What a driver can do, as data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capabilities {
    /// Whether [`Instance::pause`] works.
    pub pause: bool,
    /// Whether the data disk may grow while the machine is stopped.
    pub grow_data_disk: bool,
    /// Whether the machine boots the VM image's kernel, so that the image must be there.
    pub needs_vm_image: bool,
    /// Carriers it offers, the recommended one first.
    pub links: Vec<LinkChoice>,
    /// The address at which the guest reaches the host, and with it what listens on the host's localhost only. `None`
    /// where there is no such address.
    pub host_address: Option<IpAddr>,
}

/// What CPU virtualisation the VM uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Accelerator {
    /// Linux's KVM.
    Kvm,
    /// macOS's Hypervisor.framework.
    Hvf,
    /// The Windows Hypervisor Platform.
    Whpx,
    /// Plain emulation.
    Tcg,
    /// Apple's Virtualization.framework.
    Vz,
    /// No VM: the guest agent is a process of the host.
    None,
}

/// What [`Driver::prepare`] found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// The accelerator to use.
    pub accelerator: Accelerator,
    /// Why it is not a better one, in one short sentence for people. `None` when it is the best.
    pub note: Option<String>,
    /// What was seen when the better one failed, in the words of whoever failed: for diagnosis.
    #[serde(default)]
    pub detail: Option<String>,
    /// The program that runs the VM, where there is one.
    pub program: Option<PathBuf>,
    /// That program's version.
    pub version: Option<String>,
}
