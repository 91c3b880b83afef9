//! The accelerator and the CPU model that goes with it.

use machine::Accelerator;

use super::{Flags, Plan};
use crate::{host::Arch, version::QemuVersion};

/// From here on WHPX picks the right interrupt chip for the Windows version by itself.
const WHPX_IRQCHIP_CHOSEN: QemuVersion = QemuVersion::new(11, 0, 0);
/// From here on WHPX runs guests with the host's CPU model.
const WHPX_HOST_MODEL: QemuVersion = QemuVersion::new(11, 1, 1);

/// From here on plain emulation locks a page of guest code before it translates it. Before, a CPU that translates while
/// another one patches the kernel's code (jump labels, static calls) can keep half of an instruction, and about one boot
/// in fifty with two CPUs at once ended in a kernel panic.
const TCG_LOCKS_CODE: QemuVersion = QemuVersion::new(8, 1, 0);

pub(crate) struct Accelerated<'a> {
    pub plan: &'a Plan,
}

impl Accelerated<'_> {
    pub(crate) fn render(&self, flags: &mut Flags) {
        flags.add("-accel", self.accelerator());
        flags.add("-cpu", self.cpu_model());
    }

    fn accelerator(&self) -> &'static str {
        let Plan {
            accelerator,
            version,
            guest,
            ..
        } = self.plan;
        match accelerator {
            Accelerator::Kvm => "kvm",
            Accelerator::Hvf => "hvf",
            // The in-kernel chip hangs guests with several CPUs there; on arm64 it is the only one.
            Accelerator::Whpx if *version < WHPX_IRQCHIP_CHOSEN && *guest == Arch::Amd64 => {
                "whpx,kernel-irqchip=off"
            }
            Accelerator::Whpx => "whpx",
            Accelerator::Tcg | Accelerator::Vz | Accelerator::None if *version < TCG_LOCKS_CODE => {
                "tcg,thread=single"
            }
            Accelerator::Tcg | Accelerator::Vz | Accelerator::None => "tcg,thread=multi",
        }
    }

    fn cpu_model(&self) -> &'static str {
        let Plan {
            accelerator,
            version,
            guest,
            ..
        } = self.plan;
        match (accelerator, guest) {
            (Accelerator::Kvm | Accelerator::Hvf, _) | (Accelerator::Whpx, Arch::Arm64) => "host",
            (Accelerator::Whpx, Arch::Amd64) if *version >= WHPX_HOST_MODEL => "host",
            (Accelerator::Whpx, Arch::Amd64) => "qemu64",
            // Five levels of page tables would make each emulated page walk longer for nothing.
            (_, Arch::Amd64) => "max,la57=off",
            // The architected pointer authentication cipher is very slow to emulate.
            (_, Arch::Arm64) => "max,pauth-impdef=on",
        }
    }
}
