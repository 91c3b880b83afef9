//! Runs one program and joins it to a stream.

use std::{
    io::{self, Write as _},
    os::{
        fd::{FromRawFd as _, OwnedFd},
        unix::process::{CommandExt as _, ExitStatusExt as _},
    },
    process::{ExitStatus, Stdio},
    time::Duration,
};

use anyhow::Context;
use rustix::process::{Pid, Signal, ioctl_tiocsctty, kill_process_group, setsid};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::unix::pipe,
    process::{Child, Command},
    time::timeout,
};

use super::{pty::Pty, terminals::Terminals};
use crate::{engine::PATH, limits};

const BUFFER_BYTES: usize = 32 * 1024;
/// What a program leaves running may keep its output open for ever; after its end we listen this much longer.
const DRAIN_LIMIT: Duration = Duration::from_secs(1);
/// What a terminal takes for the end of input (VEOF, Ctrl+D).
const END_OF_INPUT: u8 = 4;

/// What to run.
#[derive(Clone, Debug)]
pub struct Program {
    /// Names its terminal.
    pub token: u64,
    /// Program and arguments; empty for a login shell.
    pub argv: Vec<String>,
    /// Columns and rows of its terminal, where it gets one.
    pub tty: Option<(u16, u16)>,
    /// Input that came with the head.
    pub first_input: Vec<u8>,
}

/// Runs it to its end with input and output on the stream; returns its exit code. Our direction of the stream is still
/// open then. When the host aborts the stream, the program and its group are killed.
pub async fn run(
    program: Program,
    terminals: &Terminals,
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
) -> anyhow::Result<u8> {
    let (from_host, to_host) = tokio::io::split(stream);
    let mut command = command(&program.argv);
    if let Some((columns, rows)) = program.tty {
        let (pty, theirs) = Pty::open(columns, rows).context("failed to open a terminal")?;
        let clone = || theirs.try_clone().map(Stdio::from);
        command.stdin(clone()?).stdout(clone()?).stderr(clone()?);
        lead_session(&mut command, true);
        let child = command.spawn();
        // Its end must be held by the program alone, so that we see it close.
        drop((command, theirs));
        let child = child.with_context(|| missing(&program.argv))?;
        terminals.insert(program.token, pty.clone());
        let input = forward_input(from_host, pty.clone(), program.first_input, &[END_OF_INPUT]);
        let ended = join(child, input, pty, to_host).await;
        terminals.remove(program.token);
        return ended;
    }
    let (output, writer) = io::pipe().context("failed to make a pipe")?;
    command
        .stdin(Stdio::piped())
        .stdout(writer.try_clone()?)
        .stderr(writer);
    lead_session(&mut command, false);
    let child = command.spawn();
    drop(command);
    let mut child = child.with_context(|| missing(&program.argv))?;
    let stdin = child.stdin.take().context("the program has no input")?;
    let output =
        pipe::Receiver::from_owned_fd(OwnedFd::from(output)).context("failed to read from a pipe")?;
    let input = forward_input(from_host, stdin, program.first_input, &[]);
    join(child, input, output, to_host).await
}

fn command(argv: &[String]) -> Command {
    let mut command = match argv {
        [] => {
            let mut shell = Command::new("/bin/sh");
            // A name that begins with a dash makes it a login shell.
            shell.arg0("-sh");
            shell
        }
        [program, arguments @ ..] => {
            let mut command = Command::new(program);
            command.args(arguments);
            command
        }
    };
    let home = if std::path::Path::new("/root").is_dir() {
        "/root"
    } else {
        "/"
    };
    command
        .env_clear()
        .env("PATH", PATH)
        .env("HOME", home)
        .env("TERM", "xterm-256color")
        .env("USER", "root");
    command
        .env("DOCKER_HOST", "unix:///run/docker.sock")
        .current_dir(home)
        .kill_on_drop(true);
    limits::usual_files(&mut command);
    command
}

fn missing(argv: &[String]) -> String {
    format!("failed to run {}", argv.first().map_or("/bin/sh", String::as_str))
}

/// Makes the program the leader of a session, with its input as terminal, and takes the agent's protection from the
/// out-of-memory killer off it.
#[expect(unsafe_code, reason = "what runs between fork and exec is unsafe to choose")]
fn lead_session(command: &mut Command, terminal: bool) {
    let prepare = move || {
        setsid()?;
        if terminal {
            // SAFETY: file descriptor 0 was set up by the spawn and is open; it is given back, not closed.
            let stdin = std::mem::ManuallyDrop::new(unsafe { OwnedFd::from_raw_fd(0) });
            ioctl_tiocsctty(&*stdin)?;
        }
        if let Ok(mut file) = std::fs::OpenOptions::new()
            .write(true)
            .open("/proc/self/oom_score_adj")
        {
            // Protected it would only live a little longer.
            let _ = file.write_all(b"0");
        }
        Ok(())
    };
    // SAFETY: `prepare` makes system calls only; opening a short constant path does not allocate.
    unsafe { command.as_std_mut().pre_exec(prepare) };
}

