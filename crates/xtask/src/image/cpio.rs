//! Writes the archive format that the kernel unpacks its initial RAM disk from: cpio's `newc`, always the same bytes
//! for the same entries.
//!
//! Every entry is a header of 110 ASCII characters, the name with a final NUL, and the data, each padded to four bytes
//! (Documentation/driver-api/early-userspace/buffer-format.rst in the kernel's source).

const FOLDER: u32 = 0o040_755;
const REGULAR: u32 = 0o100_000;
const CHARACTER_DEVICE: u32 = 0o020_600;

/// An archive in memory.
#[derive(Default)]
pub struct Archive {
    bytes: Vec<u8>,
    entries: u32,
}

impl Archive {
    /// Adds a folder; its parent must have been added before.
    pub fn folder(&mut self, path: &str) {
        self.entry(path, FOLDER, (0, 0), &[]);
    }

    /// Adds a file with its permission bits.
    pub fn file(&mut self, path: &str, permissions: u32, data: &[u8]) {
        self.entry(path, REGULAR | permissions, (0, 0), data);
    }

    /// Adds a character device.
    pub fn character_device(&mut self, path: &str, major: u32, minor: u32) {
        self.entry(path, CHARACTER_DEVICE, (major, minor), &[]);
    }

    /// The finished archive.
    pub fn finish(mut self) -> Vec<u8> {
        self.entries = u32::MAX;
        self.entry("TRAILER!!!", 0, (0, 0), &[]);
        self.bytes
    }

    fn entry(&mut self, path: &str, mode: u32, device: (u32, u32), data: &[u8]) {
        // The number tells hard links apart: one for each entry. The trailer has none.
        self.entries = self.entries.wrapping_add(1);
        let links = if mode & 0o170_000 == 0o040_000 { 2 } else { 1 };
        let name_length = path.len() + 1;
        let header = [
            self.entries,
            mode,
            0,
            0,
            links,
            0,
            data.len() as u32,
            0,
            0,
            device.0,
            device.1,
            name_length as u32,
            0,
        ];
        self.bytes.extend_from_slice(b"070701");
        for field in header {
            self.bytes.extend_from_slice(format!("{field:08x}").as_bytes());
        }
        self.bytes.extend_from_slice(path.as_bytes());
        self.bytes.push(0);
        self.pad();
        self.bytes.extend_from_slice(data);
        self.pad();
    }

    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::Archive;

    #[test]
    fn finish_entries_given_has_headers_names_and_padding() {
        let mut archive = Archive::default();
        archive.folder("dev");
        archive.character_device("dev/console", 5, 1);
        archive.file("init", 0o755, b"hello");
        let bytes = archive.finish();
        let expected = [
            "070701 00000001 000041ed 00000000 00000000 00000002 00000000 00000000 00000000 00000000 00000000 00000000 00000004 00000000",
            "dev|||",
            "070701 00000002 00002180 00000000 00000000 00000001 00000000 00000000 00000000 00000000 00000005 00000001 0000000c 00000000",
            "dev/console|||",
            "070701 00000003 000081ed 00000000 00000000 00000001 00000000 00000005 00000000 00000000 00000000 00000000 00000005 00000000",
            "init||hello|||",
            "070701 00000000 00000000 00000000 00000000 00000001 00000000 00000000 00000000 00000000 00000000 00000000 0000000b 00000000",
            "TRAILER!!!||||",
        ];
        let expected = expected.concat().replace(' ', "").replace('|', "\0");
        assert_eq!(String::from_utf8_lossy(&bytes), expected);
    }

    #[test]
    fn finish_archive_given_is_read_by_cpio_where_there_is_one() {
        use std::{
            io::Write,
            process::{Command, Stdio},
        };
        let Ok(mut cpio) = Command::new("cpio")
            .args(["-t", "--quiet"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
        else {
            return;
        };
        let mut archive = Archive::default();
        archive.folder("lib");
        archive.file("lib/x", 0o644, b"abc");
        cpio.stdin.take().unwrap().write_all(&archive.finish()).unwrap();
        let output = cpio.wait_with_output().unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), "lib\nlib/x\n");
    }
}
