//! Ctrl+C in a terminal that passes every key on.
//!
//! There it is a byte for the program, which may well do something else than end: the shell that starts a new line, the
//! editor. Who presses it three times within two seconds wants an end, and is told how to get it.
//!
//! ```text
//!   Idle ── three presses in 2 s ──► Telling ── still running a moment later ──► Armed ── press ──► stop
//!     ▲                                                                           │                  └── press: kill
//!     └───────────────────────────── another key, 5 s ────────────────────────────┘
//! ```

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

const CTRL_C: u8 = 3;
const COUNT: usize = 3;
const WITHIN: Duration = Duration::from_secs(2);
/// How long the third press may take to end the program by itself.
const MOMENT: Duration = Duration::from_millis(300);
/// How long the next press is an answer to what was told.
const ARMED_FOR: Duration = Duration::from_secs(5);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Idle,
    Telling { at: Instant },
    Armed { until: Instant },
    Stopping,
}

/// Counts presses.
#[derive(Debug)]
pub struct Presses {
    stage: Stage,
    recent: VecDeque<Instant>,
}

/// What a piece of typing means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// It goes to the program.
    Keys,
    /// The program is to be stopped; these keys do not go to it.
    Stop,
}

impl Presses {
    /// Counts from now on.
    pub fn new() -> Self {
        Self {
            stage: Stage::Idle,
            recent: VecDeque::new(),
        }
    }

    /// Something was typed.
    pub fn typed(&mut self, bytes: &[u8], now: Instant) -> Meaning {
        for byte in bytes {
            if *byte != CTRL_C {
                self.recent.clear();
                if self.stage != Stage::Stopping {
                    self.stage = Stage::Idle;
                }
                continue;
            }
            match self.stage {
                Stage::Stopping => return Meaning::Stop,
                Stage::Armed { until } if now < until => {
                    self.stage = Stage::Stopping;
                    return Meaning::Stop;
                }
                Stage::Telling { .. } => {}
                Stage::Armed { .. } | Stage::Idle => self.count(now),
            }
        }
        Meaning::Keys
    }

    /// When [`Presses::told`] is to be called, with the line shown: what is pressed still runs then.
    pub fn tell_at(&self) -> Option<Instant> {
        match self.stage {
            Stage::Telling { at } => Some(at),
            _ => None,
        }
    }

    /// The user knows what the next press does.
    pub fn told(&mut self, now: Instant) {
        self.stage = Stage::Armed {
            until: now + ARMED_FOR,
        };
    }

    /// Whether a stop was asked for.
    pub fn is_stopping(&self) -> bool {
        self.stage == Stage::Stopping
    }

    fn count(&mut self, now: Instant) {
        self.stage = Stage::Idle;
        self.recent.push_back(now);
        self.recent.retain(|press| now.duration_since(*press) <= WITHIN);
        if self.recent.len() >= COUNT {
            self.recent.clear();
            self.stage = Stage::Telling { at: now + MOMENT };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn wait(time: Duration) {
        tokio::time::advance(time).await;
    }

    fn press(presses: &mut Presses) -> Meaning {
        presses.typed(b"\x03", Instant::now())
    }

    #[tokio::test(start_paused = true)]
    async fn three_quick_presses_are_told_and_the_next_stops() {
        let mut presses = Presses::new();
        for _ in 0..3 {
            assert_eq!(presses.tell_at(), None);
            assert_eq!(press(&mut presses), Meaning::Keys);
            wait(Duration::from_millis(400)).await;
        }
        assert!(presses.tell_at().unwrap() <= Instant::now());
        // Until it is told, presses are keys.
        assert_eq!(press(&mut presses), Meaning::Keys);
        presses.told(Instant::now());
        assert_eq!(press(&mut presses), Meaning::Stop);
        assert!(presses.is_stopping());
        // And again, which kills.
        assert_eq!(press(&mut presses), Meaning::Stop);
    }

    #[tokio::test(start_paused = true)]
    async fn slow_presses_are_keys() {
        let mut presses = Presses::new();
        for _ in 0..9 {
            assert_eq!(press(&mut presses), Meaning::Keys);
            assert_eq!(presses.tell_at(), None);
            wait(Duration::from_millis(1100)).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn other_key_or_time_disarms() {
        let armed = || {
            let mut presses = Presses::new();
            assert_eq!(presses.typed(b"\x03\x03\x03", Instant::now()), Meaning::Keys);
            presses.told(Instant::now());
            presses
        };
        let mut presses = armed();
        assert_eq!(presses.typed(b"x\x03", Instant::now()), Meaning::Keys);
        let mut presses = armed();
        wait(ARMED_FOR).await;
        assert_eq!(press(&mut presses), Meaning::Keys);
        assert_eq!(presses.typed(b"\x03\x03", Instant::now()), Meaning::Keys);
        assert!(presses.tell_at().is_some(), "it counts anew");
        let mut presses = Presses::new();
        assert_eq!(presses.typed(b"\x03\x03a\x03", Instant::now()), Meaning::Keys);
        assert_eq!(presses.tell_at(), None);
    }
}
