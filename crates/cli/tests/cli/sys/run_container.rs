//! Containers in the foreground: signals, terminals, and the end of the program.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

use super::terminal::Terminal;
use crate::{
    home::Home,
    host_agent::{HostAgent, Script, running},
};

/// A running `pinnace run`.
struct Foreground {
    child: Child,
    stdout: BufReader<ChildStdout>,
    agent: HostAgent,
    _home: Home,
}

impl Foreground {
    fn start(arguments: &[&str]) -> Self {
        let home = Home::new();
        let agent = HostAgent::start(&home.api_address(), Script::new(running()));
        let mut child = Command::new(env!("CARGO_BIN_EXE_pinnace"))
            .args(arguments)
            .env("PINNACE_HOME", home.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let mut foreground = Self {
            child,
            stdout,
            agent,
            _home: home,
        };
        foreground.reads("up\n");
        foreground
    }

    fn reads(&mut self, line: &str) {
        let mut read = String::new();
        self.stdout.read_line(&mut read).unwrap();
        assert_eq!(read, line);
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    fn end(self) -> (Option<i32>, String, HostAgent) {
        let output = self.child.wait_with_output().unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stderr).unwrap(),
            self.agent,
        )
    }
}

fn wait_for(agent: &HostAgent, frame: &str) {
    let limit = Instant::now() + Duration::from_secs(20);
    while !agent.frames().iter().any(|seen| seen == frame) {
        assert!(Instant::now() < limit, "{frame} never came: {:?}", agent.frames());
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn run_interrupts_are_passed_on_and_the_exit_code_is_130() {
    let mut run = Foreground::start(&["run", "x"]);
    for _ in 0..3 {
        run.signal(Signal::INT);
        run.reads("got INT\n");
    }
    let (code, _, agent) = run.end();
    assert_eq!(code, Some(130));
    assert_eq!(agent.frames(), ["Signal(\"INT\")"; 3]);
}

#[test]
fn run_quit_is_passed_on() {
    let mut run = Foreground::start(&["run", "x"]);
    run.signal(Signal::QUIT);
    run.reads("got QUIT\n");
    run.signal(Signal::TERM);
    run.end();
}

#[test]
fn run_ended_from_outside_says_so_and_returns() {
    for signal in [Signal::TERM, Signal::HUP] {
        let run = Foreground::start(&["run", "x"]);
        let before = Instant::now();
        run.signal(signal);
        let (code, _, agent) = run.end();
        assert_eq!(code, Some(130));
        assert!(before.elapsed() < Duration::from_secs(2));
        wait_for(&agent, "gone");
        assert_eq!(agent.frames(), ["Closing", "gone"]);
    }
}

#[test]
fn run_killed_says_nothing() {
    let run = Foreground::start(&["run", "x"]);
    run.signal(Signal::KILL);
    let (_, _, agent) = run.end();
    wait_for(&agent, "gone");
    assert_eq!(agent.frames(), ["gone"]);
}

#[test]
fn run_without_sig_proxy_is_left_running_by_an_interrupt() {
    let run = Foreground::start(&["run", "--sig-proxy=false", "x"]);
    run.signal(Signal::INT);
    let (code, stderr, agent) = run.end();
    assert_eq!(code, Some(130));
    assert!(
        stderr.contains("container brave_boat left running\nhint: reattach"),
        "{stderr}"
    );
    assert_eq!(agent.frames()[0], "Detach");
}

#[test]
fn run_terminal_is_raw_detaches_and_is_restored() {
    let home = Home::new();
    let agent = HostAgent::start(&home.api_address(), Script::new(running()));
    let mut terminal = Terminal::run(&home, &["run", "-it", "x"]);
    terminal.wait_for("up");
    terminal.keyboard.write_all(b"a").unwrap();
    terminal.wait_for("A");
    assert!(terminal.is_raw());
    // Ctrl+P alone is a key.
    terminal.keyboard.write_all(b"\x10b").unwrap();
    terminal.wait_for("\x10B");
    terminal.keyboard.write_all(b"\x10\x11").unwrap();
    terminal.wait_for("container brave_boat left running");
    terminal.wait_for("hint: reattach with `pinnace attach brave_boat`, stop with `pinnace stop brave_boat`");
    assert_eq!(terminal.child.wait().unwrap().code(), Some(0));
    assert!(!terminal.is_raw());
    assert_eq!(agent.frames(), ["Detach"]);
}

#[test]
fn run_terminal_three_interrupts_tell_and_the_next_stops() {
    let home = Home::new();
    let agent = HostAgent::start(&home.api_address(), Script::new(running()));
    let mut terminal = Terminal::run(&home, &["run", "-it", "--detach-keys", "ctrl-x,x", "x"]);
    terminal.wait_for("up");
    terminal.keyboard.write_all(b"a").unwrap();
    terminal.wait_for("A");
    terminal.keyboard.write_all(b"\x03\x03\x03").unwrap();
    terminal.wait_for("Ctrl+C again to stop the container, Ctrl+X x to leave it running\r\n");
    terminal.keyboard.write_all(b"\x03").unwrap();
    assert_eq!(terminal.child.wait().unwrap().code(), Some(130));
    assert!(!terminal.is_raw());
    assert_eq!(agent.frames(), ["Stop"]);
}

#[test]
fn run_terminal_ended_from_outside_is_restored() {
    let home = Home::new();
    let agent = HostAgent::start(&home.api_address(), Script::new(running()));
    let mut terminal = Terminal::run(&home, &["run", "-it", "x"]);
    terminal.wait_for("up");
    terminal.keyboard.write_all(b"a").unwrap();
    terminal.wait_for("A");
    assert!(terminal.is_raw());
    kill_process(Pid::from_child(&terminal.child), Signal::HUP).unwrap();
    assert_eq!(terminal.child.wait().unwrap().code(), Some(130));
    assert!(!terminal.is_raw());
    wait_for(&agent, "Closing");
}
