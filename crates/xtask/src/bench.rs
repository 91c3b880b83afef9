//! Measures Pinnace beside a stock machine, or beside the engine itself, in turns within one run, and prints a table of
//! medians and ratios.
//!
//! The stock machine is what people build by hand: the same kernel version and QEMU, Debian with systemd, cloud-init
//! (NoCloud) and docker.io, user networking, the engine's socket reached by `ssh -L`. It is built here, so the
//! comparison needs nobody's word.

mod api;
mod boot;
mod cpu;
mod engine_ping;
mod files;
mod idle;
mod interrupt;
mod pack;
mod peer;
mod pinnace;
mod ports;
mod stock;
mod stock_image;
mod table;

use anyhow::Result;

use crate::{
    deps::{self, Need},
    e2e,
    image::{self, ImageArgs},
    programs, shell,
};

/// What building and reaching the stock machine needs.
pub const PACKAGES: &[Need] = &[
    Need {
        probe: "mmdebstrap",
        package: "mmdebstrap",
        why: "builds the stock machine to compare with",
    },
    Need {
        probe: "mkfs.ext4",
        package: "e2fsprogs",
        why: "builds the stock machine's disk",
    },
    Need {
        probe: "genisoimage",
        package: "genisoimage",
        why: "makes the stock machine's cloud-init disk",
    },
    Need {
        probe: "ssh",
        package: "openssh-client",
        why: "reaches the stock machine's engine",
    },
    Need {
        probe: "/usr/share/keyrings/debian-archive-keyring.gpg",
        package: "debian-archive-keyring",
        why: "checks the stock machine's packages",
    },
];

/// What measuring the API needs beside an engine without a VM.
const API_PACKAGES: &[Need] = &[Need {
    probe: "socat",
    package: "socat",
    why: "relays the engine's socket, to compare with",
}];

/// What measuring ports needs beside a machine.
const PORTS_PACKAGES: &[Need] = &[
    Need {
        probe: "iperf3",
        package: "iperf3",
        why: "measures throughput",
    },
    Need {
        probe: "/usr/sbin/dropbear",
        package: "dropbear-bin",
        why: "is the ssh server to compare with",
    },
    Need {
        probe: "ssh",
        package: "openssh-client",
        why: "is the ssh client to compare with",
    },
    Need {
        probe: "/bin/busybox",
        package: "busybox-static",
        why: "is the shell in the container",
    },
    Need {
        probe: "strip",
        package: "binutils",
        why: "makes the server in the container small",
    },
];

/// What measuring files needs beside two machines.
const FILES_PACKAGES: &[Need] = &[
    Need {
        probe: files::SFTP_SERVER,
        package: "openssh-sftp-server",
        why: "serves files over ssh, to compare with",
    },
    Need {
        probe: "git",
        package: "git",
        why: "is measured on shared files",
    },
    Need {
        probe: "find",
        package: "findutils",
        why: "is measured on shared files",
    },
    Need {
        probe: "strip",
        package: "binutils",
        why: "makes the worker in the machines small",
    },
];

/// Arguments.
#[derive(clap::Args)]
pub struct BenchArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    /// Cold start until the engine answers on the host
    Boot(boot::BootArgs),
    /// What a machine without containers costs
    Idle(idle::IdleArgs),
    /// Requests and streams of the engine's API through the endpoint
    Api(api::ApiArgs),
    /// Ports of a container on this host
    Ports(ports::PortsArgs),
    /// Files of this host in a container
    Files(files::FilesArgs),
}

pub use files::{WorkerArgs, work};
pub use ports::{ServerArgs, serve};

pub fn run(args: BenchArgs) -> Result<()> {
    let needs: &[&[Need]] = match args.what {
        What::Api(_) => &[e2e::PACKAGES, API_PACKAGES],
        What::Ports(_) => &[deps::MACHINE, PORTS_PACKAGES],
        What::Boot(_) | What::Idle(_) => &[deps::MACHINE, PACKAGES],
        What::Files(_) => &[deps::MACHINE, PACKAGES, FILES_PACKAGES],
    };
    deps::ensure(&[&[deps::BUILD, image::PACKAGES], needs].concat(), true)?;
    image::run(ImageArgs::default())?;
    programs::build_release()?;
    println!("{}", table::machine_description()?);
    match args.what {
        What::Boot(args) => boot::run(args),
        What::Idle(args) => idle::run(args),
        What::Api(args) => api::run(args),
        What::Ports(args) => ports::run(args),
        What::Files(args) => files::run(args),
    }
}

/// Where the benchmarks keep their machines.
fn folder() -> std::path::PathBuf {
    shell::target_dir().join("bench")
}
