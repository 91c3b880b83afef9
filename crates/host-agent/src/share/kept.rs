//! What users shared, kept in `shares.json`.

use std::{
    io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::MOST_SHARES;
use crate::kept_file::{self, KeptFile};

const FILE: KeptFile = KeptFile {
    name: "shares.json",
    aside: "shares.json.bad",
    max_bytes: 1 << 20,
    content: "added shares",
};

/// The file and its content.
#[derive(Clone, Debug)]
pub struct Kept {
    path: PathBuf,
    /// What a user said of the home; `None`: what the settings say.
    pub home: Option<KeptHome>,
    /// Folders that users shared.
    pub added: Vec<KeptShare>,
    is_changed: bool,
}

/// See [`Kept::home`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptHome {
    /// Whether it is shared.
    pub shared: bool,
    /// Whether containers may only read it.
    #[serde(default)]
    pub read_only: bool,
}

/// A folder that a user shared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptShare {
    /// The folder, its links resolved.
    pub path: String,
    /// The path that was given for it, where that is another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub written: Option<String>,
    /// Whether containers may only read it.
    #[serde(default)]
    pub read_only: bool,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct File {
    home: Option<KeptHome>,
    added: Vec<KeptShare>,
}

impl Kept {
    /// Everything in the state folder that has what users shared: this file, and one that was set aside.
    pub fn files(folder: &Path) -> [PathBuf; 2] {
        [FILE.name, FILE.aside].map(|name| folder.join(name))
    }

    /// Reads the file in the state folder. One that cannot be understood is set aside, with a warning for the user.
    pub fn load(folder: &Path) -> (Self, Option<String>) {
        let (file, warning) = FILE.load(folder, check);
        let kept = Self {
            path: folder.join(FILE.name),
            home: file.home,
            added: file.added,
            is_changed: false,
        };
        (kept, warning)
    }

    /// Takes in what is shared now. Whether there is something to save.
    pub fn note(&mut self, added: Vec<KeptShare>) -> bool {
        let is_changed = std::mem::take(&mut self.is_changed) || added != self.added;
        self.added = added;
        is_changed
    }

    /// Takes in what a user said of the home.
    pub fn set_home(&mut self, shared: bool, read_only: bool) {
        self.home = Some(KeptHome { shared, read_only });
        self.is_changed = true;
    }

    /// Writes the file. What cannot be written holds until the host agent ends.
    pub async fn save(&self) {
        let file = File {
            home: self.home,
            added: self.added.clone(),
        };
        kept_file::save(&self.path, file).await;
    }
}

fn check(file: &File) -> io::Result<()> {
    if file.added.len() > MOST_SHARES {
        return Err(io::Error::other(format!("it has more than {MOST_SHARES} shares")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[tokio::test]
    async fn save_what_was_set_is_loaded_again() {
        let folder = tempfile::tempdir().unwrap();
        let (mut kept, warning) = Kept::load(folder.path());
        assert_eq!((kept.home, kept.added.len(), warning), (None, 0, None));
        kept.home = Some(KeptHome {
            shared: false,
            read_only: true,
        });
        kept.added.push(KeptShare {
            path: "/srv/x".to_owned(),
            written: Some("/link".to_owned()),
            read_only: true,
        });
        kept.save().await;
        let (again, warning) = Kept::load(folder.path());
        assert_eq!(
            (again.home, &again.added, warning),
            (kept.home, &kept.added, None)
        );
    }

    #[test]
    fn load_of_a_bad_file_sets_it_aside_with_one_warning() {
        let many = serde_json::json!({ "added": vec![serde_json::json!({ "path": "/x" }); MOST_SHARES + 1] });
        let bad = [
            b"{".to_vec(),
            b"\xff".to_vec(),
            br#"{"added":[{"path":7}]}"#.to_vec(),
            vec![b' '; FILE.max_bytes as usize + 1],
            many.to_string().into_bytes(),
        ];
        for content in bad {
            let folder = tempfile::tempdir().unwrap();
            fs::write(folder.path().join(FILE.name), &content).unwrap();
            let (kept, warning) = Kept::load(folder.path());
            assert!(kept.added.is_empty() && warning.unwrap().contains(FILE.aside));
            assert_eq!(fs::read(folder.path().join(FILE.aside)).unwrap(), content);
            assert_eq!(Kept::load(folder.path()).1, None);
        }
    }
}
