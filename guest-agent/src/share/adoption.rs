//! What the kernel still uses of a share whose server is a new one: where bind mounts of containers begin.
//!
//! Looks at every mount namespace through a process in it, and asks the kernel for the node behind each mount. None of
//! it may ask the server, which waits for us: no path is walked inside a FUSE mount, and no attribute is read.

use std::{
    collections::HashSet,
    fs::File,
    io::Read as _,
    mem::size_of_val,
    os::{
        fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd},
        unix::ffi::OsStrExt as _,
    },
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};

pub use super::mountinfo::DeviceNumber;
use super::mountinfo::{self, MountLine};

/// A node's number and its path below the share, the names separated by NUL.
pub type NodeInUse = (u64, Vec<u8>);

/// No more are told.
const MAX_NODES: usize = 4096;
const MAX_MOUNTINFO_BYTES: u64 = 16 << 20;
/// What was not seen by then is left out.
const LIMIT: Duration = Duration::from_secs(5);
/// The server knows its root (linux/fuse.h, `FUSE_ROOT_ID`).
const ROOT_NODE: u64 = 1;

/// Finds them for the share whose mount has this number.
pub fn nodes_in_use(number: DeviceNumber) -> Vec<NodeInUse> {
    let deadline = Instant::now() + LIMIT;
    let (mut namespaces, mut nodes) = (HashSet::new(), Vec::new());
    for process in processes() {
        if Instant::now() > deadline || nodes.len() >= MAX_NODES {
            tracing::warn!("not all that is in use of a share was found");
            break;
        }
        // One that ended meanwhile uses nothing.
        let Ok(namespace) = std::fs::read_link(process.join("ns/mnt")) else {
            continue;
        };
        if namespaces.insert(namespace) {
            nodes.extend(nodes_seen_by(&process, number));
        }
    }
    nodes.sort();
    nodes.dedup();
    nodes.truncate(MAX_NODES);
    nodes
}

fn processes() -> impl Iterator<Item = PathBuf> {
    std::fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| {
            path.file_name()
                .is_some_and(|name| name.as_bytes().iter().all(u8::is_ascii_digit))
        })
}

fn nodes_seen_by(process: &Path, number: DeviceNumber) -> Vec<NodeInUse> {
    let mut text = Vec::new();
    let read = File::open(process.join("mountinfo"))
        .and_then(|file| file.take(MAX_MOUNTINFO_BYTES).read_to_end(&mut text));
    let directory = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let root = rustix::fs::open(process.join("root"), directory, Mode::empty());
    let (Ok(_), Ok(root)) = (read, root) else {
        return Vec::new();
    };
    let lines = mountinfo::parse(&text);
    in_question(&lines, number)
        .filter_map(|(line, path)| Some((node_at(root.as_fd(), line)?, path)))
        .filter(|(node, _)| *node != ROOT_NODE)
        .collect()
}

/// The mounts of the share that begin below its root, with their paths. Those at a place inside another FUSE mount are
/// left out: nobody can go there without asking its server.
fn in_question(lines: &[MountLine], number: DeviceNumber) -> impl Iterator<Item = (&MountLine, Vec<u8>)> {
    lines
        .iter()
        .filter(move |line| line.device == number && line.is_fuse())
        .filter(|line| {
            !lines.iter().any(|other| {
                other.is_fuse() && other.point != line.point && line.point.starts_with(&other.point)
            })
        })
        .filter_map(|line| Some((line, below(&line.root)?)))
}

/// The path without slashes. None for the root, and for what was removed (linux, fs/d_path.c: `//deleted`).
fn below(root: &[u8]) -> Option<Vec<u8>> {
    let path = root.strip_prefix(b"/")?;
    let is_whole = path.split(|byte| *byte == b'/').all(|name| !name.is_empty());
    is_whole.then(|| {
        path.iter()
            .map(|byte| if *byte == b'/' { 0 } else { *byte })
            .collect()
    })
}

fn node_at(root: BorrowedFd<'_>, line: &MountLine) -> Option<u64> {
    let point = line.point.strip_prefix("/").ok()?;
    let found = openat2(
        root,
        point,
        OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC,
        Mode::empty(),
        ResolveFlags::NO_SYMLINKS | ResolveFlags::BENEATH,
    )
    .ok()?;
    let (node, mount) = node_and_mount(&found)?;
    // Another mount may be on top of it by now.
    (mount == line.id).then_some(node)
}

/// The kernel's handle of a FUSE file begins with its node (linux, fs/fuse/inode.c, `fuse_encode_fh`).
#[expect(unsafe_code, reason = "nothing we use has name_to_handle_at")]
fn node_and_mount(file: &OwnedFd) -> Option<(u64, i32)> {
    /// `struct file_handle`, with room for FUSE's.
    #[repr(C)]
    struct Handle {
        bytes: u32,
        kind: i32,
        words: [u32; 8],
    }
    /// A handle that need not be opened again (linux/fcntl.h), since Linux 6.5.
    const AT_HANDLE_FID: i32 = 0x200;
    const KINDS: std::ops::RangeInclusive<i32> = 0x81..=0x82;
    for extra in [AT_HANDLE_FID, 0] {
        let mut handle = Handle {
            bytes: 0,
            kind: 0,
            words: [0; 8],
        };
        handle.bytes = u32::try_from(size_of_val(&handle.words)).ok()?;
        let mut mount = 0_i32;
        // SAFETY: all pointers are to live objects, and `bytes` is the room in `words`.
        let result = unsafe {
            libc::syscall(
                libc::SYS_name_to_handle_at,
                file.as_raw_fd(),
                c"".as_ptr(),
                &raw mut handle,
                &raw mut mount,
                libc::AT_EMPTY_PATH | extra,
            )
        };
        if result == 0 && KINDS.contains(&handle.kind) && handle.bytes >= 12 {
            return Some((
                u64::from(handle.words[0]) << 32 | u64::from(handle.words[1]),
                mount,
            ));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&[u8]]) {
        let lines = mountinfo::parse(text.as_bytes());
        let found: Vec<_> = in_question(&lines, (0, 57)).map(|(_, path)| path).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn in_question_is_what_begins_below_the_root() {
        check(
            "1 0 0:57 / /run/pinnace/shares/home rw - fuse pinnace rw\n\
             2 0 0:57 /project/a\\040b /src rw - fuse pinnace rw\n\
             3 0 0:58 /project /other rw - fuse pinnace rw\n\
             4 0 0:57 /project /fake rw - tmpfs pinnace rw\n\
             5 0 0:57 /file /etc/file ro - fuse pinnace rw\n",
            &[b"project\0a b", b"file"],
        );
    }

    #[test]
    fn in_question_leaves_out_what_was_removed_or_lies_in_another_share() {
        check("2 0 0:57 /project//deleted /src rw - fuse pinnace rw\n", &[]);
        check(
            "2 0 0:58 / /src rw - fuse pinnace rw\n3 0 0:57 /project /src/deep/inside rw - fuse pinnace rw\n",
            &[],
        );
        check(
            "2 0 0:58 / /src rw - fuse pinnace rw\n3 0 0:57 /project /src2 rw - fuse pinnace rw\n",
            &[b"project"],
        );
    }

    #[test]
    fn node_and_mount_tells_the_mount_that_mountinfo_has() {
        let file = rustix::fs::open("/proc", OFlags::PATH, Mode::empty()).unwrap();
        let (_, mount) = node_and_mount(&file).unwrap();
        let lines = super::super::place::own_mounts().unwrap();
        assert!(lines.iter().any(|line| line.id == mount && line.kind == "proc"));
    }
}
