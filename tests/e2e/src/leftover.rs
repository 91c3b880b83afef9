//! What a home leaves behind: processes that name it, mounts below it, loop devices on its files, control groups.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

/// Lists everything on this host that still belongs to the home, in words. Empty when it is clean.
pub fn leftovers(home: &Path) -> Vec<String> {
    let name = home.to_string_lossy().into_owned();
    let mut found: Vec<String> = processes(home)
        .into_iter()
        .map(|(pid, line)| format!("process {pid}: {line}"))
        .collect();
    found.extend(in_namespaces(&name));
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let mounted = |line: &&str| {
        line.split(' ')
            .nth(4)
            .is_some_and(|at| Path::new(at).starts_with(home))
    };
    found.extend(
        mounts
            .lines()
            .filter(mounted)
            .map(|line| format!("mount: {line}")),
    );
    for device in folder_entries(Path::new("/sys/block")) {
        let backing = fs::read_to_string(device.join("loop/backing_file")).unwrap_or_default();
        if backing.starts_with(&name) {
            found.push(format!("loop device {}: {}", device.display(), backing.trim()));
        }
    }
    found.extend(
        control_groups(home)
            .iter()
            .map(|group| format!("control group: {}", group.display())),
    );
    found
}

/// The control groups that the driver `fake` made for the home: one in each hierarchy, named by the device and inode of
/// the folder that the machine's sockets are in.
pub fn control_groups(home: &Path) -> Vec<PathBuf> {
    let run = home.join("run");
    let folders = std::iter::once(run.clone()).chain(folder_entries(&run));
    let names: Vec<String> = folders
        .filter_map(|folder| fs::metadata(folder).ok())
        .filter(fs::Metadata::is_dir)
        .map(|folder| format!("pinnace-fake-{:x}-{:x}", folder.dev(), folder.ino()))
        .collect();
    let is_ours = |group: &PathBuf| {
        let name = group.file_name().map(|name| name.to_string_lossy());
        name.is_some_and(|name| names.iter().any(|ours| *ours == name))
    };
    // In v1 each group is made below the one that the host agent is in, which may be any.
    let mut found = Vec::new();
    let mut unseen = vec![PathBuf::from("/sys/fs/cgroup")];
    while let Some(folder) = unseen.pop() {
        let below = folder_entries(&folder)
            .into_iter()
            .filter(|entry| entry.symlink_metadata().is_ok_and(|entry| entry.is_dir()));
        for group in below {
            if is_ours(&group) {
                found.push(group);
            } else {
                unseen.push(group);
            }
        }
    }
    found
}

/// The processes whose command line or environment names the home, with their command lines. Never this process.
pub fn processes(home: &Path) -> Vec<(u32, String)> {
    let name = home.to_string_lossy();
    let mut found = Vec::new();
    for folder in folder_entries(Path::new("/proc")) {
        let Some(pid) = folder
            .file_name()
            .and_then(|name| name.to_str()?.parse::<u32>().ok())
        else {
            continue;
        };
        if pid == std::process::id() {
            continue;
        }
        let read = |file: &str| fs::read(folder.join(file)).unwrap_or_default();
        let (line, environment) = (read("cmdline"), read("environ"));
        if line.is_empty() {
            // A zombie or a kernel thread.
            continue;
        }
        if [&line, &environment].into_iter().any(|text| names(text, &name)) {
            found.push((pid, String::from_utf8_lossy(&line).replace('\0', " ")));
        }
    }
    found
}

/// The processes in other mount namespaces into which a folder of the home is mounted: those of the driver `fake`, whose
/// own command lines and environments name nothing of the host.
fn in_namespaces(home: &str) -> Vec<String> {
    let namespace = |folder: &Path| fs::read_link(folder.join("ns/mnt")).ok();
    let own = namespace(Path::new("/proc/self"));
    let mut found = Vec::new();
    for folder in folder_entries(Path::new("/proc")) {
        let other = namespace(&folder);
        if other.is_none() || other == own {
            continue;
        }
        let mounts = fs::read_to_string(folder.join("mountinfo")).unwrap_or_default();
        if mounts
            .lines()
            .filter_map(|line| line.split(' ').nth(3))
            .any(|root| names(root.as_bytes(), home))
        {
            let line = fs::read_to_string(folder.join("cmdline")).unwrap_or_default();
            found.push(format!(
                "namespaced process {}: {}",
                folder.display(),
                line.replace('\0', " ")
            ));
        }
    }
    found
}

/// Whether a text of `\0`-ended strings names the path or something below it, and not a longer name that begins alike.
fn names(text: &[u8], path: &str) -> bool {
    let text = String::from_utf8_lossy(text);
    text.match_indices(path).any(|(at, _)| {
        let next = text[at + path.len()..].chars().next();
        next.is_none_or(|character| !character.is_ascii_alphanumeric() && character != '-')
    })
}

fn folder_entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_a_path_that_begins_alike_is_no_match() {
        assert!(names(b"A=1\0PINNACE_HOME=/tmp/pn-1-1\0", "/tmp/pn-1-1"));
        assert!(names(b"/tmp/pn-1-1/run/x", "/tmp/pn-1-1"));
        assert!(!names(b"/tmp/pn-1-12/run/x", "/tmp/pn-1-1"));
    }
}
