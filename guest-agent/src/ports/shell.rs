//! A shell, or any program, in the machine.

use anyhow::bail;
use protocol::{Event, StreamHead};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

use super::head;
use crate::{agent::Agent, shell};

/// As shells tell that a program could not be run.
const CODE_NOT_RUN: u8 = 127;

/// Runs what the head asks for; tells the exit code, then ends our direction.
pub async fn answer(agent: Agent, stream: impl AsyncRead + AsyncWrite + Unpin) {
    if let Err(error) = serve(&agent, stream).await {
        tracing::warn!(error = format!("{error:#}"), "shell stream ended");
    }
}

async fn serve(agent: &Agent, mut stream: impl AsyncRead + AsyncWrite + Unpin) -> anyhow::Result<()> {
    let (head, first_input) = head::read(&mut stream).await?;
    let StreamHead::Shell { token, argv, tty } = head else {
        bail!("the stream's head is for another port")
    };
    let program = shell::Program {
        token,
        argv,
        tty,
        first_input,
    };
    let ran = shell::run(program, &agent.terminals, &mut stream).await;
    let code = match &ran {
        Ok(code) => *code,
        Err(error) => {
            // The user reads it where the program's output would be; a host that left does not.
            let _ = stream
                .write_all(format!("pinnace: {error:#}\r\n").as_bytes())
                .await;
            CODE_NOT_RUN
        }
    };
    agent.board.tell(Event::ShellExited { token, code });
    stream.shutdown().await?;
    Ok(())
}
