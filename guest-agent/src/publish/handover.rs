//! The words between a hook process and the agent, over a Unix socket.
//!
//! ```text
//!   hook ── frame: Request; with its first byte dockerd's listener, by SCM_RIGHTS ──► agent
//!   hook ◄── frame: Answer ────────────────────────────────────────────────────────── agent
//!                                … the port is published …
//!   hook ── RELEASE ──► agent: frees everything, then closes: now dockerd may bind the port again
//! ```

use std::{
    io::{self, IoSlice, IoSliceMut},
    mem::MaybeUninit,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use anyhow::{Context, bail};
use protocol::FrameDecoder;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, recvmsg, sendmsg,
};
use tokio::{io::Interest, net::UnixStream};

use super::request::Request;

/// Whether the port is published; else why not, for the user of `docker run`.
pub type Answer = Result<(), String>;

/// What the hook says when dockerd frees the port. One that just ends may have ended with dockerd.
pub const RELEASE: u8 = b'r';

/// Hands the request over. Blocks.
pub fn send(stream: &impl AsFd, request: &Request, listener: Option<BorrowedFd<'_>>) -> anyhow::Result<()> {
    let frame = protocol::encode(request)?;
    let listeners: Vec<BorrowedFd<'_>> = listener.into_iter().collect();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !listeners.is_empty() && !control.push(SendAncillaryMessage::ScmRights(&listeners)) {
        bail!("there is no room for the listener");
    }
    let sent = sendmsg(stream, &[IoSlice::new(&frame)], &mut control, SendFlags::NOSIGNAL)
        .context("failed to hand the port over")?;
    // A frame is far shorter than a socket's buffer.
    if sent != frame.len() {
        bail!(
            "failed to hand the port over: {sent} of {} bytes went",
            frame.len()
        );
    }
    Ok(())
}

/// Takes a request over, with the listener that came with it.
pub async fn receive(stream: &UnixStream) -> anyhow::Result<(Request, Option<OwnedFd>)> {
    let mut decoder = FrameDecoder::default();
    let mut listener = None;
    loop {
        if let Some(request) = decoder.next_message()? {
            return Ok((request, listener));
        }
        stream.readable().await.context("failed to read a request")?;
        let mut bytes = [0; 1024];
        match stream.try_io(Interest::READABLE, || receive_part(stream, &mut bytes)) {
            Ok((0, _)) => bail!("the hook ended before its request was read"),
            Ok((length, descriptor)) => {
                decoder.push(&bytes[..length]);
                listener = listener.or(descriptor);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error).context("failed to read a request"),
        }
    }
}

/// Reads once. Descriptors beyond the first are closed.
fn receive_part(stream: &UnixStream, bytes: &mut [u8]) -> io::Result<(usize, Option<OwnedFd>)> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let received = recvmsg(
        stream,
        &mut [IoSliceMut::new(bytes)],
        &mut control,
        RecvFlags::CMSG_CLOEXEC,
    )?;
    let mut descriptors = control.drain().flat_map(|message| match message {
        RecvAncillaryMessage::ScmRights(descriptors) => descriptors.collect(),
        _ => Vec::new(),
    });
    let first = descriptors.next();
    descriptors.for_each(drop);
    Ok((received.bytes, first))
}

#[cfg(test)]
mod tests {
    use std::{io::Write, net::TcpListener};

    use protocol::Transport;

    use super::*;

    fn request() -> Request {
        Request {
            transport: Transport::Tcp,
            host: "127.0.0.1:8080".parse().unwrap(),
            container: "172.17.0.2:80".parse().unwrap(),
        }
    }

    fn pair() -> (std::os::unix::net::UnixStream, UnixStream) {
        let (hook, agent) = std::os::unix::net::UnixStream::pair().unwrap();
        agent.set_nonblocking(true).unwrap();
        (hook, UnixStream::from_std(agent).unwrap())
    }

    #[tokio::test]
    async fn receive_gives_the_request_and_the_very_listener() {
        let (hook, agent) = pair();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        send(&hook, &request(), Some(listener.as_fd())).unwrap();
        drop(listener);
        let (got, descriptor) = receive(&agent).await.unwrap();
        assert_eq!(got, request());
        let taken = TcpListener::from(descriptor.unwrap());
        assert_eq!(taken.local_addr().unwrap(), address);
    }

    #[tokio::test]
    async fn receive_a_request_in_parts_without_a_listener() {
        let (mut hook, agent) = pair();
        let frame = protocol::encode(&request()).unwrap();
        let sender = std::thread::spawn(move || {
            for byte in frame {
                hook.write_all(&[byte]).unwrap();
            }
            hook
        });
        let (got, descriptor) = receive(&agent).await.unwrap();
        assert_eq!(got, request());
        assert!(descriptor.is_none());
        sender.join().unwrap();
    }

    #[tokio::test]
    async fn receive_garbage_or_an_early_end_is_an_error() {
        let (mut hook, agent) = pair();
        hook.write_all(&[0xff; 64]).unwrap();
        assert!(receive(&agent).await.is_err());
        let (hook, agent) = pair();
        drop(hook);
        assert!(
            receive(&agent)
                .await
                .unwrap_err()
                .to_string()
                .contains("ended before")
        );
    }
}
