//! Installs the host's packages that a task needs, saying what and why.
//!
//! Only Debian's and Ubuntu's apt is known; elsewhere the programs must be there already. No package source is added
//! to anybody's machine, and no package is taken away: where a package from elsewhere stands in the way, it is asked
//! for in the distribution's own version together with what is missing.

use std::{
    collections::BTreeSet,
    io::{IsTerminal, Write},
    path::Path,
    process::Command,
};

use anyhow::{Result, bail};

use crate::shell;

/// A program or file that a task needs, and where it comes from.
#[derive(Clone, Copy, Debug)]
pub struct Need {
    /// A program's name, looked for in `PATH` and the administrator's folders; a path when it has a slash.
    pub probe: &'static str,
    /// The Debian package that has it.
    pub package: &'static str,
    /// Why it is needed, as a phrase.
    pub why: &'static str,
}

/// What building anything here needs beside cargo.
pub const BUILD: &[Need] = &[
    Need {
        probe: "cc",
        package: "gcc",
        why: "links programs",
    },
    Need {
        probe: "/usr/include/stdio.h",
        package: "libc6-dev",
        why: "links programs",
    },
];

/// What booting a machine needs.
pub const MACHINE: &[Need] = &[Need {
    probe: QEMU,
    package: QEMU_PACKAGE,
    why: "runs the Linux machine",
}];

#[cfg(target_arch = "x86_64")]
const QEMU: &str = "qemu-system-x86_64";
#[cfg(target_arch = "x86_64")]
const QEMU_PACKAGE: &str = "qemu-system-x86";
#[cfg(not(target_arch = "x86_64"))]
const QEMU: &str = "qemu-system-aarch64";
#[cfg(not(target_arch = "x86_64"))]
const QEMU_PACKAGE: &str = "qemu-system-arm";

/// Makes sure that everything needed is there. Asks before it installs, unless `yes`; without a terminal it never
/// asks and fails with the command to run.
pub fn ensure(needs: &[&[Need]], yes: bool) -> Result<()> {
    let missing: Vec<Need> = needs
        .iter()
        .flat_map(|group| group.iter())
        .filter(|n| !is_there(n.probe))
        .copied()
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let packages: BTreeSet<&str> = missing.iter().map(|need| need.package).collect();
    println!("missing on this machine:");
    for package in &packages {
        let reasons: BTreeSet<&str> = missing
            .iter()
            .filter(|n| n.package == *package)
            .map(|n| n.why)
            .collect();
        println!(
            "  {package:<28} {}",
            reasons.into_iter().collect::<Vec<_>>().join("; ")
        );
    }
    let list = packages.iter().copied().collect::<Vec<_>>().join(" ");
    if !is_there("apt-get") {
        bail!("these must be installed by hand: this machine has no apt");
    }
    if !yes && !agreed()? {
        bail!(
            "nothing was installed; install it yourself with `apt-get install --no-install-recommends {list}`"
        );
    }
    install(&packages.into_iter().collect::<Vec<_>>())?;
    match missing.iter().find(|need| !is_there(need.probe)) {
        Some(need) => bail!(
            "{} is still missing after {} was installed",
            need.probe,
            need.package
        ),
        None => Ok(()),
    }
}

fn is_there(probe: &str) -> bool {
    if probe.contains('/') {
        return Path::new(probe).exists();
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let administrators = ["/usr/sbin", "/sbin", "/usr/local/sbin"].map(Into::into);
    std::env::split_paths(&path)
        .chain(administrators)
        .any(|dir| dir.join(probe).is_file())
}

fn agreed() -> Result<bool> {
    if !std::io::stdin().is_terminal() {
        return Ok(false);
    }
    print!("install them with apt-get? [Y/n] ");
    std::io::stdout().flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "" | "y" | "yes"))
}

fn install(packages: &[&str]) -> Result<()> {
    shell::run(apt().arg("-q").arg("update"))?;
    let mut wanted: Vec<String> = packages.iter().map(ToString::to_string).collect();
    let simulated = shell::output(apt_install(&wanted).arg("--simulate"));
    // Without a plan apt says what is wrong better than we can, below.
    let removed = simulated
        .map(|plan| removals(&String::from_utf8_lossy(&plan)))
        .unwrap_or_default();
    for package in removed {
        let versions = shell::output(shell::command("apt-cache").args(["madison", &package]))?;
        match first_version(&String::from_utf8_lossy(&versions)) {
            Some(version) => wanted.push(format!("{package}={version}")),
            None => {
                bail!("{package} stands in the way of {packages:?}, and apt offers no other version of it")
            }
        }
    }
    shell::run(apt_install(&wanted).args(["--no-remove", "--allow-downgrades"]))
}

fn apt() -> Command {
    let root = rustix::process::getuid().is_root();
    let mut command = shell::command(if root { "apt-get" } else { "sudo" });
    if !root {
        command.args(["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]);
    }
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}

fn apt_install(packages: &[String]) -> Command {
    let mut command = apt();
    command
        .args(["install", "-y", "-q", "--no-install-recommends"])
        .args(packages);
    command
}

/// The packages that apt's plan would take away.
fn removals(plan: &str) -> Vec<String> {
    plan.lines()
        .filter_map(|line| line.strip_prefix("Remv ")?.split(' ').next())
        .map(str::to_owned)
        .collect()
}

/// The newest version that a package source offers, from `apt-cache madison`.
fn first_version(madison: &str) -> Option<String> {
    madison
        .lines()
        .next()?
        .split('|')
        .nth(1)
        .map(|version| version.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removals_of_a_plan_are_named() {
        let plan = "Reading package lists...\nRemv qemu-utils [1:10.0]\nInst qemu-system-x86 (1:7.2 Debian [amd64])\n";
        assert_eq!(removals(plan), ["qemu-utils"]);
    }

    #[test]
    fn first_version_is_the_newest_on_offer() {
        let madison = " qemu-utils | 1:7.2-1 | http://mirror/debian bookworm/main amd64 Packages\n qemu-utils | 1:7.1-1 | x\n";
        assert_eq!(first_version(madison).as_deref(), Some("1:7.2-1"));
        assert_eq!(first_version(""), None);
    }

    #[test]
    fn is_there_finds_programs_and_files() {
        assert!(is_there("sh"));
        assert!(is_there("/etc/passwd"));
        assert!(!is_there("no-such-program-here"));
    }
}
