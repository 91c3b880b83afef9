//! Direct boot: kernel, initial RAM disk, and the kernel's command line.

use machine::{Accelerator, MachineSpec};

use super::{Flags, LanePlan, Plan};
use crate::host::Arch;

pub(crate) struct Kernel<'a> {
    pub spec: &'a MachineSpec,
    pub plan: &'a Plan,
}

impl Kernel<'_> {
    pub(crate) fn render(&self, flags: &mut Flags) {
        flags.add("-kernel", self.spec.image.kernel.as_os_str());
        flags.add("-initrd", self.spec.image.initrd.as_os_str());
        flags.add("-append", self.words().join(" "));
    }

    fn words(&self) -> Vec<String> {
        let mut words: Vec<String> = Vec::new();
        let mut add = |word: &str| words.push(word.to_owned());
        match self.plan.guest {
            Arch::Amd64 => {
                add("console=ttyS0");
                // Looking for three more serial ports takes time under emulation.
                add("8250.nr_uarts=1");
                // The timer check waits for interrupts that an emulator may deliver late.
                add("no_timer_check");
                if self.plan.accelerator == Accelerator::Tcg {
                    // The emulated counter is the host's clock; there is nothing to calibrate it against.
                    add("tsc=reliable");
                }
            }
            Arch::Arm64 => add("console=ttyAMA0"),
        }
        // Each console character is an exit from the guest; warnings and worse are still written.
        add("loglevel=4");
        // A panic ends QEMU at once, because it runs with -no-reboot.
        add("panic=-1");
        // The pool is ready before the first program asks for it.
        add("random.trust_cpu=on");
        // Self-tests of ciphers that nobody changed between build and boot.
        add("cryptomgr.notests");
        // Statistics of memory access that nobody reads, sampled for ever.
        add("damon_stat.enabled=0");
        add(match self.plan.lanes {
            LanePlan::Serial(_) => "pinnace.link=serial",
            LanePlan::KernelVsock { .. } | LanePlan::UserVsock { .. } => "pinnace.link=vsock",
        });
        add("pinnace.net=slirp");
        words.extend(self.spec.extra_cmdline.iter().cloned());
        words
    }
}
