//! What the machine does not get to see though it lies in a share.
//!
//! A container that was given the home must not thereby have the keys to everything else. Whoever wants one of these in a
//! container shares it by its own path: then that share has it. Pinnace's own folders cannot be shared at all.

use std::path::{Path, PathBuf};

use platform::Folders;

/// Places below the home, with `/`; not every host has each.
const SECRETS: &[&str] = &[
    // Keys, and what they open.
    ".ssh",
    ".gnupg",
    ".password-store",
    ".local/share/keyrings",
    "Library/Keychains",
    // Clouds and clusters.
    ".aws",
    ".azure",
    ".kube",
    ".config/gcloud",
    // Logins of registries. Containers get images through the engine, not through these.
    ".docker",
    // Passwords in plain text.
    ".netrc",
    "_netrc",
    ".pgpass",
    ".git-credentials",
    ".config/git/credentials",
    // Browsers: cookies are as good as passwords. Linux, with Flatpak and Snap; macOS; Windows.
    ".mozilla",
    ".config/google-chrome",
    ".config/chromium",
    ".config/microsoft-edge",
    ".config/BraveSoftware",
    ".var/app/org.mozilla.firefox",
    ".var/app/com.google.Chrome",
    ".var/app/org.chromium.Chromium",
    ".var/app/com.microsoft.Edge",
    ".var/app/com.brave.Browser",
    "snap/firefox",
    "snap/chromium",
    "snap/brave",
    "Library/Application Support/Firefox",
    "Library/Application Support/Google/Chrome",
    "Library/Application Support/Chromium",
    "Library/Application Support/Microsoft Edge",
    "Library/Application Support/BraveSoftware",
    "Library/Safari",
    "Library/Containers/com.apple.Safari",
    "Library/Cookies",
    "AppData/Roaming/Mozilla/Firefox",
    "AppData/Local/Google/Chrome",
    "AppData/Local/Chromium",
    "AppData/Local/Microsoft/Edge",
    "AppData/Local/BraveSoftware",
    // Windows' own store of logins and its keys.
    "AppData/Roaming/Microsoft/Credentials",
    "AppData/Local/Microsoft/Credentials",
    "AppData/Roaming/Microsoft/Protect",
];

/// The hidden places of this host.
#[derive(Clone, Debug, Default)]
pub struct Hidden {
    /// Full paths.
    places: Vec<PathBuf>,
    /// Pinnace's own folders, links resolved where they are there.
    own: Vec<PathBuf>,
}

impl Hidden {
    /// `more` are further places below the home, from the settings.
    pub fn new(home: Option<&Path>, more: &[String], folders: &Folders) -> Self {
        let below_home = home.into_iter().flat_map(|home| {
            let secrets = SECRETS.iter().copied();
            secrets
                .chain(more.iter().map(String::as_str))
                .map(|place| home.join(place))
        });
        let places = below_home.collect();
        let Folders {
            config,
            data,
            state,
            logs,
            cache,
            run,
            ..
        } = folders;
        let own = [config, data, state, logs, cache, run];
        let own = own.into_iter().flat_map(|folder| with_target(folder)).collect();
        Self { places, own }
    }

    /// Whether a folder is one of Pinnace's own, or in one.
    pub fn is_own(&self, folder: &Path) -> bool {
        self.own.iter().any(|own| folder.starts_with(own))
    }

    /// Every hidden place, by its path and by that of what a link there leads to. Looks at the disk.
    pub fn places(&self) -> Vec<PathBuf> {
        let secrets = self.places.iter().flat_map(|place| with_target(place));
        let mut places: Vec<PathBuf> = secrets.chain(self.own.iter().cloned()).collect();
        places.sort();
        places.dedup();
        places
    }

    /// What is hidden in a share: paths below its folder. Looks at the disk.
    pub fn below(&self, folder: &Path) -> Vec<PathBuf> {
        let places = self.places().into_iter();
        let below = places.filter_map(|place| Some(place.strip_prefix(folder).ok()?.to_owned()));
        below.filter(|place| !place.as_os_str().is_empty()).collect()
    }
}

/// A path, and where it leads.
fn with_target(path: &Path) -> Vec<PathBuf> {
    let mut all = vec![path.to_owned()];
    // Its folder may be reached by a link though it is not there itself yet.
    let resolved = super::sys::resolve(path).or_else(|error| {
        let parent = path.parent().ok_or(error)?;
        Ok::<_, std::io::Error>(super::sys::resolve(parent)?.join(path.file_name().unwrap_or_default()))
    });
    all.extend(resolved.ok().filter(|resolved| resolved != path));
    all
}

/// Whether a setting can name a place below the home.
pub fn is_place(text: &str) -> bool {
    use std::path::Component;
    let names = Path::new(text).components();
    !text.is_empty()
        && !text.contains('\0')
        && names.clone().count() > 0
        && names.clone().all(|name| matches!(name, Component::Normal(_)))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::run::tests::folders_below;

    #[test]
    fn below_has_secrets_own_folders_and_what_links_lead_to() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().canonicalize().unwrap();
        let folders = folders_below(&home.join("pinnace"));
        fs::create_dir_all(home.join("dotfiles/keys")).unwrap();
        super::super::sys::link(&home.join("dotfiles/keys"), &home.join(".ssh")).unwrap();
        let hidden = Hidden::new(Some(&home), &["private/x".to_owned()], &folders);
        let below = hidden.below(&home);
        for place in [
            ".ssh",
            "dotfiles/keys",
            ".config/google-chrome",
            ".netrc",
            "private/x",
            "pinnace/data",
        ] {
            assert!(below.contains(&PathBuf::from(place)), "{place}: {below:?}");
        }
        assert_eq!(hidden.below(&home.join("dotfiles")), [PathBuf::from("keys")]);
        assert!(hidden.below(&home.join("src")).is_empty());
        // Its own share has it.
        assert!(hidden.below(&home.join("dotfiles/keys")).is_empty());
        assert!(hidden.is_own(&home.join("pinnace/state/x")) && !hidden.is_own(&home.join("pinnace")));
    }

    #[test]
    fn is_place_only_what_lies_below() {
        for place in ["x", ".a/b", "a b"] {
            assert!(is_place(place), "{place}");
        }
        for place in ["", "/x", "..", "a/../b", "x\0", "."] {
            assert!(!is_place(place), "{place:?}");
        }
    }
}
