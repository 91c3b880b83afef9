//! Connections at a host port, each joined to a stream of its own.

use std::{io, time::Duration};

use platform::HostPort;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::{bound::Serving, pipe::carry};

/// How long to stand back when no connection can be accepted, such as without file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(500);

/// Accepts until it is told to close.
pub async fn serve(port: HostPort<TcpListener>, serving: Serving, closing: CancellationToken) {
    tokio::select! {
        () = accept(&port, &serving) => {}
        () = closing.cancelled() => {}
    }
}

async fn accept(port: &HostPort<TcpListener>, serving: &Serving) {
    loop {
        match port.socket.accept().await {
            Ok((socket, peer)) if port.admits(peer.ip()) => {
                tokio::spawn(join(socket, serving.clone()));
            }
            Ok((_, peer)) => debug!(%peer, host = %port.address, "connection from elsewhere dropped"),
            // The client has gone already.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
                ) => {}
            Err(error) => {
                warn!(%error, host = %port.address, "connection not accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// One connection, to its end.
async fn join(mut socket: TcpStream, serving: Serving) {
    let _counted = serving.connections.enter();
    let carried = async {
        // Small messages matter here; a socket that refuses is slow, and nothing worse.
        let _ = socket.set_nodelay(true);
        let mut guest = serving
            .way
            .connect(&serving.target)
            .await
            .ok_or(io::ErrorKind::ConnectionReset)?;
        let stalls = serving.way.stalls();
        carry(
            &mut stalls.watch(&mut socket),
            &mut stalls.watch(&mut guest.stream),
        )
        .await
    };
    let ended = tokio::select! {
        ended = carried => ended,
        () = serving.aborting.cancelled() => Err(io::ErrorKind::ConnectionAborted.into()),
    };
    if let Err(error) = ended {
        debug!(%error, "connection broken off");
        // The client learns by a reset that this was no end. One that is gone does not care.
        let _ = socket.set_zero_linger();
    }
}
