//! What the host has: disk, memory, CPUs.

use std::{path::Path, thread};

use platform::Folders;

use super::Check;
use crate::{failure::chain, quantity, sys};

const GIB: u64 = 1 << 30;
/// Less leaves no room for the machine's own files.
const DISK_NEEDED_BYTES: u64 = GIB;
/// Less is used up by a few container images.
const DISK_WANTED_BYTES: u64 = 10 * GIB;
/// Less cannot hold a machine beside anything else.
const MEMORY_NEEDED_BYTES: u64 = 2 * GIB;
const MEMORY_WANTED_BYTES: u64 = 4 * GIB;

/// Free space where the data disk grows.
pub fn disk(folders: &Folders) -> Check {
    const NAME: &str = "free disk space";
    let Some(place) = existing_ancestor(&folders.data) else {
        return Check::warn(
            NAME,
            format!("{} does not exist", folders.data.display()),
            "create its parent folder",
        );
    };
    match platform::free_space(place) {
        Err(error) => Check::warn(
            NAME,
            format!(
                "failed to ask for the free space of {}: {}",
                place.display(),
                chain(&error)
            ),
            "check that the disk is there",
        ),
        Ok(free) => judge_disk(NAME, free, &folders.data),
    }
}

fn judge_disk(name: &'static str, free: u64, data: &Path) -> Check {
    let detail = format!("{} for {}", quantity::size(free), data.display());
    const HINT: &str = "delete files, run `docker system prune`, or set PINNACE_HOME to a larger disk";
    match free {
        0..DISK_NEEDED_BYTES => Check::fail(name, detail, HINT),
        DISK_NEEDED_BYTES..DISK_WANTED_BYTES => Check::warn(name, detail, HINT),
        _ => Check::ok(name, detail),
    }
}

/// Memory and CPUs.
pub fn of_host() -> Vec<Check> {
    let memory = sys::memory().map(|memory| (memory.total_bytes, memory.available_bytes));
    vec![
        judge_memory(memory),
        judge_cpus(thread::available_parallelism().map_or(1, usize::from)),
    ]
}

fn judge_memory(memory: Option<(u64, Option<u64>)>) -> Check {
    const NAME: &str = "memory";
    let Some((total, available)) = memory else {
        return Check::warn(NAME, "unknown", "the machine needs 2 GiB or more on the host");
    };
    let detail = match available {
        Some(available) => format!(
            "{}, {} available",
            quantity::size(total),
            quantity::size(available)
        ),
        None => quantity::size(total),
    };
    match total {
        0..MEMORY_NEEDED_BYTES => Check::fail(NAME, detail, "the machine needs 2 GiB or more on the host"),
        MEMORY_NEEDED_BYTES..MEMORY_WANTED_BYTES => Check::warn(
            NAME,
            detail,
            "set `memory_mib` under `[machine]` low, or close other programs",
        ),
        _ if available.is_some_and(|available| available < GIB) => {
            Check::warn(NAME, detail, "close other programs before the machine starts")
        }
        _ => Check::ok(NAME, detail),
    }
}

fn judge_cpus(cpus: usize) -> Check {
    match cpus {
        1 => Check::warn("cpus", "1", "expect slow starts with a single CPU"),
        _ => Check::ok("cpus", cpus.to_string()),
    }
}

/// The path itself, or the nearest folder above that is there.
pub fn existing_ancestor(path: &Path) -> Option<&Path> {
    path.ancestors().find(|ancestor| ancestor.exists())
}

#[cfg(test)]
mod tests {
    use super::{super::Verdict, *};

    #[test]
    fn judge_disk_little_space_fails_then_warns() {
        let check = |free, verdict| assert_eq!(judge_disk("d", free, Path::new("/d")).verdict, verdict);
        check(0, Verdict::Fail);
        check(GIB - 1, Verdict::Fail);
        check(GIB, Verdict::Warn);
        check(10 * GIB, Verdict::Ok);
    }

    #[test]
    fn judge_memory_each_size_has_its_verdict() {
        let check = |memory, verdict| assert_eq!(judge_memory(memory).verdict, verdict, "{memory:?}");
        check(None, Verdict::Warn);
        check(Some((GIB, Some(GIB))), Verdict::Fail);
        check(Some((3 * GIB, None)), Verdict::Warn);
        check(Some((8 * GIB, Some(GIB / 2))), Verdict::Warn);
        check(Some((8 * GIB, None)), Verdict::Ok);
    }
}
