//! The board: machine type, memory, processors, clock.

use machine::MachineSpec;

use super::{Flags, LanePlan, Plan, option::OptionList};
use crate::host::Arch;

pub(crate) struct MachineType<'a> {
    pub spec: &'a MachineSpec,
    pub plan: &'a Plan,
}

impl MachineType<'_> {
    pub(crate) fn render(&self, flags: &mut Flags) {
        let memory = format!("{}M", self.spec.memory_mib);
        let mut board = board(self.plan.guest);
        if matches!(self.plan.lanes, LanePlan::UserVsock { .. }) {
            // The process that serves the device reads the guest's memory.
            flags.add(
                "-object",
                OptionList::new("memory-backend-memfd,id=ram")
                    .set("size", &memory)
                    .set("share", "on"),
            );
            board = board.set("memory-backend", "ram");
        }
        start(flags, board);
        flags.add("-name", "pinnace");
        flags.add("-m", memory);
        let cpus = self.spec.cpus;
        flags.add("-smp", format!("{cpus},sockets=1,cores={cpus},threads=1"));
        flags.add("-rtc", "base=utc,clock=host");
    }
}

/// The same board with nothing on it, for the probe.
pub(crate) fn bare(plan: &Plan, flags: &mut Flags) {
    start(flags, board(plan.guest));
}

fn start(flags: &mut Flags, board: OptionList) {
    // No file of the user's and no default device changes what we boot.
    flags.switch("-nodefaults");
    flags.switch("-no-user-config");
    // A restart is a new process: guest resets are where accelerators break.
    flags.switch("-no-reboot");
    flags.add("-display", "none");
    flags.add("-machine", board);
}

fn board(guest: Arch) -> OptionList {
    match guest {
        // Without the parts that a kernel spends time on and nobody uses.
        Arch::Amd64 => OptionList::new("q35")
            .set("hpet", "off")
            .set("sata", "off")
            .set("smbus", "off")
            .set("usb", "off")
            .set("vmport", "off"),
        Arch::Arm64 => OptionList::new("virt").set("gic-version", "max"),
    }
}
