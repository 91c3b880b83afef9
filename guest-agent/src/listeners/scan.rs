//! One look at everything that listens in the machine's own network.

use std::{collections::HashSet, fs, path::Path};

use protocol::{GuestListener, ListenerOrigin, Transport};

use super::{
    owners,
    table::{Row, Table, read_table},
};
use crate::container_process::Container;

/// What dockerd uses for itself as a member of a swarm: managing, and gossip (moby, cmd/dockerd and libnetwork).
const SWARMS_OWN: [(Transport, u16); 3] = [
    (Transport::Tcp, 2377),
    (Transport::Tcp, 7946),
    (Transport::Udp, 7946),
];
/// The kernel's ports for sockets that asked for none, unless it can be read.
const USUAL_EPHEMERAL: (u16, u16) = (32_768, 60_999);

/// All sockets that wait, ours and everybody's.
pub fn rows() -> Vec<Row> {
    let ephemeral = ephemeral();
    let mut rows: Vec<Row> = Table::ALL
        .into_iter()
        .flat_map(|table| read_table("/proc/self/net", table))
        .filter(|row| !is_a_clients(row, ephemeral))
        .collect();
    // The kernel's order follows its hash tables.
    rows.sort_unstable();
    rows
}

/// Those that belong to one of the containers or, in a swarm, are dockerd's for a service. A row is of our own network,
/// so whoever of a container has it is on the host network.
pub fn listeners(rows: &[Row], containers: &[Container], swarm_dockerd: Option<u32>) -> Vec<GuestListener> {
    let mut of_containers = HashSet::new();
    if !containers.is_empty() {
        let belongs = |group: &str| containers.iter().any(|container| container.holds(group));
        for pid in owners::processes(belongs) {
            owners::sockets_of(pid, &mut of_containers);
        }
    }
    let mut of_dockerd = HashSet::new();
    if let Some(pid) = swarm_dockerd {
        owners::sockets_of(pid, &mut of_dockerd);
    }
    let told = rows.iter().filter_map(|row| {
        let origin = if of_containers.contains(&row.inode) {
            ListenerOrigin::HostNetwork
        } else if of_dockerd.contains(&row.inode) && is_of_a_service(row) {
            ListenerOrigin::Swarm
        } else {
            return None;
        };
        Some(GuestListener {
            transport: row.transport(),
            address: row.local,
            origin,
        })
    });
    told.collect()
}

/// The containers that run, and whether one of them is on the host network or not known yet to be.
pub fn running(folder: &Path) -> Running {
    let own = network(Path::new("/proc/self"));
    let mut running = Running::default();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let Some(container) = entry
            .file_name()
            .to_str()
            .and_then(|id| Container::new(id.to_owned()).ok())
        else {
            continue;
        };
        running.containers.push(container);
        let pid = fs::read_to_string(entry.path().join("init.pid"))
            .ok()
            .and_then(|text| text.trim().parse::<u32>().ok());
        match pid {
            Some(pid) => {
                let theirs = network(Path::new(&format!("/proc/{pid}")));
                running.on_host_network |= theirs.is_some() && theirs == own;
            }
            None => running.is_settling = true,
        }
    }
    running
}

/// The containers that run.
#[derive(Debug, Default)]
pub struct Running {
    /// All of them.
    pub containers: Vec<Container>,
    /// Whether one is in the machine's own network.
    pub on_host_network: bool,
    /// Whether one has no first process yet.
    pub is_settling: bool,
}

/// Which network a process is in.
fn network(process: &Path) -> Option<std::path::PathBuf> {
    fs::read_link(process.join("ns/net")).ok()
}

/// dockerd listens for a service on all addresses of both families with one socket (moby, libnetwork: `plumbProxy`).
fn is_of_a_service(row: &Row) -> bool {
    row.local.ip().is_unspecified() && !SWARMS_OWN.contains(&(row.transport(), row.local.port()))
}

/// A UDP socket with a port that the kernel chose is most likely a client's, such as a resolver's.
fn is_a_clients(row: &Row, (first, last): (u16, u16)) -> bool {
    row.transport() == Transport::Udp && (first..=last).contains(&row.local.port())
}

