//! The shell on a terminal.

use std::{
    fs::File,
    io::{Read as _, Write as _},
    os::fd::OwnedFd,
    process::{Child, Command, Stdio},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::{Mode, OFlags, open},
    process::{Pid, Signal, kill_process},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize},
};

use crate::{
    home::Home,
    host_agent::{HostAgent, Script, running},
};

/// How often a silent program is looked after.
const MOMENT: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 100_000_000,
};

/// A terminal of 100 by 40 with the program on it.
pub struct Terminal {
    pub keyboard: File,
    screen: OwnedFd,
    pub child: Child,
    pub seen: String,
}

impl Terminal {
    pub fn run(home: &Home, arguments: &[&str]) -> Self {
        let keyboard = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&keyboard).unwrap();
        unlockpt(&keyboard).unwrap();
        let name = ptsname(&keyboard, Vec::new()).unwrap();
        let screen = open(name.as_c_str(), OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
        let size = Winsize {
            ws_col: 100,
            ws_row: 40,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&keyboard, size).unwrap();
        let stdio = || Stdio::from(screen.try_clone().unwrap());
        let child = Command::new(env!("CARGO_BIN_EXE_pinnace"))
            .args(arguments)
            .env("PINNACE_HOME", home.path())
            .stdin(stdio())
            .stdout(stdio())
            .stderr(stdio())
            .spawn()
            .unwrap();
        Self {
            keyboard: File::from(keyboard),
            screen,
            child,
            seen: String::new(),
        }
    }

    /// Reads until the screen has shown `text`. Fails when the program ends without it: the terminal itself stays open.
    pub fn wait_for(&mut self, text: &str) {
        while !self.seen.contains(text) {
            let ended = self.child.try_wait().unwrap();
            let shown = self.read_shown();
            assert!(
                shown || ended.is_none(),
                "the program ended with {ended:?} and never showed {text:?}: {:?}",
                self.seen
            );
        }
    }

    /// Takes what comes within a moment; whether anything came.
    fn read_shown(&mut self) -> bool {
        let mut readable = [PollFd::new(&self.keyboard, PollFlags::IN)];
        if poll(&mut readable, Some(&MOMENT)).unwrap() == 0 {
            return false;
        }
        let mut bytes = [0; 1024];
        let length = self.keyboard.read(&mut bytes).unwrap();
        self.seen.push_str(&String::from_utf8_lossy(&bytes[..length]));
        true
    }

    pub fn is_raw(&self) -> bool {
        let modes = tcgetattr(&self.screen).unwrap().local_modes;
        !modes.intersects(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG)
    }
}

#[test]
fn shell_terminal_is_raw_resizes_and_is_restored() {
    let home = Home::new();
    let _agent = HostAgent::start(&home.api_address(), Script::new(running()));
    let mut terminal = Terminal::run(&home, &["shell", "--", "exit", "5"]);
    terminal.wait_for("tty Some((100, 40))");
    // The echo of a whole round trip: by now the terminal is set up.
    terminal.keyboard.write_all(b"a").unwrap();
    terminal.wait_for("a");
    assert!(terminal.is_raw());
    // Ctrl+C is a key for the guest and no signal.
    terminal.keyboard.write_all(b"\x03x").unwrap();
    terminal.wait_for("\x03x");
    let size = Winsize {
        ws_col: 61,
        ws_row: 17,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    tcsetwinsize(&terminal.keyboard, size).unwrap();
    // The kernel signals only a terminal's own session, which the test's child is not in.
    kill_process(Pid::from_child(&terminal.child), Signal::WINCH).unwrap();
    terminal.wait_for("size 61x17");
    terminal.keyboard.write_all(b"\x04").unwrap();
    assert_eq!(terminal.child.wait().unwrap().code(), Some(5));
    assert!(!terminal.is_raw());
}

#[test]
fn shell_terminated_from_outside_restores_the_terminal() {
    let home = Home::new();
    let _agent = HostAgent::start(&home.api_address(), Script::new(running()));
    let mut terminal = Terminal::run(&home, &["shell"]);
    terminal.wait_for("argv []");
    terminal.keyboard.write_all(b"b").unwrap();
    terminal.wait_for("b");
    assert!(terminal.is_raw());
    kill_process(Pid::from_child(&terminal.child), Signal::TERM).unwrap();
    assert_eq!(terminal.child.wait().unwrap().code(), Some(130));
    assert!(!terminal.is_raw());
}
