//! A small JSON file in the state folder with what users chose.

use std::{fs, io, io::Read as _, path::Path};

use serde::{Serialize, de::DeserializeOwned};
use tracing::warn;

/// One such file.
#[derive(Clone, Copy, Debug)]
pub struct KeptFile {
    /// Its name.
    pub name: &'static str,
    /// Where it goes when it is none of ours.
    pub aside: &'static str,
    /// The most bytes that are read.
    pub max_bytes: u64,
    /// What is in it, as in "so added ports are forgotten".
    pub content: &'static str,
}

impl KeptFile {
    /// Reads it; one that is not there is the default. One that cannot be understood, or that `check` refuses, is set
    /// aside, with a warning for the user.
    pub fn load<T: Default + DeserializeOwned>(
        self,
        folder: &Path,
        check: impl FnOnce(&T) -> io::Result<()>,
    ) -> (T, Option<String>) {
        let path = folder.join(self.name);
        match self.read(&path).and_then(|file| check(&file).map(|()| file)) {
            Ok(file) => (file, None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => (T::default(), None),
            Err(error) => {
                let aside = folder.join(self.aside);
                let kept = match fs::rename(&path, &aside) {
                    Ok(()) => format!("it is kept as {}", aside.display()),
                    Err(error) => format!("it could not be set aside: {error}"),
                };
                let (path, content) = (path.display(), self.content);
                let warning =
                    format!("{path} was not understood ({error}), so {content} are forgotten; {kept}");
                warn!(%path, %error, "kept file not read");
                (T::default(), Some(warning))
            }
        }
    }

    fn read<T: DeserializeOwned>(self, path: &Path) -> io::Result<T> {
        let limit = self.max_bytes;
        let mut bytes = Vec::new();
        fs::File::open(path)?.take(limit + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > limit {
            return Err(io::Error::other(format!("it is larger than {limit} bytes")));
        }
        Ok(serde_json::from_slice(&bytes)?)
    }
}

/// Writes it. What cannot be written holds until the host agent ends.
pub async fn save<T: Serialize + Send + 'static>(path: &Path, file: T) {
    let target = path.to_owned();
    let writing = tokio::task::spawn_blocking(move || {
        let mut bytes = serde_json::to_vec_pretty(&file)?;
        bytes.push(b'\n');
        platform::write_atomically(&target, &bytes, true)
    });
    match writing.await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => warn!(path = %path.display(), %error, "kept file not written"),
        Err(error) => warn!(path = %path.display(), %error, "kept file not written"),
    }
}
