//! A shell that tests look at and end: the leader of a session, as the engine starts the process of an exec.

use std::{
    io::{BufRead, BufReader, Write},
    os::fd::OwnedFd,
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};

/// Tests that run in the background or under `nohup` would hand on signals that they ignore.
const DEFAULT_SIGNALS: &str = "--default-signal";

pub struct TestChild {
    child: Child,
    lines: Vec<String>,
}

impl TestChild {
    /// Runs a script and waits until it has said "ready"; one that does not say so until its program runs.
    pub fn start(script: &str) -> Self {
        let mut command = Command::new("env");
        command
            .args([DEFAULT_SIGNALS, "setsid", "sh", "-c", script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut lines = Vec::new();
        if script.contains("echo ready") {
            let output = BufReader::new(child.stdout.take().unwrap());
            lines = output
                .lines()
                .map(Result::unwrap)
                .take_while(|line| line != "ready")
                .collect();
        }
        let started = Self { child, lines };
        started.wait_for_program(script);
        started
    }

    /// The same, with a terminal that it controls. Gives our end.
    pub fn start_on_terminal(script: &str) -> (Self, OwnedFd) {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let ours = openpt(flags).unwrap();
        grantpt(&ours).unwrap();
        unlockpt(&ours).unwrap();
        let theirs = ioctl_tiocgptpeer(&ours, flags).unwrap();
        let mut command = Command::new("env");
        command
            .args([DEFAULT_SIGNALS, "setsid", "--ctty", "sh", "-c", script])
            .stdin(theirs.try_clone().unwrap())
            .stdout(theirs.try_clone().unwrap())
            .stderr(theirs);
        let child = command.spawn().unwrap();
        let started = Self {
            child,
            lines: Vec::new(),
        };
        started.wait_for_program(script);
        (started, ours)
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it said before "ready".
    pub fn lines(&self) -> &[String] {
        &self.lines
    }

    pub fn say(&mut self, line: &str) {
        writeln!(self.child.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    pub fn wait(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.wait();
    }

    /// `env` and `setsid` become the shell, and the shell the program that the script ends with.
    fn wait_for_program(&self, script: &str) {
        let sleeps = script.starts_with("exec sleep");
        let wanted = if sleeps { "sleep\n" } else { "sh\n" };
        let path = format!("/proc/{}/comm", self.pid());
        while std::fs::read_to_string(&path).is_ok_and(|program| program != wanted) {
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for TestChild {
    fn drop(&mut self) {
        // It has ended already where a test ended it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
