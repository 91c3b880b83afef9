//! QEMU's command line, as a pure function of what to boot and what was found on this host.
//!
//! One small type for each device, each rendering its own flags; [`command_line`] is only their order. Every flag is
//! there because a guest needs it or because QEMU's default would be worse; the reasons are beside them.

mod accelerated;
mod console;
mod device;
mod disk;
mod kernel;
mod lanes;
mod machine_type;
mod option;

use std::{ffi::OsString, path::PathBuf};

use machine::{Accelerator, MachineSpec};

use option::Flags;

use crate::{
    endpoint::Endpoint,
    host::{Arch, HostOs},
    version::QemuVersion,
};

/// What was found and decided before QEMU is started.
#[derive(Debug)]
pub(crate) struct Plan {
    pub host: HostOs,
    /// The guest's architecture, which is the one of the VM image's kernel.
    pub guest: Arch,
    pub accelerator: Accelerator,
    pub version: QemuVersion,
    /// Whether this QEMU was built with a system call filter.
    pub sandbox: bool,
    /// Where we listen for QEMU's control connection.
    pub qmp: Endpoint,
    pub lanes: LanePlan,
}

/// What carries the link's lanes.
#[derive(Debug)]
#[cfg_attr(
    not(target_os = "linux"),
    expect(dead_code, reason = "only Linux hosts have virtio sockets")
)]
pub(crate) enum LanePlan {
    /// Virtio-serial ports; QEMU connects to these addresses, one for each lane.
    Serial(Vec<(link::Lane, Endpoint)>),
    /// The kernel's vhost-vsock.
    KernelVsock { cid: u32 },
    /// A vhost-user device that another process serves on this socket.
    UserVsock { socket: PathBuf },
}

/// The arguments that boot `spec`.
pub(crate) fn command_line(spec: &MachineSpec, plan: &Plan) -> Vec<OsString> {
    let mut flags = Flags::default();
    machine_type::MachineType { spec, plan }.render(&mut flags);
    accelerated::Accelerated { plan }.render(&mut flags);
    kernel::Kernel { spec, plan }.render(&mut flags);
    console::Console {
        log: &spec.console_log,
    }
    .render(&mut flags);
    console::Monitor { address: &plan.qmp }.render(&mut flags);
    disk::RootDisk {
        path: &spec.image.root,
    }
    .render(&mut flags);
    disk::DataDisk {
        path: &spec.data_disk,
        host: plan.host,
    }
    .render(&mut flags);
    lanes::Lanes { plan }.render(&mut flags);
    device::Network.render(&mut flags);
    device::Entropy.render(&mut flags);
    device::Balloon { host: plan.host }.render(&mut flags);
    device::PanicNotifier { guest: plan.guest }.render(&mut flags);
    if plan.sandbox {
        device::Sandbox.render(&mut flags);
    }
    flags.into_args()
}

/// The arguments that run the probe's guest with `accelerator`: the machine type and the CPU model of the real thing,
/// and next to nothing else.
pub(crate) fn probe_command_line(
    host: HostOs,
    guest: Arch,
    accelerator: Accelerator,
    version: QemuVersion,
    kernel: &std::path::Path,
    qmp: &Endpoint,
) -> Vec<OsString> {
    let mut flags = Flags::default();
    let plan = Plan {
        host,
        guest,
        accelerator,
        version,
        sandbox: false,
        qmp: qmp.clone(),
        lanes: LanePlan::Serial(Vec::new()),
    };
    machine_type::bare(&plan, &mut flags);
    accelerated::Accelerated { plan: &plan }.render(&mut flags);
    console::Monitor { address: &plan.qmp }.render(&mut flags);
    flags.add("-m", "64M");
    flags.add("-kernel", kernel.as_os_str());
    if guest == Arch::Amd64 {
        // The guest says "I am through" by QEMU's exit status.
        flags.add("-device", "isa-debug-exit,iobase=0xf4,iosize=0x04");
    }
    flags.into_args()
}

/// Arguments whose success tells that the system call filter is there. Starts no machine.
pub(crate) fn sandbox_question() -> Vec<OsString> {
    let mut flags = Flags::default();
    device::Sandbox.render(&mut flags);
    flags.add("-machine", "help");
    flags.into_args()
}

#[cfg(test)]
mod tests;
