//! A worker somewhere, and the two pipes that lead there.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};

use super::worker::{Answer, Order};
use crate::{bench::interrupt::Interrupt, shell};

/// For one order: some take minutes where the host emulates.
const LIMIT: Duration = Duration::from_secs(1800);
/// How often Ctrl+C is looked for.
const LOOK: Duration = Duration::from_millis(100);
/// For the worker's own end.
const END: Duration = Duration::from_secs(30);

/// A worker. Dropping it lets it end.
pub struct Line {
    child: Child,
    input: Option<ChildStdin>,
    answers: Receiver<String>,
}

impl Line {
    /// A worker on this host.
    pub fn native(folder: &Path) -> Result<Self> {
        let mut worker = shell::command(std::env::current_exe()?);
        Self::start(worker.arg("bench-worker").arg(folder))
    }

    /// A worker that a command leads to.
    pub fn start(command: &mut Command) -> Result<Self> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("failed to start {command:?}"))?;
        let input = child.stdin.take();
        let output = child.stdout.take().context("a worker without an output")?;
        let (sender, answers) = mpsc::channel();
        thread::spawn(move || {
            // Ends with the worker, or with whom the answers are for.
            BufReader::new(output)
                .lines()
                .map_while(|line| line.ok())
                .try_for_each(|line| sender.send(line))
        });
        Ok(Self {
            child,
            input,
            answers,
        })
    }

    /// Has an order carried out. How many seconds it took, by the worker's own clock.
    pub fn ask(&mut self, order: &Order, interrupt: &Interrupt) -> Result<f64> {
        let input = self.input.as_mut().context("the worker ended")?;
        writeln!(input, "{}", serde_json::to_string(order)?)
            .and_then(|()| input.flush())
            .context("the worker takes no order")?;
        let deadline = Instant::now() + LIMIT;
        loop {
            match self.answers.recv_timeout(LOOK) {
                Ok(line) => return read(&line),
                Err(RecvTimeoutError::Disconnected) => {
                    self.input = None;
                    interrupt.check()?;
                    bail!("the worker ended");
                }
                Err(RecvTimeoutError::Timeout) => interrupt.check()?,
            }
            if Instant::now() > deadline {
                // What it answers later must not be taken for the answer to the next order.
                self.input = None;
                bail!("the worker did not answer within {LIMIT:?}");
            }
        }
    }
}

fn read(line: &str) -> Result<f64> {
    let answer: Answer =
        serde_json::from_str(line).with_context(|| format!("the worker answers nonsense: {line:?}"))?;
    match answer {
        Answer::Took { seconds } => {
            ensure!(seconds.is_finite() && seconds >= 0.0, "it took {seconds} s");
            Ok(seconds)
        }
        Answer::Failed { error } => bail!(error),
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.input = None;
        let deadline = Instant::now() + END;
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < deadline {
            thread::sleep(LOOK);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::files::worker::Job;

    fn ask(script: &str) -> Result<f64> {
        let mut line = Line::start(Command::new("sh").args(["-c", script]))?;
        line.ask(
            &Order::once(Job::Remove {
                folder: "x".to_owned(),
            }),
            &Interrupt::never(),
        )
    }

    #[test]
    fn ask_answered_returns_the_time() {
        assert_eq!(ask(r#"read x; echo '{"seconds":1.5}'"#).unwrap(), 1.5);
    }

    #[test]
    fn ask_of_a_worker_that_fails_or_ends_tells_why() {
        let error = ask(r#"read x; echo '{"error":"no such folder"}'"#).unwrap_err();
        assert_eq!(error.to_string(), "no such folder");
        let error = ask("read x").unwrap_err();
        assert_eq!(error.to_string(), "the worker ended");
        assert!(ask("read x; echo hello").is_err());
    }
}
