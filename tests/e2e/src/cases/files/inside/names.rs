//! What programs do with names and with the files behind them.

use std::{
    ffi::{OsStr, OsString},
    fs::{self, File},
    io::{ErrorKind, Read, Seek, SeekFrom, Write},
    os::unix::{
        ffi::OsStrExt,
        fs::{FileExt, MetadataExt},
        net::{UnixListener, UnixStream},
    },
    path::Path,
};

use anyhow::{Result, ensure};
use rustix::{
    fs::{AtFlags, CWD, FileType, Mode},
    io::Errno,
};

use super::operations::{error_of, in_fresh_folder};

/// Names that are left in the folder: no text, unusual, as long as can be.
pub const NAMES: [&[u8]; 6] = [
    b"no text \xff\xfe",
    b"line\nfeed",
    b" blanks at both ends ",
    b"-rf *",
    "ünïcödé ⛵".as_bytes(),
    &[b'n'; 255],
];

pub fn names(folder: &Path) -> Result<()> {
    for name in NAMES {
        fs::write(folder.join(OsStr::from_bytes(name)), name)?;
    }
    let mut wanted = NAMES.map(|name| OsStr::from_bytes(name).to_owned());
    wanted.sort();
    let found = list(folder)?;
    ensure!(found == wanted, "the folder has {found:?}");
    for name in NAMES {
        ensure!(fs::read(folder.join(OsStr::from_bytes(name)))? == name);
    }
    Ok(())
}

pub fn long_names(folder: &Path) -> Result<()> {
    for length in [256, 300] {
        let path = folder.join("n".repeat(length));
        ensure!(error_of(fs::write(&path, "")) == Some(Errno::NAMETOOLONG));
        ensure!(error_of(fs::create_dir(&path)) == Some(Errno::NAMETOOLONG));
        ensure!(error_of(fs::metadata(&path)) == Some(Errno::NAMETOOLONG));
    }
    Ok(())
}

pub fn case_only_rename(folder: &Path) -> Result<()> {
    in_fresh_folder(folder, |folder| {
        fs::write(folder.join("Name"), "case")?;
        fs::rename(folder.join("Name"), folder.join("nAME"))?;
        ensure!(list(folder)? == ["nAME"]);
        ensure!(fs::read_to_string(folder.join("nAME"))? == "case");
        fs::remove_file(folder.join("nAME"))?;
        Ok(())
    })
}

pub fn open_without_a_name(folder: &Path) -> Result<()> {
    in_fresh_folder(folder, |folder| {
        let path = folder.join("gone");
        let mut file = File::options()
            .read(true)
            .write(true)
            .create_new(true)
            .open(&path)?;
        file.write_all(b"still here")?;
        fs::remove_file(&path)?;
        ensure!(file.metadata()?.nlink() == 0 && list(folder)?.is_empty());
        file.write_all(b", and more")?;
        file.seek(SeekFrom::Start(0))?;
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        ensure!(text == "still here, and more", "it has {text}");
        Ok(())
    })
}

pub fn renames(folder: &Path) -> Result<()> {
    in_fresh_folder(folder, |folder| {
        let [one, other, below] = ["one", "other", "one/below"].map(|name| folder.join(name));
        fs::create_dir(&one)?;
        fs::create_dir(&other)?;
        ensure!(error_of(fs::rename(&one, &below)) == Some(Errno::INVAL));
        fs::write(&below, "below")?;
        ensure!(error_of(fs::remove_dir(&one)) == Some(Errno::NOTEMPTY));
        ensure!(error_of(fs::rename(&other, &one)) == Some(Errno::NOTEMPTY));
        // Over an empty folder it goes.
        fs::rename(&one, &other)?;
        let open = File::open(other.join("below"))?;
        fs::write(folder.join("fresh"), "fresh")?;
        fs::rename(folder.join("fresh"), other.join("below"))?;
        ensure!(fs::read_to_string(other.join("below"))? == "fresh");
        let mut old = [0; 5];
        open.read_exact_at(&mut old, 0)?;
        ensure!(&old == b"below");
        fs::remove_dir_all(&other)?;
        Ok(())
    })
}

pub fn special_files(folder: &Path) -> Result<()> {
    in_fresh_folder(folder, |folder| {
        let pipe = folder.join("pipe");
        rustix::fs::mknodat(CWD, &pipe, FileType::Fifo, Mode::from_raw_mode(0o600), 0)?;
        let found = rustix::fs::statat(CWD, &pipe, AtFlags::SYMLINK_NOFOLLOW)?;
        ensure!(FileType::from_raw_mode(found.st_mode) == FileType::Fifo);
        let socket = folder.join("socket");
        let listener = UnixListener::bind(&socket)?;
        let client = UnixStream::connect(&socket)?;
        let (mut server, _) = listener.accept()?;
        (&client).write_all(b"hello")?;
        drop(client);
        let mut text = String::new();
        server.read_to_string(&mut text)?;
        ensure!(text == "hello");
        fs::remove_file(&pipe)?;
        fs::remove_file(&socket)?;
        Ok(())
    })
}

pub fn thousand_files(folder: &Path) -> Result<()> {
    in_fresh_folder(folder, |folder| {
        let name = |number: u32| folder.join(format!("file-{number:04}"));
        for number in 0..1000 {
            fs::write(name(number), number.to_string())?;
        }
        ensure!(list(folder)?.len() == 1000);
        // While it is listed, what was listed is removed.
        let mut removed = 0;
        for entry in fs::read_dir(folder)? {
            fs::remove_file(entry?.path())?;
            removed += 1;
        }
        ensure!(removed == 1000, "{removed} were listed");
        ensure!(fs::metadata(name(7)).is_err_and(|error| error.kind() == ErrorKind::NotFound));
        Ok(())
    })
}

fn list(folder: &Path) -> Result<Vec<OsString>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        names.push(entry?.file_name());
    }
    names.sort();
    Ok(names)
}
