//! Space on the host's disks, and files that take it only where they were written.

use std::{
    fs::{self, OpenOptions},
    io,
    path::Path,
};

use crate::sys::os;

/// The bytes that we may still write to the disk that holds `path`. The path must exist.
pub fn free_space(path: &Path) -> io::Result<u64> {
    os::disk::free_space(path)
}

/// The bytes that a file really takes on its disk: fewer than its length when it is sparse.
pub fn allocated_bytes(path: &Path) -> io::Result<u64> {
    os::disk::allocated_bytes(path)
}

/// Creates a file of `size_bytes` that takes no space yet, for our user alone.
///
/// Fails when anything has that name already, and leaves nothing behind when it fails later.
pub fn create_sparse(path: &Path, size_bytes: u64) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    os::disk::private(&mut options);
    let file = options.open(path)?;
    let made = os::disk::mark_sparse(&file)
        .and_then(|()| file.set_len(size_bytes))
        .and_then(|()| file.sync_all());
    if made.is_err() {
        // Ours and incomplete; the error that matters is the first one.
        let _ = fs::remove_file(path);
    }
    made
}

#[cfg(test)]
mod tests {
    use std::io::{Seek, SeekFrom, Write};

    use super::*;

    #[test]
    fn create_sparse_file_takes_no_space_until_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data.raw");
        create_sparse(&path, 8 << 30).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().len(), 8 << 30);
        assert!(allocated_bytes(&path).unwrap() < 1 << 20);

        let mut file = OpenOptions::new().write(true).open(&path).unwrap();
        file.seek(SeekFrom::Start(4 << 30)).unwrap();
        file.write_all(&[7; 2 << 20]).unwrap();
        file.sync_all().unwrap();
        let taken = allocated_bytes(&path).unwrap();
        assert!((2 << 20..4 << 20).contains(&taken), "{taken}");
    }

    #[test]
    fn create_sparse_existing_file_is_refused_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data.raw");
        fs::write(&path, "precious").unwrap();
        let error = create_sparse(&path, 1 << 20).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"precious");
    }

    #[test]
    fn create_sparse_impossible_size_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data.raw");
        create_sparse(&path, u64::MAX).unwrap_err();
        assert!(!path.exists());
    }

    #[test]
    fn free_space_of_a_folder_is_not_zero() {
        let folder = tempfile::tempdir().unwrap();
        assert!(free_space(folder.path()).unwrap() > 0);
        free_space(&folder.path().join("missing")).unwrap_err();
    }
}
