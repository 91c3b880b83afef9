//! One command line for each kind of host, whole.

use std::path::PathBuf;

use link::Lane;
use machine::{AcceleratorChoice, LinkChoice, VmImagePaths};

use super::*;

fn spec() -> MachineSpec {
    MachineSpec {
        cpus: 2,
        memory_mib: 2048,
        image: VmImagePaths {
            kernel: "/image/vmlinux".into(),
            initrd: "/image/initrd".into(),
            root: "/image/root.erofs".into(),
        },
        data_disk: "/home/a,b/data.raw".into(),
        run_dir: "/run/p".into(),
        console_log: "/logs/console.log".into(),
        accelerator: AcceleratorChoice::Auto,
        link: LinkChoice::Auto,
        extra_cmdline: vec!["debug".to_owned()],
    }
}

fn plan(host: HostOs, guest: Arch, accelerator: Accelerator, version: QemuVersion) -> Plan {
    let endpoint = |port: u16, name: &str| match host {
        HostOs::Windows => Endpoint::Tcp(([127, 0, 0, 1], port).into()),
        HostOs::Linux | HostOs::Macos => Endpoint::Unix(PathBuf::from(format!("/run/p/{name}.sock"))),
    };
    let lanes = (5001..)
        .zip(Lane::ALL)
        .map(|(port, lane)| (lane, endpoint(port, lane.name())));
    Plan {
        host,
        guest,
        accelerator,
        version,
        sandbox: host == HostOs::Linux,
        qmp: endpoint(5000, "qmp"),
        lanes: LanePlan::Serial(lanes.collect()),
    }
}

/// One line for each flag.
fn rendered(plan: &Plan) -> String {
    let args = command_line(&spec(), plan);
    let mut text = String::new();
    for arg in args {
        let arg = arg.to_str().unwrap();
        let between = if arg.starts_with('-') { "\n" } else { " " };
        text.push_str(between);
        text.push_str(arg);
    }
    text.trim_start().to_owned()
}

const DEBIAN_12: QemuVersion = QemuVersion::new(7, 2, 22);

#[test]
fn command_line_linux_kvm() {
    insta::assert_snapshot!(rendered(&plan(
        HostOs::Linux,
        Arch::Amd64,
        Accelerator::Kvm,
        QemuVersion::new(10, 0, 2)
    )));
}

#[test]
fn command_line_linux_tcg() {
    insta::assert_snapshot!(rendered(&plan(
        HostOs::Linux,
        Arch::Amd64,
        Accelerator::Tcg,
        DEBIAN_12
    )));
}

#[test]
fn command_line_linux_arm64_guest_tcg() {
    insta::assert_snapshot!(rendered(&plan(
        HostOs::Linux,
        Arch::Arm64,
        Accelerator::Tcg,
        DEBIAN_12
    )));
}

#[test]
fn command_line_macos_hvf() {
    insta::assert_snapshot!(rendered(&plan(
        HostOs::Macos,
        Arch::Arm64,
        Accelerator::Hvf,
        QemuVersion::new(10, 2, 2)
    )));
}

#[test]
fn command_line_windows_whpx() {
    insta::assert_snapshot!(rendered(&plan(
        HostOs::Windows,
        Arch::Amd64,
        Accelerator::Whpx,
        QemuVersion::new(11, 1, 0)
    )));
}

#[test]
fn command_line_windows_whpx_before_11_switches_the_irqchip_off() {
    let old = plan(
        HostOs::Windows,
        Arch::Amd64,
        Accelerator::Whpx,
        QemuVersion::new(10, 1, 0),
    );
    assert!(rendered(&old).contains("-accel whpx,kernel-irqchip=off\n"));
}

#[test]
fn command_line_linux_user_vsock() {
    let mut plan = plan(HostOs::Linux, Arch::Amd64, Accelerator::Tcg, DEBIAN_12);
    plan.lanes = LanePlan::UserVsock {
        socket: "/run/p/vhost-vsock.sock".into(),
    };
    insta::assert_snapshot!(rendered(&plan));
}

#[test]
fn command_line_linux_kernel_vsock() {
    let mut plan = plan(HostOs::Linux, Arch::Amd64, Accelerator::Kvm, DEBIAN_12);
    plan.lanes = LanePlan::KernelVsock { cid: 77 };
    assert!(rendered(&plan).contains("\n-device vhost-vsock-pci,guest-cid=77\n"));
}
