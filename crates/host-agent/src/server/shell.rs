//! A shell in the machine on an upgraded connection.

use std::{io, time::Duration};

use agent_client::AgentClient;
use api::{Code, SHELL_UPGRADE, ShellFrame, ShellFrameDecoder, ShellRequest};
use axum::{
    extract::{Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use link::Stream;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    sync::broadcast,
};
use tracing::debug;

use super::{
    Server,
    answer::{Failed, read},
};
use crate::failure::{chain, failure, hinted};

const READ_BYTES: usize = 16 * 1024;
const MAX_REQUEST_BYTES: usize = 1024 * 1024;
/// The exit code is sent before the output ends, on another lane.
const EXIT_LIMIT: Duration = Duration::from_secs(5);

pub(super) async fn shell(State(server): State<Server>, mut request: Request) -> Result<Response, Failed> {
    let wanted = request
        .headers()
        .get(header::UPGRADE)
        .is_some_and(|value| value == SHELL_UPGRADE);
    if !wanted {
        return Err(failure(
            Code::BadRequest,
            format!("the connection must be upgraded to {SHELL_UPGRADE}"),
        )
        .into());
    }
    let upgrade = hyper::upgrade::on(&mut request);
    let body = axum::body::to_bytes(request.into_body(), MAX_REQUEST_BYTES)
        .await
        .map_err(|error| failure(Code::BadRequest, chain(&error)))?;
    let ShellRequest { argv, tty } = read(&body)?;
    let agent = server.supervisor.agent().ok_or_else(|| {
        hinted(
            Code::NotRunning,
            "the machine is not running",
            "run `pinnace start`",
        )
    })?;
    let mut token = [0; 8];
    getrandom::fill(&mut token).map_err(|error| failure(Code::Internal, error.to_string()))?;
    let token = u64::from_ne_bytes(token);
    // Listen first: a short command may end before we look.
    let exits = server.supervisor.shell_exits();
    let stream = agent
        .open_shell(token, argv, tty)
        .await
        .map_err(|error| failure(Code::Internal, chain(&error)))?;
    tokio::spawn(async move {
        if let Err(error) = (Shell { agent, token, exits }).run(upgrade, stream).await {
            debug!(%error, "shell broke");
        }
    });
    let headers = [(header::CONNECTION, "upgrade"), (header::UPGRADE, SHELL_UPGRADE)];
    Ok((StatusCode::SWITCHING_PROTOCOLS, headers).into_response())
}

struct Shell {
    agent: AgentClient,
    token: u64,
    exits: broadcast::Receiver<(u64, u8)>,
}

impl Shell {
    /// Ends with the shell's output, or when the client goes, which aborts the shell.
    async fn run(mut self, upgrade: OnUpgrade, stream: Stream) -> io::Result<()> {
        let client = TokioIo::new(upgrade.await.map_err(io::Error::other)?);
        let (from_client, mut to_client) = tokio::io::split(client);
        let (from_shell, to_shell) = tokio::io::split(stream);
        let output = output(from_shell, &mut to_client);
        let input = input(from_client, to_shell, &self.agent, self.token);
        tokio::select! {
            ended = output => ended?,
            gone = input => return gone,
        }
        if let Some(code) = self.exit_code().await {
            to_client.write_all(&ShellFrame::Exit(code).encode()).await?;
        }
        to_client.shutdown().await
    }

    async fn exit_code(&mut self) -> Option<u8> {
        let code = async {
            loop {
                match self.exits.recv().await {
                    Ok((token, code)) if token == self.token => return Some(code),
                    Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {}
                    Err(broadcast::error::RecvError::Closed) => return None,
                }
            }
        };
        tokio::time::timeout(EXIT_LIMIT, code).await.ok().flatten()
    }
}

async fn output<R: AsyncRead + Unpin, W: AsyncWrite + Unpin>(mut shell: R, client: &mut W) -> io::Result<()> {
    let mut bytes = vec![0; READ_BYTES];
    loop {
        match shell.read(&mut bytes).await? {
            0 => return Ok(()),
            length => {
                client
                    .write_all(&ShellFrame::Data(bytes[..length].to_vec()).encode())
                    .await?;
                client.flush().await?;
            }
        }
    }
}

/// Passes frames on. Returns only when the client is gone.
async fn input<R: AsyncRead + Unpin, W: AsyncWrite + Unpin>(
    mut client: R,
    mut shell: W,
    agent: &AgentClient,
    token: u64,
) -> io::Result<()> {
    let mut decoder = ShellFrameDecoder::default();
    let mut bytes = vec![0; READ_BYTES];
    loop {
        while let Some(frame) = decoder.next_frame()? {
            match frame {
                ShellFrame::Data(data) => {
                    // A program that closed its input still has output.
                    if shell.write_all(&data).await.is_ok() {
                        shell.flush().await.ok();
                    }
                }
                ShellFrame::EndOfInput => shell.shutdown().await.unwrap_or_default(),
                ShellFrame::Resize { columns, rows } => {
                    let resize = protocol::Request::ResizeShell { token, columns, rows };
                    if let Err(error) = agent.call(resize).await {
                        debug!(%error, "terminal not resized");
                    }
                }
                ShellFrame::Exit(_) => return Err(io::Error::from(io::ErrorKind::InvalidData)),
            }
        }
        match client.read(&mut bytes).await? {
            0 => return Ok(()),
            length => decoder.push(&bytes[..length]),
        }
    }
}
