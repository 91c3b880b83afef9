//! Who has a port: Windows keeps a table with the process of each socket.
#![expect(unsafe_code, reason = "the tables have no safe face")]

use std::{
    ffi::OsString,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    os::windows::{
        ffi::OsStringExt,
        io::{AsRawHandle, FromRawHandle, OwnedHandle},
    },
    path::Path,
    ptr,
};

use windows_sys::Win32::{
    Foundation::{ERROR_INSUFFICIENT_BUFFER, NO_ERROR},
    NetworkManagement::IpHelper::{
        GetExtendedTcpTable, GetExtendedUdpTable, MIB_TCP6ROW_OWNER_PID, MIB_TCPROW_OWNER_PID,
        MIB_UDP6ROW_OWNER_PID, MIB_UDPROW_OWNER_PID, TCP_TABLE_OWNER_PID_LISTENER, UDP_TABLE_OWNER_PID,
    },
    Networking::WinSock::{AF_INET, AF_INET6},
    System::Threading::{
        OpenProcess, PROCESS_NAME_WIN32, PROCESS_QUERY_LIMITED_INFORMATION, QueryFullProcessImageNameW,
    },
};

use crate::{PortKind, PortOwner, port_owner::overlap};

/// How often the table may have grown between two calls before we give up.
const TRIES: usize = 4;
/// The longest path that is read, in units of 16 bits.
const PATH_UNITS: usize = 1024;

/// A row: an address and its process.
type Row = (SocketAddr, u32);

/// See [`crate::port_owner`].
pub fn find(kind: PortKind, address: SocketAddr) -> Option<PortOwner> {
    let mut rows = match kind {
        PortKind::Tcp => tcp(),
        PortKind::Udp => udp(),
    };
    rows.retain(|(held, _)| overlap(*held, address));
    let (_, pid) = *rows.first()?;
    Some(PortOwner {
        pid,
        program: program(pid).unwrap_or_default(),
    })
}

fn tcp() -> Vec<Row> {
    let table = |family: u16| {
        move |buffer: *mut u64, length: &mut u32| {
            // SAFETY: the buffer has `length` bytes to write to.
            unsafe {
                GetExtendedTcpTable(
                    buffer.cast(),
                    length,
                    0,
                    u32::from(family),
                    TCP_TABLE_OWNER_PID_LISTENER,
                    0,
                )
            }
        }
    };
    let mut rows = rows(table(AF_INET), |row: MIB_TCPROW_OWNER_PID| {
        (four(row.dwLocalAddr, row.dwLocalPort), row.dwOwningPid)
    });
    rows.extend(self::rows(table(AF_INET6), |row: MIB_TCP6ROW_OWNER_PID| {
        (six(row.ucLocalAddr, row.dwLocalPort), row.dwOwningPid)
    }));
    rows
}

fn udp() -> Vec<Row> {
    let table = |family: u16| {
        move |buffer: *mut u64, length: &mut u32| {
            // SAFETY: the buffer has `length` bytes to write to.
            unsafe {
                GetExtendedUdpTable(
                    buffer.cast(),
                    length,
                    0,
                    u32::from(family),
                    UDP_TABLE_OWNER_PID,
                    0,
                )
            }
        }
    };
    let mut rows = rows(table(AF_INET), |row: MIB_UDPROW_OWNER_PID| {
        (four(row.dwLocalAddr, row.dwLocalPort), row.dwOwningPid)
    });
    rows.extend(self::rows(table(AF_INET6), |row: MIB_UDP6ROW_OWNER_PID| {
        (six(row.ucLocalAddr, row.dwLocalPort), row.dwOwningPid)
    }));
    rows
}

/// Reads a table: a count, then that many rows. `R` is one of the structures above, which are numbers only.
fn rows<R: Copy>(ask: impl Fn(*mut u64, &mut u32) -> u32, of: impl Fn(R) -> Row) -> Vec<Row> {
    let mut length = 0u32;
    for _ in 0..TRIES {
        // In words of 64 bits, so that any row is aligned.
        let mut table = vec![0u64; (length as usize).div_ceil(size_of::<u64>())];
        match ask(table.as_mut_ptr(), &mut length) {
            NO_ERROR if !table.is_empty() => {
                let bytes = size_of_val(table.as_slice());
                // SAFETY: at least one word, which is two numbers of half its size.
                let count = unsafe { *table.as_ptr().cast::<u32>() } as usize;
                let first = size_of::<u32>();
                let count = count.min((bytes - first) / size_of::<R>());
                let rows = (0..count).map(|index| {
                    let at = first + index * size_of::<R>();
                    // SAFETY: inside the table, as `count` says; it may be unaligned, and any numbers are a row.
                    of(unsafe { table.as_ptr().cast::<u8>().add(at).cast::<R>().read_unaligned() })
                });
                return rows.collect();
            }
            NO_ERROR => return Vec::new(),
            ERROR_INSUFFICIENT_BUFFER => {}
            error => {
                tracing::debug!(error, "table of ports not read");
                return Vec::new();
            }
        }
    }
    Vec::new()
}

fn four(address: u32, port: u32) -> SocketAddr {
    let ip: IpAddr = Ipv4Addr::from(address.to_ne_bytes()).into();
    SocketAddr::new(ip, network_order(port))
}

fn six(address: [u8; 16], port: u32) -> SocketAddr {
    SocketAddr::new(Ipv6Addr::from(address).into(), network_order(port))
}

fn network_order(port: u32) -> u16 {
    u16::from_be((port & 0xffff) as u16)
}

fn program(pid: u32) -> Option<String> {
    // SAFETY: takes numbers.
    let process = unsafe { OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, 0, pid) };
    if process.is_null() {
        return None;
    }
    // SAFETY: just opened, owned by nobody else.
    let process = unsafe { OwnedHandle::from_raw_handle(process) };
    let mut path = vec![0u16; PATH_UNITS];
    let mut length = PATH_UNITS as u32;
    // SAFETY: an open process, and `length` units to write to.
    let known = unsafe {
        QueryFullProcessImageNameW(
            process.as_raw_handle(),
            PROCESS_NAME_WIN32,
            path.as_mut_ptr(),
            ptr::from_mut(&mut length),
        )
    };
    if known == 0 {
        return None;
    }
    let path = OsString::from_wide(path.get(..length as usize)?);
    Some(Path::new(&path).file_name()?.to_string_lossy().into_owned())
}
