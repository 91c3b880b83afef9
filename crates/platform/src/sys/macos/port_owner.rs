//! Who has a port: libproc tells each process's sockets (<libproc.h>, <sys/proc_info.h>).
#![expect(unsafe_code, reason = "libproc has no safe face")]

use std::{ffi::c_int, net::SocketAddr, ptr};

use crate::{PortKind, PortOwner, port_owner::overlap, sys::unix::socket_facts::held};

/// `PROC_PIDFDSOCKETINFO`.
const SOCKET_FACTS: c_int = 3;
/// `PROC_ALL_PIDS`.
const ALL: u32 = 1;
/// Longer than `struct socket_fdinfo` of any version so far, which has 792 bytes.
const FACTS_BYTES: usize = 1024;
/// A program's name, with space to spare: `2 * MAXCOMLEN` and a zero.
const NAME_BYTES: usize = 64;

/// See [`crate::port_owner`].
pub fn find(kind: PortKind, address: SocketAddr) -> Option<PortOwner> {
    let pid = processes().into_iter().find(|pid| {
        sockets(*pid).into_iter().any(|descriptor| {
            facts(*pid, descriptor)
                .and_then(|facts| held(&facts, kind))
                .is_some_and(|held| overlap(held, address))
        })
    })?;
    Some(PortOwner {
        pid: u32::try_from(pid).ok()?,
        program: program(pid),
    })
}

fn processes() -> Vec<c_int> {
    list::<c_int>(|buffer, bytes| {
        // SAFETY: the buffer has `bytes` bytes to write to, or is null, which asks how many are wanted.
        unsafe { libc::proc_listpids(ALL, 0, buffer.cast(), bytes) }
    })
}

fn sockets(pid: c_int) -> Vec<c_int> {
    let descriptors = list::<libc::proc_fdinfo>(|buffer, bytes| {
        // SAFETY: as above.
        unsafe { libc::proc_pidinfo(pid, libc::PROC_PIDLISTFDS, 0, buffer.cast(), bytes) }
    });
    let sockets = descriptors
        .into_iter()
        .filter(|descriptor| descriptor.proc_fdtype == libc::PROX_FDTYPE_SOCKET as u32);
    sockets.map(|descriptor| descriptor.proc_fd).collect()
}

/// Asks for a list of numbers or plain structures of numbers: how long it is, then the list. None where that is refused.
fn list<T: Copy>(ask: impl Fn(*mut T, c_int) -> c_int) -> Vec<T> {
    // There may be more by the time of the second call.
    const SPARE: usize = 32;

    let wanted = usize::try_from(ask(ptr::null_mut(), 0)).unwrap_or(0) / size_of::<T>();
    if wanted == 0 {
        return Vec::new();
    }
    let mut items = Vec::<T>::with_capacity(wanted + SPARE);
    let Ok(bytes) = c_int::try_from(items.capacity() * size_of::<T>()) else {
        return Vec::new();
    };
    let written = usize::try_from(ask(items.as_mut_ptr(), bytes)).unwrap_or(0) / size_of::<T>();
    // SAFETY: so many were written, and never more than there is space for.
    unsafe { items.set_len(written.min(items.capacity())) };
    items
}

fn facts(pid: c_int, descriptor: c_int) -> Option<Vec<u8>> {
    let mut bytes = vec![0; FACTS_BYTES];
    // SAFETY: the buffer has `FACTS_BYTES` bytes to write to.
    let written = unsafe {
        libc::proc_pidfdinfo(
            pid,
            descriptor,
            SOCKET_FACTS,
            bytes.as_mut_ptr().cast(),
            FACTS_BYTES as c_int,
        )
    };
    bytes.truncate(usize::try_from(written).ok()?);
    Some(bytes)
}

fn program(pid: c_int) -> String {
    let mut name = [0u8; NAME_BYTES];
    // SAFETY: the buffer has `NAME_BYTES` bytes to write to.
    let written = unsafe { libc::proc_name(pid, name.as_mut_ptr().cast(), NAME_BYTES as u32) };
    let length = usize::try_from(written).unwrap_or(0).min(NAME_BYTES);
    String::from_utf8_lossy(&name[..length]).into_owned()
}
