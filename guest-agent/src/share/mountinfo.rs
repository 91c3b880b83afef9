//! Reads `/proc/PID/mountinfo` (proc_pid_mountinfo(5)).

use std::{ffi::OsString, os::unix::ffi::OsStringExt as _, path::PathBuf};

/// Major and minor number of a file system.
pub type DeviceNumber = (u32, u32);

/// One mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MountLine {
    /// Unique in the whole machine.
    pub id: i32,
    /// The file system's.
    pub device: DeviceNumber,
    /// What of the file system is mounted; begins with `/`.
    pub root: Vec<u8>,
    /// Where, as the process sees it.
    pub point: PathBuf,
    /// Whether the mount itself is read-only.
    pub read_only: bool,
    /// The file system's kind.
    pub kind: String,
}

impl MountLine {
    /// Whether programs other than the kernel answer for it.
    pub fn is_fuse(&self) -> bool {
        self.kind == "fuse" || self.kind.starts_with("fuse.")
    }
}

/// Reads the lines. What is malformed is left out.
pub fn parse(text: &[u8]) -> Vec<MountLine> {
    text.split(|byte| *byte == b'\n').filter_map(parse_line).collect()
}

fn parse_line(line: &[u8]) -> Option<MountLine> {
    // 36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue
    let mut fields = line.split(|byte| *byte == b' ');
    let id = text(fields.next()?)?.parse().ok()?;
    let (major, minor) = text(fields.nth(1)?)?.split_once(':')?;
    let device = (major.parse().ok()?, minor.parse().ok()?);
    let root = unescape(fields.next()?)?;
    let point = unescape(fields.next()?)?;
    let read_only = text(fields.next()?)?.split(',').any(|option| option == "ro");
    let kind = fields.skip_while(|field| *field != b"-").nth(1)?;
    if root.first() != Some(&b'/') || point.first() != Some(&b'/') {
        return None;
    }
    Some(MountLine {
        id,
        device,
        root,
        point: PathBuf::from(OsString::from_vec(point)),
        read_only,
        kind: text(kind)?.to_owned(),
    })
}

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

/// Turns `\040` and the like back (linux, fs/seq_file.c, `mangle_path`).
fn unescape(field: &[u8]) -> Option<Vec<u8>> {
    let mut plain = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((&byte, behind)) = rest.split_first() {
        if byte == b'\\' {
            let digits = text(behind.get(..3)?)?;
            plain.push(u8::from_str_radix(digits, 8).ok()?);
            rest = &behind[3..];
        } else {
            plain.push(byte);
            rest = behind;
        }
    }
    Some(plain)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn parse_reads_what_is_mounted_where() {
        let text = b"22 28 0:21 / /sys rw,nosuid shared:7 master:2 - sysfs sysfs rw\n\
            941 900 0:57 /a\\040b\\134c /srv/x\\012y ro,nodev - fuse pinnace rw,user_id=0\n";
        let lines = parse(text);
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0].device, (0, 21));
        assert_eq!(lines[0].kind, "sysfs");
        assert!(!lines[0].read_only && !lines[0].is_fuse());
        assert_eq!(lines[1].id, 941);
        assert_eq!(lines[1].root, b"/a b\\c");
        assert_eq!(lines[1].point, Path::new("/srv/x\ny"));
        assert!(lines[1].read_only && lines[1].is_fuse());
    }

    #[test]
    fn parse_leaves_out_what_is_malformed() {
        for line in [
            "",
            "x",
            "1 2 3 / / rw - ext4 x rw",
            "1 2 0:3 / /a rw",
            "1 2 0:3 / /a rw -",
            "1 2 0:3 a /a rw - fuse x rw",
            "1 2 0:3 / /a\\9 rw - fuse x rw",
            "1 2 0:3 / /a\\400 rw - fuse x rw",
            "99999999999 2 0:3 / /a rw - fuse x rw",
            "1 2 0:99999999999 / /a rw - fuse x rw",
        ] {
            assert_eq!(parse(line.as_bytes()), [], "{line}");
        }
    }

    proptest! {
        #[test]
        fn parse_of_anything_does_not_panic(text in proptest::collection::vec(any::<u8>(), 0..400)) {
            parse(&text);
        }

        #[test]
        fn parse_reads_any_path_as_it_was(name in proptest::collection::vec(1_u8.., 1..40)) {
            let mut escaped = Vec::new();
            for byte in &name {
                match byte {
                    b' ' | b'\t' | b'\n' | b'\\' => escaped.extend(format!("\\{byte:03o}").bytes()),
                    byte => escaped.push(*byte),
                }
            }
            let line = [b"1 2 0:3 / /", &escaped[..], b" rw - fuse x rw"].concat();
            let lines = parse(&line);
            prop_assert_eq!(lines.len(), 1);
            prop_assert_eq!(&lines[0].point.clone().into_os_string().into_vec()[1..], &name[..]);
        }
    }
}
