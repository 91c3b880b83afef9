//! A folder is one folder, whoever changes it.

use std::{
    fs::{self, File},
    os::unix::{
        ffi::OsStrExt,
        fs::{MetadataExt, PermissionsExt, symlink},
    },
};

use anyhow::{Result, ensure};
use rustix::{
    fs::{FlockOperation, flock},
    io::Errno,
};
use sha2::{Digest, Sha256};

use super::{folder::Folder, inside, sight};
use crate::{Machine, cases::ports::container::Container, until};

const LARGE_BYTES: usize = 24 << 20;

pub fn one_folder(machine: &Machine) -> Result<()> {
    let folder = Folder::at_home(machine, "both")?;
    folder.write("host", "written on the host\n")?;
    let container = sight::resting(machine, "both", &[&folder.bind("/src")])?;
    ensure!(container.exec("cat /src/host")? == "written on the host");
    container.exec("echo written inside >/src/inside")?;
    ensure!(folder.read("inside")? == "written inside\n");
    container.exec("echo more >>/src/host")?;
    ensure!(folder.read("host")? == "written on the host\nmore\n");
    container.exec("mkdir -p /src/a/b && mv /src/inside /src/a/b/moved && rm /src/host")?;
    ensure!(folder.read("a/b/moved")? == "written inside\n");
    ensure!(!folder.has("host") && !folder.has("inside"));
    folder.write("a/later", "later\n")?;
    sight::wait_printed(machine, "both", "cat /src/a/later", "later")?;

    let fill = "dd if=/dev/urandom of=/src/large bs=64k count=384 2>/dev/null && sha256sum </src/large";
    let sum = container.exec(fill)?;
    let content = fs::read(folder.path.join("large"))?;
    ensure!(
        content.len() == LARGE_BYTES && sum.starts_with(&sum_of(&content)),
        "inside it has {sum}, on the host {} bytes with {}",
        content.len(),
        sum_of(&content)
    );
    let back: Vec<u8> = content.iter().rev().copied().collect();
    folder.write("back", &back)?;
    let wanted = format!("{}  -", sum_of(&back));
    sight::wait_printed(machine, "both", "sha256sum </src/back", &wanted)?;

    // Who made it inside does not matter: on the host it is this user's.
    let made = fs::metadata(folder.path.join("large"))?;
    ensure!(
        made.uid() == rustix::process::geteuid().as_raw(),
        "it belongs to user {} on the host",
        made.uid()
    );
    container.exec("rm -r /src/a /src/large /src/back")?;
    ensure!(fs::read_dir(&folder.path)?.next().is_none());
    Ok(())
}

fn sum_of(content: &[u8]) -> String {
    hex::encode(Sha256::digest(content))
}

pub fn owners_and_modes(machine: &Machine) -> Result<()> {
    let folder = Folder::at_home(machine, "owners")?;
    folder.write("given", "given\n")?;
    let bind = folder.bind("/src");
    let look = "cd /src && stat -c '%n %u:%g %a' . given made";
    let script = "echo made >/src/made && chmod 644 /src/given /src/made && chmod 755 /src && stat -c '%u:%g' \
                  /src /src/given /src/made && chown 1000:1001 /src/made && chmod 4750 /src/made";
    let owners = sight::run(machine, &["-v", &bind], script).text()?;
    ensure!(owners == "0:0\n0:0\n0:0", "who owns what: {owners}");
    let kept = sight::run(machine, &["-v", &bind], look).text()?;
    ensure!(
        kept == ". 0:0 755\ngiven 0:0 644\nmade 1000:1001 4750",
        "another container sees\n{kept}"
    );
    let open = "cat /src/made";
    let owner = ["-u", "1000:1000", "-v", &bind];
    ensure!(sight::run(machine, &owner, open).text()? == "made");
    let stranger = ["-u", "2000:2000", "-v", &bind];
    sight::run(machine, &stranger, open)
        .run()?
        .fails_naming(&["permission denied"])?;
    sight::run(machine, &stranger, "echo x >>/src/given")
        .run()?
        .fails_naming(&["permission denied"])?;

    let made = fs::metadata(folder.path.join("made"))?;
    ensure!(
        made.uid() == rustix::process::geteuid().as_raw() && made.mode() & 0o7000 == 0,
        "on the host it is of {} with {:o}",
        made.uid(),
        made.mode()
    );
    // What somebody on the host says of a file holds.
    fs::set_permissions(folder.path.join("given"), fs::Permissions::from_mode(0o600))?;
    let container = sight::resting(machine, "owners", &[&bind])?;
    sight::wait_printed(machine, "owners", "stat -c %a /src/given", "600")?;
    container.remove()
}