fn ephemeral() -> (u16, u16) {
    let text = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let mut numbers = text
        .split_ascii_whitespace()
        .map_while(|number| number.parse().ok());
    match (numbers.next(), numbers.next()) {
        (Some(first), Some(last)) => (first, last),
        _ => USUAL_EPHEMERAL,
    }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, UdpSocket};

    use super::*;
    use crate::container_process::test_child::TestChild;

    #[test]
    fn listeners_are_those_of_containers_and_of_dockerd_for_services() {
        let (one, any) = (
            TcpListener::bind("127.0.0.1:0").unwrap(),
            TcpListener::bind("[::]:0").unwrap(),
        );
        let (one, any) = (
            one.local_addr().map(|a| (a, one)),
            any.local_addr().map(|a| (a, any)),
        );
        let ((one, _one), (any, _any)) = (one.unwrap(), any.unwrap());
        let rows = rows();
        let has = |told: &[GuestListener], address, origin| {
            let transport = Transport::Tcp;
            told.contains(&GuestListener {
                transport,
                address,
                origin,
            })
        };
        // This process stands for one in a container.
        let told = listeners(&rows, &[Container::of_all()], None);
        assert!(has(&told, one, ListenerOrigin::HostNetwork) && has(&told, any, ListenerOrigin::HostNetwork));
        // And for dockerd.
        let told = listeners(&rows, &[], Some(std::process::id()));
        assert!(!has(&told, one, ListenerOrigin::Swarm) && has(&told, any, ListenerOrigin::Swarm));
        // And for neither.
        let stranger = Container::new("0".repeat(64)).unwrap();
        assert!(listeners(&rows, &[stranger], None).is_empty());
    }

    #[test]
    fn rows_leave_clients_out() {
        let client = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        assert!(rows().iter().all(|row| row.local != client));
        let row = |port| Row {
            table: Table::Udp4,
            local: ([0, 0, 0, 0], port).into(),
            inode: 1,
        };
        assert!(is_a_clients(&row(40_000), USUAL_EPHEMERAL));
        assert!(!is_a_clients(&row(53), USUAL_EPHEMERAL));
        let tcp = Row {
            table: Table::Tcp4,
            ..row(40_000)
        };
        assert!(!is_a_clients(&tcp, USUAL_EPHEMERAL));
    }

    #[test]
    fn is_of_a_service_not_what_a_swarm_uses_itself() {
        let row = |table, address: &str| Row {
            table,
            local: address.parse().unwrap(),
            inode: 1,
        };
        assert!(is_of_a_service(&row(Table::Tcp6, "[::]:8080")));
        assert!(is_of_a_service(&row(Table::Udp6, "[::]:2377")));
        assert!(!is_of_a_service(&row(Table::Tcp6, "[::]:2377")));
        assert!(!is_of_a_service(&row(Table::Udp6, "[::]:7946")));
        assert!(!is_of_a_service(&row(Table::Tcp4, "127.0.0.1:8080")));
    }

    #[test]
    fn running_tells_networks_apart() {
        let folder = tempfile::tempdir().unwrap();
        let id = "a".repeat(64);
        let path = folder.path().join(&id);
        let look = || running(folder.path());
        assert!(look().containers.is_empty());
        fs::create_dir(folder.path().join("no-id")).unwrap();
        fs::create_dir(&path).unwrap();
        let seen = look();
        assert_eq!(seen.containers.len(), 1);
        assert!(seen.is_settling && !seen.on_host_network);

        let alone = TestChild::start("unshare --net sh -c 'echo $$; echo ready; read line'");
        fs::write(path.join("init.pid"), &alone.lines()[0]).unwrap();
        let seen = look();
        assert!(!seen.is_settling && !seen.on_host_network);

        let beside = TestChild::start("exec sleep 600");
        fs::write(path.join("init.pid"), beside.pid().to_string()).unwrap();
        assert!(look().on_host_network);
    }
}