/// Runs until the program has ended and its output is sent.
async fn join(
    mut child: Child,
    input: impl Future<Output = io::Result<()>>,
    mut output: impl AsyncRead + Unpin,
    mut to_host: impl AsyncWrite + Unpin,
) -> anyhow::Result<u8> {
    let group = child.id().and_then(|pid| Pid::from_raw(pid.cast_signed()));
    let sending = async {
        let sent = forward_output(&mut output, &mut to_host).await;
        // A program may close its outputs and go on; only a lost host ends this early.
        if sent.is_ok() {
            std::future::pending().await
        } else {
            sent
        }
    };
    let status = {
        let input = async {
            match input.await {
                // All input is passed on, or the program does not read it.
                Ok(()) => std::future::pending::<io::Result<()>>().await,
                Err(error) => Err(error),
            }
        };
        tokio::select! {
            status = child.wait() => status.context("failed to wait for the program")?,
            lost = async { tokio::select! { lost = sending => lost, lost = input => lost } } => {
                if let Some(group) = group {
                    // It may have ended by itself just now.
                    let _ = kill_process_group(group, Signal::KILL);
                }
                lost.context("the host left the stream")?;
                child.wait().await.context("failed to wait for the program")?
            }
        }
    };
    if let Ok(sent) = timeout(DRAIN_LIMIT, forward_output(&mut output, &mut to_host)).await {
        sent.context("the host left the stream")?;
    }
    Ok(exit_code(status))
}

async fn forward_input(
    mut from_host: impl AsyncRead + Unpin,
    mut to_program: impl AsyncWrite + Unpin,
    first: Vec<u8>,
    end: &[u8],
) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut reads = to_program.write_all(&first).await.is_ok();
    loop {
        let length = from_host.read(&mut buffer).await?;
        if length == 0 {
            // A program that reads no more does not mind.
            let _ = to_program.write_all(end).await;
            let _ = to_program.shutdown().await;
            return Ok(());
        }
        // Input that nobody reads is thrown away, so that the host's end of it is still noticed.
        reads = reads && to_program.write_all(&buffer[..length]).await.is_ok();
    }
}

async fn forward_output(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let length = from.read(&mut buffer).await?;
        if length == 0 {
            return Ok(());
        }
        to.write_all(&buffer[..length]).await?;
        to.flush().await?;
    }
}

/// 128 plus the signal's number for a program that a signal ended, as shells count.
fn exit_code(status: ExitStatus) -> u8 {
    let code = status
        .code()
        .unwrap_or_else(|| 128 + status.signal().unwrap_or(0));
    u8::try_from(code & 0xff).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(argv: &[&str], tty: Option<(u16, u16)>) -> Program {
        let argv = argv.iter().map(ToString::to_string).collect();
        Program {
            token: 1,
            argv,
            tty,
            first_input: Vec::new(),
        }
    }

    async fn output_of(program: Program, input: Option<&[u8]>) -> (u8, String) {
        let (mut host, mut guest) = tokio::io::duplex(1 << 20);
        if let Some(input) = input {
            host.write_all(input).await.unwrap();
            host.shutdown().await.unwrap();
        }
        let code = run(program, &Terminals::default(), &mut guest).await.unwrap();
        drop(guest);
        let mut text = String::new();
        host.read_to_string(&mut text).await.unwrap();
        (code, text)
    }

    #[tokio::test]
    async fn run_without_terminal_mixes_outputs_and_gives_the_code() {
        let (code, text) = output_of(
            program(&["sh", "-c", "echo out; echo err >&2; exit 7"], None),
            None,
        )
        .await;
        assert_eq!((code, text.as_str()), (7, "out\nerr\n"));
    }

    #[tokio::test]
    async fn run_end_of_input_reaches_the_program() {
        let (code, text) = output_of(program(&["cat"], None), Some(b"all of it")).await;
        assert_eq!((code, text.as_str()), (0, "all of it"));
    }

    #[tokio::test]
    async fn run_killed_program_gives_128_and_the_signal() {
        let (code, _) = output_of(program(&["sh", "-c", "kill -9 $$"], None), None).await;
        assert_eq!(code, 137);
    }

    #[tokio::test]
    async fn run_with_terminal_has_its_size_and_controls_it() {
        let (code, text) = output_of(
            program(
                &["sh", "-c", "stty size; tty >/dev/null && echo tty"],
                Some((91, 17)),
            ),
            None,
        )
        .await;
        assert_eq!((code, text.as_str()), (0, "17 91\r\ntty\r\n"));
    }

    #[tokio::test]
    async fn run_with_terminal_end_of_input_is_ctrl_d() {
        let (code, text) = output_of(program(&["cat"], Some((80, 24))), Some(b"line\n")).await;
        assert_eq!(code, 0);
        assert!(text.contains("line"), "{text:?}");
    }

    #[tokio::test]
    async fn run_missing_program_is_an_error_with_its_name() {
        let (_host, mut guest) = tokio::io::duplex(64);
        let error = run(program(&["/no/such"], None), &Terminals::default(), &mut guest)
            .await
            .err()
            .unwrap();
        assert_eq!(format!("{error}"), "failed to run /no/such");
    }
}
