//! A server in a container that keeps any number of connections in one process: the cases' own program, run there.

use std::{
    collections::HashMap,
    ffi::OsString,
    io::{ErrorKind, Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    os::fd::AsRawFd,
};

use anyhow::{Context, Result};
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};

/// The argument that makes the cases' program this server; the port follows.
pub const HOLD: &str = "hold-connections";

/// Sends back what comes, a byte at a time, and keeps every connection until its client ends it.
pub fn hold(mut args: impl Iterator<Item = OsString>) -> Result<()> {
    let port = args.next().and_then(|port| port.to_str()?.parse().ok());
    let port: u16 = port.context("no port")?;
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port))?;
    listener.set_nonblocking(true)?;
    let epoll = epoll::create(CreateFlags::CLOEXEC)?;
    let name = |descriptor: &dyn AsRawFd| EventData::new_u64(descriptor.as_raw_fd().unsigned_abs().into());
    epoll::add(&epoll, &listener, name(&listener), EventFlags::IN)?;
    let listener_name = u64::from(listener.as_raw_fd().unsigned_abs());
    let mut connections = HashMap::<u64, TcpStream>::new();
    let mut events = [Event {
        flags: EventFlags::empty(),
        data: EventData::new_u64(0),
    }; 256];
    loop {
        let count = epoll::wait(&epoll, &mut events, None)?;
        for event in &events[..count] {
            let data = event.data;
            if data.u64() != listener_name {
                if !connections.get_mut(&data.u64()).is_some_and(echo) {
                    // Closing it also takes it out of the set.
                    connections.remove(&data.u64());
                }
                continue;
            }
            loop {
                match listener.accept() {
                    Ok((connection, _)) => {
                        epoll::add(&epoll, &connection, name(&connection), EventFlags::IN)?;
                        connections.insert(u64::from(connection.as_raw_fd().unsigned_abs()), connection);
                    }
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    Err(error) => return Err(error.into()),
                }
            }
        }
    }
}

/// Whether the connection goes on.
fn echo(connection: &mut TcpStream) -> bool {
    let mut byte = [0];
    matches!(connection.read(&mut byte), Ok(1)) && connection.write_all(&byte).is_ok()
}
