//! Running a part of a test in a process of its own: this test program again, with one ignored test chosen.

use std::{
    env,
    io::{BufRead, BufReader},
    process::{Child, ChildStdout, Command, Stdio},
};

/// Tells the other process that it was started for its part, and with what.
const ARGUMENT: &str = "PINNACE_TEST_ARGUMENT";

/// A command that runs the ignored test of this name.
pub fn command(test: &str, argument: &str) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command
        .args(["--ignored", "--exact", "--nocapture", "--test-threads=1", test])
        .env(ARGUMENT, argument);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    command
}

/// What [`command`] was given; `None` when somebody runs all ignored tests.
pub fn argument() -> Option<String> {
    env::var(ARGUMENT).ok()
}

/// Starts it and waits for a line with the mark; returns the output after that line.
#[expect(
    clippy::zombie_processes,
    reason = "the caller waits for the child; a panic ends the test program"
)]
pub fn start_until(mut command: Command, mark: &str) -> (Child, BufReader<ChildStdout>, String) {
    let mut child = command.spawn().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    loop {
        let mut line = String::new();
        assert_ne!(output.read_line(&mut line).unwrap(), 0, "it ended before {mark}");
        // The test harness writes its own words before ours, on the same line.
        if let Some((_, rest)) = line.split_once(mark) {
            let rest = rest.trim().to_owned();
            return (child, output, rest);
        }
    }
}
