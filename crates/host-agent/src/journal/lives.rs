//! Which containers run, as far as the journal knows: what later entries need from earlier ones, and what tells that
//! entries are missing.

use std::collections::HashMap;

use super::{Entry, What};

/// How far the times of an event and of the same thing in a listing may be apart.
const SAME_MS: i64 = 10_000;

/// The containers that are there. Cheap: as many as the engine has.
#[derive(Debug, Default)]
pub struct Lives(HashMap<String, Life>);

/// One container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Life {
    /// Its name, empty where it is not known.
    pub name: String,
    /// Its image, empty as `name`.
    pub image: String,
    /// Whether it runs.
    pub running: bool,
    /// Since when, in milliseconds since the Unix epoch.
    since_ms: i64,
    /// Whether that was found out by looking, and its event may still come.
    looked: bool,
    /// Its limit of memory when it was started; 0 for none.
    limit_bytes: u64,
    /// Whether something in it was killed for want of memory since then.
    oom: bool,
}

impl Lives {
    /// What entries of earlier lives of the host agent say.
    pub fn of(entries: &[Entry]) -> Self {
        let mut lives = Self::default();
        for entry in entries.iter().filter(|entry| !entry.container.is_empty()) {
            lives.follow(entry, false);
        }
        lives
    }

    /// Takes in an event: adds what only earlier ones know. `None` when it was known already.
    pub fn take(&mut self, mut entry: Entry) -> Option<Entry> {
        if let Some(life) = self.0.get(&entry.container) {
            let runs = match entry.what {
                What::Started => Some(true),
                What::Exited { .. } => Some(false),
                _ => None,
            };
            let apart_ms = entry.at_ms.saturating_sub(life.since_ms).saturating_abs();
            if runs == Some(life.running) && life.looked && apart_ms < SAME_MS {
                return None;
            }
            match &mut entry.what {
                What::Exited { oom, .. } => *oom |= life.oom,
                What::OutOfMemory {
                    limit_bytes: limit @ 0,
                } => *limit = life.limit_bytes,
                _ => {}
            }
        }
        self.follow(&entry, false);
        Some(entry)
    }

    /// Takes in what was found out by looking.
    pub fn look(&mut self, entry: &Entry) {
        self.follow(entry, true);
    }

    /// Keeps a container's limit of memory.
    pub fn limit(&mut self, container: &str, limit_bytes: u64) {
        if let Some(life) = self.0.get_mut(container) {
            life.limit_bytes = limit_bytes;
        }
    }

    /// What is known of a container.
    pub fn get(&self, container: &str) -> Option<&Life> {
        self.0.get(container)
    }

    /// Those that are taken to run.
    pub fn running(&self) -> Vec<(String, Life)> {
        let running = self.0.iter().filter(|(_, life)| life.running);
        running.map(|(id, life)| (id.clone(), life.clone())).collect()
    }

    fn follow(&mut self, entry: &Entry, looked: bool) {
        if entry.what == What::Removed {
            self.0.remove(&entry.container);
            return;
        }
        if !matches!(
            entry.what,
            What::Created | What::Started | What::Exited { .. } | What::OutOfMemory { .. } | What::Renamed
        ) {
            return;
        }
        let life = self.0.entry(entry.container.clone()).or_default();
        for (known, told) in [(&mut life.name, &entry.name), (&mut life.image, &entry.image)] {
            if !told.is_empty() {
                known.clone_from(told);
            }
        }
        match entry.what {
            What::Started | What::Exited { .. } => {
                let running = entry.what == What::Started;
                (life.running, life.since_ms, life.looked) = (running, entry.at_ms, looked);
                if running {
                    life.oom = false;
                }
            }
            What::OutOfMemory { .. } => life.oom = true,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(at_ms: i64, what: What) -> Entry {
        Entry {
            at_ms,
            container: "c1".to_owned(),
            name: "web".to_owned(),
            image: String::new(),
            what,
        }
    }

    fn exited(oom: bool) -> What {
        What::Exited { code: 137, oom }
    }

    #[test]
    fn take_exit_after_want_of_memory_says_so_until_the_next_start() {
        let mut lives = Lives::default();
        lives.take(entry(1, What::Started));
        lives.limit("c1", 512);
        let oom = lives
            .take(entry(2, What::OutOfMemory { limit_bytes: 0 }))
            .unwrap();
        assert_eq!(oom.what, What::OutOfMemory { limit_bytes: 512 });
        assert_eq!(lives.take(entry(3, exited(false))).unwrap().what, exited(true));
        lives.take(entry(4, What::Started));
        assert_eq!(lives.take(entry(5, exited(false))).unwrap().what, exited(false));
    }

    #[test]
    fn take_event_of_what_was_seen_by_looking_is_known() {
        let mut lives = Lives::default();
        lives.look(&entry(1_000, What::Started));
        assert_eq!(lives.take(entry(1_200, What::Started)), None);
        assert!(lives.take(entry(2_000, exited(false))).is_some());
        assert!(
            lives.take(entry(2_100, What::Started)).is_some(),
            "a restart is another start"
        );
        lives.look(&entry(3_000, exited(false)));
        assert_eq!(lives.take(entry(3_001, exited(false))), None);
        assert!(lives.take(entry(60_000, exited(false))).is_some());
    }

    #[test]
    fn of_entries_knows_what_runs() {
        let lives = Lives::of(&[entry(1, What::Created), entry(2, What::Started)]);
        assert_eq!(lives.running()[0].1.name, "web");
        assert!(
            Lives::of(&[entry(2, What::Started), entry(3, exited(false))])
                .running()
                .is_empty()
        );
        assert!(
            Lives::of(&[entry(2, What::Started), entry(3, What::Removed)])
                .running()
                .is_empty()
        );
    }
}
