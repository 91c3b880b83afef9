//! The data disk: the same raw file with ext4 that a VM would use, here through a loop device.

use std::{
    fs::{self, File, TryLockError},
    io::{self, Read, Seek, SeekFrom},
    os::unix::fs::MetadataExt,
    path::Path,
    time::{Duration, Instant},
};

use machine::DriverError;
use tokio::process::Command;

/// Far more than the kernel needs to give a loop device back.
const DETACHED_WITHIN: Duration = Duration::from_secs(30);

/// Where ext4 keeps its magic number, and the number: 0x38 into the superblock, which begins at 1024.
const EXT4_MAGIC_OFFSET: u64 = 1024 + 0x38;
const EXT4_MAGIC: [u8; 2] = [0x53, 0xef];

/// Waits until no loop device has the disk any more. The kernel gives a loop device back a moment after its last mount
/// went away, and a second one on the same file would corrupt it.
pub async fn wait_detached(path: &Path) -> Result<(), DriverError> {
    let disk = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let deadline = Instant::now() + DETACHED_WITHIN;
    while is_attached(&disk) {
        if Instant::now() > deadline {
            return Err(DriverError::DiskInUse {
                path: path.to_owned(),
            });
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}

fn is_attached(disk: &Path) -> bool {
    let devices = fs::read_dir("/sys/block")
        .into_iter()
        .flatten()
        .filter_map(Result::ok);
    devices
        .filter_map(|device| fs::read_to_string(device.path().join("loop/backing_file")).ok())
        .any(|backing| Path::new(backing.trim_end_matches('\n')) == disk)
}

/// Locks the data disk and makes sure that it holds an ext4 file system, formatting it only when no block of the file
/// was ever written.
///
/// The lock lives as long as the returned file, in whichever process holds it.
pub async fn claim(path: &Path) -> Result<File, DriverError> {
    let failed = |action| {
        move |source| DriverError::File {
            action,
            path: path.to_owned(),
            source,
        }
    };
    let mut file = File::options()
        .read(true)
        .write(true)
        .open(path)
        .map_err(failed("open data disk"))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(DriverError::DiskInUse {
                path: path.to_owned(),
            });
        }
        Err(TryLockError::Error(source)) => return Err(failed("lock data disk")(source)),
    }
    if file.metadata().map_err(failed("read data disk"))?.blocks() == 0 {
        format(path).await.map_err(failed("format data disk"))?;
    } else if !holds_ext4(&mut file).map_err(failed("read data disk"))? {
        let cause = "it is not blank and holds no ext4 file system; it was left untouched";
        return Err(failed("use data disk")(io::Error::new(
            io::ErrorKind::InvalidData,
            cause,
        )));
    }
    Ok(file)
}

fn holds_ext4(file: &mut File) -> io::Result<bool> {
    let mut magic = [0; 2];
    file.seek(SeekFrom::Start(EXT4_MAGIC_OFFSET))?;
    match file.read_exact(&mut magic) {
        Ok(()) => Ok(magic == EXT4_MAGIC),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

async fn format(path: &Path) -> io::Result<()> {
    let output = Command::new("mkfs.ext4")
        .args(["-q", "-F", "-m", "0", "-L", "pinnace-data"])
        .arg(path)
        .env("PATH", super::namespace::PATH)
        .output()
        .await?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(format!(
        "mkfs.ext4 ended with {}: {}",
        output.status,
        text.trim()
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn claim_a_blank_disk_formats_it_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data.raw");
        File::create(&path).unwrap().set_len(64 << 20).unwrap();
        drop(claim(&path).await.unwrap());
        let before = std::fs::read(&path).unwrap();
        drop(claim(&path).await.unwrap());
        assert!(
            before == std::fs::read(&path).unwrap(),
            "the second claim changed the disk"
        );
    }

    #[tokio::test]
    async fn claim_a_foreign_disk_is_refused_and_leaves_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data.raw");
        std::fs::write(&path, vec![7; 1 << 20]).unwrap();
        assert!(matches!(claim(&path).await, Err(DriverError::File { .. })));
        assert_eq!(std::fs::read(&path).unwrap(), vec![7; 1 << 20]);
    }

    #[tokio::test]
    async fn claim_a_disk_twice_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data.raw");
        File::create(&path).unwrap().set_len(64 << 20).unwrap();
        let first = claim(&path).await.unwrap();
        assert!(matches!(claim(&path).await, Err(DriverError::DiskInUse { .. })));
        drop(first);
        claim(&path).await.unwrap();
    }
}
