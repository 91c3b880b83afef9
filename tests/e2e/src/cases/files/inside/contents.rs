//! What programs do with what is in a file.

use std::{
    fs::{self, File, OpenOptions},
    io::Write,
    os::unix::fs::{FileExt, OpenOptionsExt, PermissionsExt},
    path::Path,
    process::Command,
    time::{Duration, SystemTime},
};

use anyhow::{Result, ensure};
use rustix::{
    fs::FlockOperation,
    io::Errno,
    mm::{MapFlags, MsyncFlags, ProtFlags},
};

use super::{
    OPERATE,
    operations::{error_of, in_fresh_folder},
};

pub fn flock(folder: &Path) -> Result<()> {
    in_fresh_folder(folder, |folder| {
        let path = folder.join("locked");
        let (one, other) = (File::create(&path)?, File::open(&path)?);
        rustix::fs::flock(&one, FlockOperation::LockExclusive)?;
        let busy = rustix::fs::flock(&other, FlockOperation::NonBlockingLockShared);
        ensure!(busy == Err(Errno::WOULDBLOCK), "the second lock: {busy:?}");
        drop(one);
        rustix::fs::flock(&other, FlockOperation::LockShared)?;
        fs::remove_file(&path)?;
        Ok(())
    })
}

/// Stays in the folder: the host reads it.
#[expect(unsafe_code, reason = "a map of a file is raw memory")]
pub fn shared_map(folder: &Path) -> Result<()> {
    const LENGTH: usize = 8192;
    let text = b"written through a map";
    let path = folder.join("mapped");
    let file = File::options()
        .read(true)
        .write(true)
        .create_new(true)
        .open(&path)?;
    file.set_len(LENGTH as u64)?;
    let access = ProtFlags::READ | ProtFlags::WRITE;
    // SAFETY: a new map at a place of the kernel's choice, of a file that is as long and that nobody else changes.
    // Nothing refers to it when it is taken away.
    unsafe {
        let map = rustix::mm::mmap(std::ptr::null_mut(), LENGTH, access, MapFlags::SHARED, &file, 0)?;
        std::ptr::copy_nonoverlapping(text.as_ptr(), map.cast::<u8>(), text.len());
        rustix::mm::msync(map, LENGTH, MsyncFlags::SYNC)?;
        rustix::mm::munmap(map, LENGTH)?;
    }
    ensure!(fs::read(&path)?.starts_with(text));
    Ok(())
}

pub fn appending(folder: &Path) -> Result<()> {
    in_fresh_folder(folder, |folder| {
        let path = folder.join("log");
        let open = || OpenOptions::new().append(true).create(true).open(&path);
        let (mut one, mut other) = (open()?, open()?);
        for number in 0..50 {
            writeln!(one, "one {number}")?;
            writeln!(other, "other {number}")?;
        }
        let text = fs::read_to_string(&path)?;
        let wanted: String = (0..50)
            .map(|number| format!("one {number}\nother {number}\n"))
            .collect();
        ensure!(text == wanted, "the log is {text}");
        fs::remove_file(&path)?;
        Ok(())
    })
}

pub fn hole(folder: &Path) -> Result<()> {
    in_fresh_folder(folder, |folder| {
        let path = folder.join("hole");
        let file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(&path)?;
        file.write_all_at(b"end", 10 << 20)?;
        let mut bytes = [1; 4096];
        file.read_exact_at(&mut bytes, 5 << 20)?;
        ensure!(bytes == [0; 4096] && file.metadata()?.len() == (10 << 20) + 3);
        file.set_len(5)?;
        file.sync_all()?;
        ensure!(fs::read(&path)? == [0; 5]);
        File::open(folder)?.sync_all()?;
        fs::remove_file(&path)?;
        Ok(())
    })
}

pub fn creation(folder: &Path) -> Result<()> {
    in_fresh_folder(folder, |folder| {
        let path = folder.join("made");
        let make = || {
            OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o640)
                .open(&path)
        };
        make()?.write_all(b"long content")?;
        ensure!(error_of(make()) == Some(Errno::EXIST));
        let mode = fs::metadata(&path)?.permissions().mode() & 0o7777;
        ensure!(mode == 0o640, "its mode is {mode:o}");
        fs::write(&path, "short")?;
        ensure!(fs::read(&path)? == b"short");
        fs::remove_file(&path)?;
        ensure!(error_of(File::open(&path)) == Some(Errno::NOENT));
        make()?;
        fs::remove_file(&path)?;
        Ok(())
    })
}

pub fn times(folder: &Path) -> Result<()> {
    in_fresh_folder(folder, |folder| {
        let path = folder.join("old");
        let then = SystemTime::UNIX_EPOCH + Duration::new(1_000_000_000, 123_456_700);
        let file = File::create(&path)?;
        file.set_modified(then)?;
        drop(file);
        let found = fs::metadata(&path)?.modified()?;
        ensure!(found == then, "it is of {found:?}");
        fs::write(&path, "new")?;
        let found = fs::metadata(&path)?.modified()?;
        ensure!(
            found > then + Duration::from_secs(1_000_000),
            "it is of {found:?}"
        );
        fs::remove_file(&path)?;
        Ok(())
    })
}

/// This program, copied into the folder, says that it has nothing to try.
pub fn running(folder: &Path) -> Result<()> {
    in_fresh_folder(folder, |folder| {
        let copy = folder.join("program");
        fs::copy(std::env::current_exe()?, &copy)?;
        let output = Command::new(&copy).arg(OPERATE).output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(said.trim() == "no folder", "the copy said {said}");
        fs::remove_file(&copy)?;
        Ok(())
    })
}
