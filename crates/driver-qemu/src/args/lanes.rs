//! What carries the link: virtio-serial ports or a vsock device.

use super::{Flags, LanePlan, Plan, console::socket_client, option::OptionList};
use crate::version::QemuVersion;

/// Ports that the device offers: a few more than are used, because the first is kept for a console.
const MAX_PORTS: u32 = 8;

/// `reconnect` in whole seconds was replaced by `reconnect-ms` here, and is gone later.
const RECONNECT_IN_MS: QemuVersion = QemuVersion::new(9, 2, 0);

pub(crate) struct Lanes<'a> {
    pub plan: &'a Plan,
}

impl Lanes<'_> {
    pub(crate) fn render(&self, flags: &mut Flags) {
        match &self.plan.lanes {
            LanePlan::Serial(lanes) => {
                flags.add(
                    "-device",
                    format!("virtio-serial-pci,id=lanes,max_ports={MAX_PORTS}"),
                );
                for (number, (lane, address)) in (1..).zip(lanes) {
                    let id = format!("lane-{}", lane.name());
                    let (key, value) = if self.plan.version >= RECONNECT_IN_MS {
                        ("reconnect-ms", "500")
                    } else {
                        ("reconnect", "1")
                    };
                    flags.add("-chardev", socket_client(&id, address).set(key, value));
                    flags.add(
                        "-device",
                        OptionList::new("virtserialport,bus=lanes.0")
                            .set("nr", number.to_string())
                            .set("chardev", &id)
                            .set("name", lane.port_name()),
                    );
                }
            }
            LanePlan::KernelVsock { cid } => {
                flags.add("-device", format!("vhost-vsock-pci,guest-cid={cid}"));
            }
            LanePlan::UserVsock { socket } => {
                flags.add(
                    "-chardev",
                    OptionList::new("socket,id=vsock")
                        .set("path", socket)
                        .set("server", "off"),
                );
                flags.add("-device", "vhost-user-vsock-pci,chardev=vsock");
            }
        }
    }
}
