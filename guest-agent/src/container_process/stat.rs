//! The line in `/proc/PID/stat` (proc_pid_stat(5)).

/// Its fields that matter here. Numbers of processes are those of the reader's namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stat {
    /// The process.
    pub pid: u32,
    /// Its name; whatever is no text in it, and no printable one, is replaced.
    pub program: String,
    /// Its parent; 0 when that is in another namespace.
    pub parent: u32,
    /// Its process group.
    pub group: u32,
    /// Its session.
    pub session: u32,
    /// The foreground group of its controlling terminal.
    pub foreground_group: Option<u32>,
    /// When it started, in clock ticks since the boot.
    pub started: u64,
}

/// Which process, for as long as nobody holds it: a number and when its process started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Its number.
    pub pid: u32,
    /// In clock ticks since the boot.
    pub started: u64,
}

impl Stat {
    /// Which process this is.
    pub fn identity(&self) -> Identity {
        Identity {
            pid: self.pid,
            started: self.started,
        }
    }

    /// Reads the line. The name stands in parentheses and may hold anything, also parentheses, blanks and line ends.
    pub fn parse(line: &[u8]) -> Option<Self> {
        let open = line.iter().position(|byte| *byte == b'(')?;
        let close = line.iter().rposition(|byte| *byte == b')')?;
        let program = String::from_utf8_lossy(line.get(open + 1..close)?);
        let pid = str::from_utf8(line.get(..open)?).ok()?.trim().parse().ok()?;
        // From the third field on: state, ppid, pgrp, session, tty_nr, tpgid, …
        let mut fields = str::from_utf8(line.get(close + 1..)?)
            .ok()?
            .split_ascii_whitespace();
        let _state = fields.next()?;
        let parent = fields.next()?.parse().ok()?;
        let group = fields.next()?.parse().ok()?;
        let session = fields.next()?.parse().ok()?;
        let _terminal = fields.next()?;
        let foreground: i64 = fields.next()?.parse().ok()?;
        // Field 22.
        let started = fields.nth(13)?.parse().ok()?;
        Some(Self {
            pid,
            program: program.chars().map(printable).collect(),
            parent,
            group,
            session,
            // -1 without a terminal, 0 when the group is in another namespace.
            foreground_group: u32::try_from(foreground).ok().filter(|group| *group != 0),
            started,
        })
    }
}

/// A process names itself; its name ends up on somebody's screen.
fn printable(letter: char) -> char {
    if letter.is_control() {
        char::REPLACEMENT_CHARACTER
    } else {
        letter
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const REST: &str = "S 41 42 43 34816 42 4194304 139 0 0 0 1 2 0 0 20 0 1 0 9876543 2658304 221 18446744073709551615 1 1 0 0 0 0 0 4096 65538 0 0 0 17 1 0 0 0 0 0 0 0 0 0 0 0 0 0\n";

    #[test]
    fn parse_line_gives_its_fields() {
        let stat = Stat::parse(format!("42 (sleep) {REST}").as_bytes()).unwrap();
        assert_eq!(
            stat,
            Stat {
                pid: 42,
                program: "sleep".into(),
                parent: 41,
                group: 42,
                session: 43,
                foreground_group: Some(42),
                started: 9_876_543,
            }
        );
    }

    #[test]
    fn parse_odd_names_do_not_shift_the_fields() {
        for (name, shown) in [
            ("a b", "a b"),
            (") S 1 1 1 (", ") S 1 1 1 ("),
            ("))", "))"),
            ("", ""),
            ("a\n\x1b[2J", "a\u{fffd}\u{fffd}[2J"),
        ] {
            let stat = Stat::parse(format!("42 ({name}) {REST}").as_bytes()).unwrap();
            assert_eq!((stat.program.as_str(), stat.parent), (shown, 41));
        }
        let bytes = [b"42 (\xff) ", REST.as_bytes()].concat();
        assert_eq!(Stat::parse(&bytes).unwrap().program, "\u{fffd}");
    }

    #[test]
    fn parse_no_terminal_gives_no_foreground_group() {
        for group in ["-1", "0"] {
            let line = format!("42 (x) {REST}").replace("34816 42", &format!("0 {group}"));
            assert_eq!(Stat::parse(line.as_bytes()).unwrap().foreground_group, None);
        }
    }

    #[test]
    fn parse_every_cut_before_the_start_time_gives_none() {
        let line = format!("42 (x) {REST}");
        let end = line.find("9876543").unwrap();
        for length in 0..=end {
            assert_eq!(Stat::parse(&line.as_bytes()[..length]), None, "{length}");
        }
    }

    proptest! {
        #[test]
        fn parse_never_panics(line in prop::collection::vec(any::<u8>(), 0..256)) {
            Stat::parse(&line);
        }

        #[test]
        fn parse_any_name_keeps_the_fields(name in prop::collection::vec(any::<u8>(), 0..64)) {
            let line = [b"42 (", name.as_slice(), b") ", REST.as_bytes()].concat();
            prop_assert_eq!(Stat::parse(&line).map(|stat| stat.started), Some(9_876_543));
        }
    }
}
