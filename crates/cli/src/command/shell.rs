//! `pinnace shell`: a shell or a command in the machine.
//!
//! ```text
//!   stdin ──► Data… EndOfInput ──► guest          with a terminal: raw, restored on every way out, and its size
//!   stdout ◄── Data… Exit(code) ◄── guest         goes along as Resize
//! ```

use std::{
    ffi::OsString,
    io::{self, IsTerminal as _},
};

use api::{ShellFrame, ShellReader, ShellRequest, ShellWriter};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::Outcome;
use crate::{
    args::ShellArgs,
    failure::{Exit, Failure},
    session,
    sys::{self, RawTerminal, Resizes},
};

/// Runs a command in the machine. Comes to the command's exit code.
pub async fn run(args: ShellArgs) -> Outcome {
    let argv = args.argv.into_iter().map(text).collect::<Result<Vec<_>, _>>()?;
    let client = session::running().await?;
    let wants_terminal = !args.no_tty && io::stdin().is_terminal() && io::stdout().is_terminal();
    let tty = wants_terminal.then(|| sys::terminal_size().unwrap_or((80, 24)));
    let (reader, writer) = client.shell(&ShellRequest { argv, tty }).await?;
    // Raw only now: until here Ctrl+C ends this program as usual.
    let terminal = match tty {
        Some(_) => Some(
            RawTerminal::enter().map_err(|error| Failure::caused("failed to set up the terminal", &error))?,
        ),
        None => None,
    };
    let resizes = if tty.is_some() { Resizes::new().ok() } else { None };
    let input = tokio::spawn(send_input(writer, resizes));
    let outcome = tokio::select! {
        outcome = print_output(reader) => outcome,
        () = platform::terminate_signal() => Ok(Exit::Interrupted),
    };
    input.abort();
    // Before anything is printed.
    drop(terminal);
    outcome
}

fn text(argument: OsString) -> Result<String, Failure> {
    argument.into_string().map_err(|argument| {
        Failure::new(format!("the argument {} is not UTF-8", argument.display())).exit(Exit::Usage)
    })
}

/// Sends input until it ends, then that it ended; new sizes of the terminal all the while.
async fn send_input(mut writer: ShellWriter, mut resizes: Option<Resizes>) -> io::Result<()> {
    let mut stdin = tokio::io::stdin();
    let mut piece = vec![0; 16 << 10];
    let mut open = true;
    loop {
        let frame = tokio::select! {
            read = stdin.read(&mut piece), if open => match read {
                // A stdin that cannot be read, such as a closed one, has no more input.
                Ok(0) | Err(_) => {
                    open = false;
                    ShellFrame::EndOfInput
                }
                Ok(length) => ShellFrame::Data(piece[..length].to_vec()),
            },
            (columns, rows) = next_size(&mut resizes) => ShellFrame::Resize { columns, rows },
        };
        // Fails when the shell is gone, which its output says as well.
        writer.send(&frame).await?;
    }
}

/// The terminal's next size; never without a terminal.
async fn next_size(resizes: &mut Option<Resizes>) -> (u16, u16) {
    match resizes {
        Some(resizes) => resizes.next().await,
        None => std::future::pending().await,
    }
}

/// Prints output until the command has ended.
async fn print_output(mut reader: ShellReader) -> Outcome {
    let mut stdout = tokio::io::stdout();
    // When nobody reads the output any more the command goes on: its exit code still counts.
    let mut readable = true;
    loop {
        let frame = reader
            .next()
            .await
            .map_err(|error| Failure::caused("failed to read from the shell", &error))?;
        match frame {
            Some(ShellFrame::Data(data)) if readable => {
                readable = stdout.write_all(&data).await.is_ok() && stdout.flush().await.is_ok();
            }
            Some(ShellFrame::Exit(code)) => return Ok(Exit::Guest(code)),
            Some(_) => {}
            None => {
                return Err(
                    Failure::new("the connection to the machine was lost before the command ended")
                        .hint("see `pinnace status`"),
                );
            }
        }
    }
}