pub fn links(machine: &Machine) -> Result<()> {
    let folder = Folder::at_home(machine, "links")?;
    let canary = Folder::elsewhere(machine, "canary")?;
    canary.write("secret", "canary\n")?;
    let container = sight::resting(machine, "links", &[&folder.bind("/src")])?;
    container.exec("cd /src && echo one >a && ln -s a soft && ln a hard && echo two >>hard && mkdir d")?;
    ensure!(fs::read_link(folder.path.join("soft"))?.as_os_str() == "a");
    ensure!(folder.read("a")? == "one\ntwo\n" && folder.read("soft")? == "one\ntwo\n");
    let (one, other) = (
        fs::metadata(folder.path.join("a"))?,
        fs::metadata(folder.path.join("hard"))?,
    );
    ensure!(one.ino() == other.ino() && one.nlink() == 2);
    ensure!(container.exec("cd /src; stat -c %h a; readlink soft")? == "2\na");
    // A link is what is written in it: inside it leads to places inside.
    symlink("/etc/hostname", folder.path.join("absolute"))?;
    symlink(canary.path.join("secret"), folder.path.join("d/out"))?;
    symlink(&canary.path, folder.path.join("out"))?;
    symlink("../../elsewhere/canary/secret", folder.path.join("up"))?;
    sight::wait_printed(machine, "links", "readlink /src/absolute", "/etc/hostname")?;
    let own = container.exec("cat /etc/hostname")?;
    ensure!(container.exec("cat /src/absolute")? == own);
    for leak in ["d/out", "out/secret", "up"] {
        let output = sight::exec(machine, "links", &format!("cat /src/{leak}"))?;
        ensure!(
            !output.status.success() && !output.text().contains("canary"),
            "{leak} leads out of the share"
        );
    }
    Ok(())
}

pub fn locks(machine: &Machine) -> Result<()> {
    let folder = Folder::at_home(machine, "locks")?;
    folder.write("f", "")?;
    inside::import(machine)?;
    let (program, bind) = (inside::program()?, folder.bind("/src"));
    let command = [inside::IMAGE, &program, inside::LOCK, "/src/f"];
    let file = File::open(folder.path.join("f"))?;
    flock(&file, FlockOperation::LockExclusive)?;
    let run = machine.docker.run(["run", "--rm", "-v", &bind]).args(command);
    ensure!(run.text()? == "busy", "the container has the host's lock");
    flock(&file, FlockOperation::Unlock)?;
    let container = Container::run_image(machine, "locker", &["-v", &bind], &command)?;
    until("the container's lock", machine.driver.patience(), || {
        Ok(machine.docker.run(["logs", "locker"]).quietly().text()? == "locked")
    })?;
    let busy = flock(&file, FlockOperation::NonBlockingLockExclusive);
    ensure!(
        busy == Err(Errno::WOULDBLOCK),
        "beside the container's lock: {busy:?}"
    );
    container.remove()?;
    until("the lock being free", machine.driver.patience(), || {
        Ok(flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok())
    })
}

/// What programs do with files, tried by a program in a container; then what it left, on the host.
pub fn file_operations(machine: &Machine) -> Result<()> {
    let folder = Folder::at_home(machine, "operations")?;
    inside::import(machine)?;
    let program = inside::program()?;
    machine
        .docker
        .run(["run", "--rm", "-v", &folder.bind("/src"), inside::IMAGE])
        .args([&program, inside::OPERATE, "/src"])
        .within(machine.driver.patience())
        .run()?
        .success()?;
    let mut left: Vec<Vec<u8>> = Vec::new();
    for entry in fs::read_dir(&folder.path)? {
        left.push(entry?.file_name().as_bytes().to_owned());
    }
    left.sort();
    let mut wanted: Vec<Vec<u8>> = inside::NAMES.iter().map(|name| name.to_vec()).collect();
    wanted.push(b"mapped".to_vec());
    wanted.sort();
    let shown = |names: &[Vec<u8>]| -> Vec<String> {
        names.iter().map(|name| name.escape_ascii().to_string()).collect()
    };
    ensure!(
        left == wanted,
        "the host has {:?}, not {:?}",
        shown(&left),
        shown(&wanted)
    );
    ensure!(folder.read("mapped")?.starts_with("written through a map"));
    Ok(())
}
