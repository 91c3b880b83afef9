//! What users shared, kept in `shares.json`.

use std::{
    fs, io,
    io::Read as _,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use tracing::warn;

use super::MOST_SHARES;

const NAME: &str = "shares.json";
/// Where a file goes that is none of ours.
const ASIDE: &str = "shares.json.bad";
/// The most bytes that are read.
const MAX_BYTES: u64 = 1 << 20;

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
        [NAME, ASIDE].map(|name| folder.join(name))
    }

    /// Reads the file in the state folder. One that cannot be understood is set aside, with a warning for the user.
    pub fn load(folder: &Path) -> (Self, Option<String>) {
        let path = folder.join(NAME);
        let (file, warning) = match read(&path) {
            Ok(file) => (file, None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => (File::default(), None),
            Err(error) => {
                let aside = folder.join(ASIDE);
                let kept = match fs::rename(&path, &aside) {
                    Ok(()) => format!("it is kept as {}", aside.display()),
                    Err(error) => format!("it could not be set aside: {error}"),
                };
                let path = path.display();
                let warning =
                    format!("{path} was not understood ({error}), so added shares are forgotten; {kept}");
                warn!(%path, %error, "kept shares not read");
                (File::default(), Some(warning))
            }
        };
        let kept = Self {
            path,
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
        let path = self.path.clone();
        let writing = tokio::task::spawn_blocking(move || {
            let mut bytes = serde_json::to_vec_pretty(&file)?;
            bytes.push(b'\n');
            platform::write_atomically(&path, &bytes, true)
        });
        match writing.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => warn!(%error, path = %self.path.display(), "kept shares not written"),
            Err(error) => warn!(%error, path = %self.path.display(), "kept shares not written"),
        }
    }
}

fn read(path: &Path) -> io::Result<File> {
    let file = fs::File::open(path)?;
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(io::Error::other(format!("it is larger than {MAX_BYTES} bytes")));
    }
    let file: File = serde_json::from_slice(&bytes)?;
    if file.added.len() > MOST_SHARES {
        return Err(io::Error::other(format!("it has more than {MOST_SHARES} shares")));
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
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
            vec![b' '; MAX_BYTES as usize + 1],
            many.to_string().into_bytes(),
        ];
        for content in bad {
            let folder = tempfile::tempdir().unwrap();
            fs::write(folder.path().join(NAME), &content).unwrap();
            let (kept, warning) = Kept::load(folder.path());
            assert!(kept.added.is_empty() && warning.unwrap().contains(ASIDE));
            assert_eq!(fs::read(folder.path().join(ASIDE)).unwrap(), content);
            assert_eq!(Kept::load(folder.path()).1, None);
        }
    }
}
