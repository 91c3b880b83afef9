//! What was learned about QEMU on this host, kept in one file until the host boots again or the program changes.
//!
//! Losing it costs a probe. So nothing about it is an error: what cannot be read is as if it were not there.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Mutex,
    time::UNIX_EPOCH,
};

use machine::Accelerator;
use serde::{Deserialize, Serialize};

const FILE_NAME: &str = "qemu-accelerators.json";

/// One program at one time: a new build has another time or size.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ProgramKey {
    pub path: PathBuf,
    modified_ns: u128,
    size_bytes: u64,
}

impl ProgramKey {
    pub(crate) fn of(path: &Path) -> std::io::Result<Self> {
        let file = fs::metadata(path)?;
        let modified = file.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok(Self {
            path: path.to_owned(),
            modified_ns: modified.as_nanos(),
            size_bytes: file.len(),
        })
    }
}

/// What a program said about itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ProgramFacts {
    /// The first line of its version text.
    pub version_line: String,
    pub sandbox: bool,
}

/// Whether a guest ran with an accelerator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Trial {
    pub accelerator: Accelerator,
    /// Why it did not; `None` when it did.
    pub failure: Option<String>,
}

#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Contents {
    boot_id: String,
    programs: Vec<Entry>,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    key: ProgramKey,
    facts: Option<ProgramFacts>,
    trials: Vec<Trial>,
}

/// The file. Read anew at each use, because another host agent may have written it.
#[derive(Debug)]
pub(crate) struct Cache {
    folder: PathBuf,
    boot_id: String,
    writing: Mutex<()>,
}

impl Cache {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            boot_id: platform::boot_id(),
            writing: Mutex::new(()),
        }
    }

    pub(crate) fn facts(&self, key: &ProgramKey) -> Option<ProgramFacts> {
        self.read()
            .programs
            .into_iter()
            .find(|entry| entry.key == *key)?
            .facts
    }

    pub(crate) fn trial(&self, key: &ProgramKey, accelerator: Accelerator) -> Option<Trial> {
        let entry = self.read().programs.into_iter().find(|entry| entry.key == *key)?;
        entry
            .trials
            .into_iter()
            .find(|trial| trial.accelerator == accelerator)
    }

    pub(crate) fn remember_facts(&self, key: &ProgramKey, facts: ProgramFacts) {
        self.change(key, |entry| entry.facts = Some(facts));
    }

    pub(crate) fn remember_trial(&self, key: &ProgramKey, trial: Trial) {
        self.change(key, |entry| {
            entry
                .trials
                .retain(|known| known.accelerator != trial.accelerator);
            entry.trials.push(trial);
        });
    }

    fn read(&self) -> Contents {
        let contents: Contents = fs::read(self.file())
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .unwrap_or_default();
        if contents.boot_id == self.boot_id {
            contents
        } else {
            Contents::default()
        }
    }

    fn change(&self, key: &ProgramKey, change: impl FnOnce(&mut Entry)) {
        // A panic while it was held leaves the file whole: it is replaced in one step.
        let _writing = self
            .writing
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut contents = self.read();
        contents.boot_id.clone_from(&self.boot_id);
        // An older build at the same path is gone.
        contents
            .programs
            .retain(|entry| entry.key.path != key.path || entry.key == *key);
        if !contents.programs.iter().any(|entry| entry.key == *key) {
            contents.programs.push(Entry {
                key: key.clone(),
                facts: None,
                trials: Vec::new(),
            });
        }
        if let Some(entry) = contents.programs.iter_mut().find(|entry| entry.key == *key) {
            change(entry);
        }
        let written = serde_json::to_vec_pretty(&contents)
            .map_err(std::io::Error::other)
            .and_then(|bytes| fs::create_dir_all(&self.folder).map(|()| bytes))
            .and_then(|bytes| platform::write_atomically(&self.file(), &bytes, true));
        if let Err(error) = written {
            tracing::warn!(%error, path = %self.file().display(), "failed to keep the accelerator verdict");
        }
    }

    fn file(&self) -> PathBuf {
        self.folder.join(FILE_NAME)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failing_kvm() -> Trial {
        Trial {
            accelerator: Accelerator::Kvm,
            failure: Some("internal error".to_owned()),
        }
    }

    #[test]
    fn trial_after_host_boot_or_new_program_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("qemu");
        fs::write(&program, "1").unwrap();
        let key = ProgramKey::of(&program).unwrap();
        let cache = Cache {
            boot_id: "a".to_owned(),
            ..Cache::new(folder.path().join("cache"))
        };
        cache.remember_trial(&key, failing_kvm());
        assert_eq!(cache.trial(&key, Accelerator::Kvm), Some(failing_kvm()));
        assert_eq!(cache.trial(&key, Accelerator::Tcg), None);

        fs::write(&program, "22").unwrap();
        assert_eq!(
            cache.trial(&ProgramKey::of(&program).unwrap(), Accelerator::Kvm),
            None
        );

        let later = Cache {
            boot_id: "b".to_owned(),
            ..Cache::new(folder.path().join("cache"))
        };
        assert_eq!(later.trial(&key, Accelerator::Kvm), None);
    }

    #[test]
    fn trial_from_broken_file_is_none_and_writing_mends_it() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(FILE_NAME), "{").unwrap();
        let key = ProgramKey::of(folder.path()).unwrap();
        let cache = Cache {
            boot_id: "a".to_owned(),
            ..Cache::new(folder.path().to_owned())
        };
        assert_eq!(cache.trial(&key, Accelerator::Kvm), None);
        cache.remember_trial(&key, failing_kvm());
        cache.remember_facts(
            &key,
            ProgramFacts {
                version_line: "v".to_owned(),
                sandbox: true,
            },
        );
        assert_eq!(cache.trial(&key, Accelerator::Kvm), Some(failing_kvm()));
        assert!(cache.facts(&key).unwrap().sandbox);
    }
}
