//! The server in the container: answers HTTP requests and keeps connections, in one process for any number of them.

use std::{
    collections::HashMap,
    io::{ErrorKind, Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    os::fd::AsRawFd,
};

use anyhow::Result;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};

const KEPT: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const LAST: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";

/// Arguments.
#[derive(clap::Args)]
pub struct ServerArgs {
    /// The port to listen at
    port: u16,
}

pub fn run(args: ServerArgs) -> Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, args.port))?;
    listener.set_nonblocking(true)?;
    let epoll = epoll::create(CreateFlags::CLOEXEC)?;
    epoll::add(
        &epoll,
        &listener,
        EventData::new_u64(name(&listener)),
        EventFlags::IN,
    )?;
    let mut connections = HashMap::<u64, Connection>::new();
    let mut events = [Event {
        flags: EventFlags::empty(),
        data: EventData::new_u64(0),
    }; 256];
    loop {
        let count = epoll::wait(&epoll, &mut events, None)?;
        for event in &events[..count] {
            let data = event.data;
            if data.u64() != name(&listener) {
                if !connections.get_mut(&data.u64()).is_some_and(Connection::serve) {
                    // Closing it also takes it out of the set.
                    connections.remove(&data.u64());
                }
                continue;
            }
            loop {
                match listener.accept() {
                    Ok((stream, _)) => {
                        stream.set_nodelay(true)?;
                        epoll::add(&epoll, &stream, EventData::new_u64(name(&stream)), EventFlags::IN)?;
                        let connection = Connection {
                            stream,
                            head: Vec::new(),
                        };
                        connections.insert(name(&connection.stream), connection);
                    }
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    Err(error) => return Err(error.into()),
                }
            }
        }
    }
}

fn name(descriptor: &impl AsRawFd) -> u64 {
    descriptor.as_raw_fd().unsigned_abs().into()
}

struct Connection {
    stream: TcpStream,
    /// Of the request so far.
    head: Vec<u8>,
}

impl Connection {
    /// Reads what is there and answers what is whole. Whether the connection goes on.
    fn serve(&mut self) -> bool {
        let mut bytes = [0; 4096];
        match self.stream.read(&mut bytes) {
            Ok(length @ 1..) => self.head.extend_from_slice(&bytes[..length]),
            _ => return false,
        }
        if !self.head.ends_with(b"\r\n\r\n") {
            return true;
        }
        let close = b"Connection: close";
        let is_last = self.head.windows(close.len()).any(|bytes| bytes == close);
        self.head.clear();
        let answer = if is_last { LAST } else { KEPT };
        self.stream.write_all(answer).is_ok() && !is_last
    }
}
