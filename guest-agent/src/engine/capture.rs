//! Starts a program with its output captured in a log.

use std::process::Stdio;

use anyhow::Context;
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    process::{Child, Command},
};

use crate::ring::{LogRing, MAX_LINE_BYTES};

/// Starts it. Both outputs go to the log, line by line.
pub fn spawn(command: &mut Command, log: &LogRing) -> anyhow::Result<Child> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("failed to run {}", command.as_std().get_program().display()))?;
    if let Some(output) = child.stdout.take() {
        tokio::spawn(keep_lines(output, log.clone()));
    }
    if let Some(output) = child.stderr.take() {
        tokio::spawn(keep_lines(output, log.clone()));
    }
    Ok(child)
}

/// Reads lines until the end. A line that is too long is cut in pieces.
async fn keep_lines(mut output: impl AsyncRead + Unpin, log: LogRing) {
    let mut buffer = Vec::with_capacity(4096);
    loop {
        let ended = !matches!(output.read_buf(&mut buffer).await, Ok(1..));
        let mut start = 0;
        while let Some(length) = buffer[start..].iter().position(|byte| *byte == b'\n') {
            log.push(String::from_utf8_lossy(&buffer[start..start + length]).trim_end_matches('\r'));
            start += length + 1;
        }
        buffer.drain(..start);
        if !buffer.is_empty() && (ended || buffer.len() >= MAX_LINE_BYTES) {
            log.push(&String::from_utf8_lossy(&buffer));
            buffer.clear();
        }
        if ended {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn keep_lines_splits_joins_and_keeps_the_rest() {
        let log = LogRing::new(1 << 20);
        keep_lines(&b"one\r\ntwo\n\nlast"[..], log.clone()).await;
        let kept: Vec<String> = log.tail(9).lines.iter().map(ToString::to_string).collect();
        assert_eq!(kept, ["one", "two", "", "last"]);
    }

    #[tokio::test]
    async fn spawn_program_has_both_outputs_in_the_log() {
        let log = LogRing::new(1 << 20);
        let mut watch = log.watch();
        let mut child = spawn(Command::new("sh").args(["-c", "echo out; echo err >&2"]), &log).unwrap();
        assert!(child.wait().await.unwrap().success());
        watch.wait_for(|next| *next == 2).await.unwrap();
    }

    #[test]
    fn spawn_missing_program_names_it() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let error = runtime.block_on(async { spawn(&mut Command::new("/no/such"), &LogRing::new(1)) });
        assert!(format!("{:#}", error.unwrap_err()).starts_with("failed to run /no/such"));
    }
}
