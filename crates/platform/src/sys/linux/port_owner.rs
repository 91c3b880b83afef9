//! Who has a port: the kernel's tables name a socket's inode, and a process's descriptors link to it (proc_pid_fd(5)).

use std::{
    collections::HashSet,
    fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use crate::{PortKind, PortOwner, port_owner::overlap};

/// `TCP_LISTEN` (include/net/tcp_states.h).
const LISTENS: &str = "0A";

/// See [`crate::port_owner`].
pub fn find(kind: PortKind, address: SocketAddr) -> Option<PortOwner> {
    let tables = match kind {
        PortKind::Tcp => ["/proc/net/tcp", "/proc/net/tcp6"],
        PortKind::Udp => ["/proc/net/udp", "/proc/net/udp6"],
    };
    let mut links = HashSet::new();
    for table in tables {
        // A kernel without IPv6 has half of them.
        let text = fs::read_to_string(table).unwrap_or_default();
        let rows = text.lines().skip(1).filter_map(|line| row(line, kind));
        links.extend(
            rows.filter(|(held, _)| overlap(*held, address))
                .map(|(_, inode)| format!("socket:[{inode}]")),
        );
    }
    if links.is_empty() {
        return None;
    }
    let processes = fs::read_dir("/proc").ok()?.flatten();
    let mut pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let pid = pids.find(|pid| has_one(*pid, &links))?;
    let program = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    Some(PortOwner {
        pid,
        program: program.trim_end().to_owned(),
    })
}

fn has_one(pid: u32, links: &HashSet<String>) -> bool {
    // Those of other users cannot be read.
    let Ok(descriptors) = fs::read_dir(format!("/proc/{pid}/fd")) else {
        return false;
    };
    descriptors.flatten().any(|descriptor| {
        fs::read_link(descriptor.path())
            .is_ok_and(|link| link.to_str().is_some_and(|link| links.contains(link)))
    })
}

/// The local address and the inode of a line that holds a port: fields 2 and 10 (proc_net_tcp(5)).
fn row(line: &str, kind: PortKind) -> Option<(SocketAddr, &str)> {
    let mut fields = line.split_ascii_whitespace().skip(1);
    let (local, state, inode) = (fields.next()?, fields.nth(1)?, fields.nth(5)?);
    if kind == PortKind::Tcp && state != LISTENS {
        return None;
    }
    let (ip, port) = local.split_once(':')?;
    Some((
        SocketAddr::new(address(ip)?, u16::from_str_radix(port, 16).ok()?),
        inode,
    ))
}

/// One or four words in hex, each in the machine's own order of bytes.
fn address(hex: &str) -> Option<IpAddr> {
    let word = |index: usize| {
        let digits = hex.get(index * 8..index * 8 + 8)?;
        Some(u32::from_str_radix(digits, 16).ok()?.to_ne_bytes())
    };
    match hex.len() {
        8 => Some(Ipv4Addr::from(word(0)?).into()),
        32 => {
            let mut bytes = [0; 16];
            for (index, part) in bytes.chunks_exact_mut(4).enumerate() {
                part.copy_from_slice(&word(index)?);
            }
            Some(Ipv6Addr::from(bytes).into())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn row_of_a_listener_is_its_address_and_inode() {
        let line = "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 31337 1 0";
        let found = row(line, PortKind::Tcp);
        if cfg!(target_endian = "little") {
            assert_eq!(found, Some(("127.0.0.1:8080".parse().unwrap(), "31337")));
        }
        assert_eq!(row(&line.replace(" 0A ", " 01 "), PortKind::Tcp), None);
        assert!(row(&line.replace(" 0A ", " 07 "), PortKind::Udp).is_some());
        let six = line.replace("0100007F", "00000000000000000000000001000000");
        if cfg!(target_endian = "little") {
            assert_eq!(row(&six, PortKind::Tcp).unwrap().0, "[::1]:8080".parse().unwrap());
        }
        for torn in [
            "",
            "0:",
            "0: 0100007F:1F90",
            &line.replace("0100007F", "zz"),
            &line.replace("1F90", "11F90"),
        ] {
            assert_eq!(row(torn, PortKind::Tcp), None, "{torn}");
        }
    }
}
