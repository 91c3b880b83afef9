//! Whose a socket is: looked up among the open files of processes.

use std::{collections::HashSet, fs, path::Path};

/// Open files of a process that are looked at.
const MAX_FILES: usize = 65_536;

/// The numbers of the sockets that a process has open. None when it has ended.
pub fn sockets_of(pid: u32, found: &mut HashSet<u64>) {
    let files = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten();
    let links = files
        .take(MAX_FILES)
        .flatten()
        .filter_map(|file| fs::read_link(file.path()).ok());
    found.extend(links.filter_map(|link| number(&link)));
}

/// The processes whose control group passes.
pub fn processes(belongs: impl Fn(&str) -> bool) -> Vec<u32> {
    fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| fs::read_to_string(format!("/proc/{pid}/cgroup")).is_ok_and(|text| belongs(&text)))
        .collect()
}

/// `socket:[NUMBER]` (proc_pid_fd(5)).
fn number(link: &Path) -> Option<u64> {
    link.to_str()?
        .strip_prefix("socket:[")?
        .strip_suffix(']')?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd as _;

    use super::*;

    #[test]
    fn number_of_a_socket_only() {
        assert_eq!(number(Path::new("socket:[7001]")), Some(7001));
        for link in [
            "",
            "pipe:[7001]",
            "socket:[]",
            "socket:[x]",
            "/tmp/socket:[1]",
            "socket:[-1]",
        ] {
            assert_eq!(number(Path::new(link)), None, "{link}");
        }
    }

    #[test]
    fn sockets_of_our_own_process_have_the_one_we_opened() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let link = fs::read_link(format!("/proc/self/fd/{}", listener.as_raw_fd())).unwrap();
        let mut found = HashSet::new();
        sockets_of(std::process::id(), &mut found);
        assert!(found.contains(&number(&link).unwrap()));
    }

    #[test]
    fn processes_are_chosen_by_their_group() {
        assert!(processes(|_| true).contains(&std::process::id()));
        assert!(processes(|_| false).is_empty());
    }
}
