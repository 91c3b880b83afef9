//! The image of the PID 1s that are no stand-ins: this host's own `bash` and `python3`, with what they load.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};

use crate::{Invocation, Machine, payload, tools::Tools};

/// Its name in the engine.
pub const INTERPRETERS: &str = "pinnace-e2e-interpreters:latest";

const BASH: &str = "/bin/bash";
/// Debian's: what else may be called so on this host may need files from all over it.
const PYTHON: &str = "/usr/bin/python3";
/// Names the files of all modules that the cases' programs load, and the folder without which `python3` complains.
const MODULES: &str = "
import os, signal, site, sys, time
for module in list(sys.modules.values()):
    print(getattr(module, '__file__', None) or '')
print(os.path.join(os.path.dirname(os.__file__), 'lib-dynload'))
";

/// Makes it, unless the engine has it.
pub fn import(machine: &Machine) -> Result<()> {
    let docker = &machine.docker;
    if docker
        .run(["image", "inspect", INTERPRETERS])
        .run()?
        .status
        .success()
    {
        return Ok(());
    }
    let path = "ENV PATH=/bin:/usr/bin";
    let import = docker.run(["import", "--change", path, "-", INTERPRETERS]);
    import.input(archive(machine)?).run()?.success()?;
    Ok(())
}

fn archive(machine: &Machine) -> Result<Vec<u8>> {
    let mut files = BTreeSet::new();
    for program in [BASH, PYTHON] {
        ensure!(
            Path::new(program).exists(),
            "{program} is missing: run `cargo xtask e2e`, which installs it"
        );
        files.insert(PathBuf::from(program));
        files.extend(paths_in(&output_of(machine, "ldd", &[program])?));
    }
    // Isolated from what this host adds to it.
    let modules = output_of(machine, PYTHON, &["-I", "-S", "-c", MODULES])?;
    files.extend(modules.lines().filter(|line| !line.is_empty()).map(PathBuf::from));
    let mut archive = payload::begin(&Tools::find()?.busybox)?;
    for file in files {
        // At the path that it is asked for by, with the content that is behind it.
        let inside = file
            .strip_prefix("/")
            .with_context(|| format!("{} is relative", file.display()))?;
        if file.is_dir() {
            archive.append_dir(inside, &file)?;
        } else {
            let source = fs::canonicalize(&file).with_context(|| format!("{} is missing", file.display()))?;
            archive.append_file(inside, &mut File::open(source)?)?;
        }
    }
    Ok(archive.into_inner()?)
}

/// The first absolute path of each line of what `ldd` prints. The kernel's own library has none.
fn paths_in(listing: &str) -> impl Iterator<Item = PathBuf> {
    let lines = listing.lines();
    lines.filter_map(|line| {
        line.split_whitespace()
            .find(|word| word.starts_with('/'))
            .map(PathBuf::from)
    })
}

fn output_of(machine: &Machine, program: &str, args: &[&str]) -> Result<String> {
    let command = machine.home.command(Path::new(program));
    Invocation::new(command, machine.home.journal().clone())
        .args(args)
        .text()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ldd_listing_names_every_library_that_is_a_file() {
        let listing =
            "\tlinux-vdso.so.1 (0x1)\n\tlibc.so.6 => /lib/x/libc.so.6 (0x2)\n\t/lib64/ld.so (0x3)\n";
        let paths: Vec<_> = paths_in(listing).collect();
        assert_eq!(paths, ["/lib/x/libc.so.6", "/lib64/ld.so"].map(PathBuf::from));
    }
}
