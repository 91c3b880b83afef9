//! Whether a folder can be shared.

use std::path::{Component, Path, PathBuf};

use api::{ApiError, Code};

use super::{hidden::Hidden, sys};
use crate::failure::{failure, hinted, io_code};

/// The longest path, in bytes. Linux's `PATH_MAX`: the machine can name no longer one.
const MAX_BYTES: usize = 4096;
/// What the machine has of its own; in the host's, nothing is a user's file.
const SYSTEM: [&str; 4] = ["/proc", "/sys", "/dev", "/run"];

/// A folder that can be shared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// It, with links resolved.
    pub path: PathBuf,
    /// `path` as text.
    pub text: String,
    /// What was given for it, where that is another path.
    pub written: Option<String>,
}

/// Looks at the folder at a path. May wait for the disk.
pub fn check(written: &str, hidden: &Hidden) -> Result<Checked, ApiError> {
    let shown = written.escape_debug();
    let refuse = |why: &str| failure(Code::BadRequest, format!("`{shown}` cannot be shared: {why}"));
    let given = Path::new(written);
    if written.contains('\0') || written.len() > MAX_BYTES {
        return Err(refuse("it is no path of a folder"));
    }
    if !given.is_absolute() {
        return Err(hinted(
            Code::BadRequest,
            format!("`{shown}` is no full path"),
            "give it from the root, such as /home/me/project",
        ));
    }
    let path = sys::resolve(given).map_err(|error| {
        let code = match error.kind() {
            std::io::ErrorKind::NotFound => Code::NotFound,
            _ => io_code(&error),
        };
        failure(code, format!("`{shown}` cannot be shared: {error}"))
    })?;
    if !path.is_dir() {
        return Err(refuse("it is not a folder; share the folder that it is in"));
    }
    let text = path.to_str().ok_or_else(|| refuse("its name is no UTF-8 text"))?;
    allowed(&path, hidden).map_err(refuse)?;
    let is_other = given != path && given.components().all(is_plain);
    Ok(Checked {
        text: text.to_owned(),
        written: is_other.then(|| written.to_owned()),
        path,
    })
}

/// Whether a path may be one of a share, whatever is there. It has no links.
pub fn allowed(path: &Path, hidden: &Hidden) -> Result<(), &'static str> {
    if !path.is_absolute() || !path.components().all(is_plain) || path.as_os_str().len() > MAX_BYTES {
        return Err("it is no full path of a folder");
    }
    if path.parent().is_none() {
        return Err("it is the whole host; share a folder below it");
    }
    if SYSTEM.iter().any(|system| path.starts_with(system)) {
        return Err("it is the system's own");
    }
    // Docker's own syntax could not name it: a colon ends a path there. That of a drive is none of a name.
    let has_colon =
        |name: Component<'_>| matches!(name, Component::Normal(name) if name.to_string_lossy().contains(':'));
    if path.components().any(has_colon) {
        return Err("no container can mount a path with a colon");
    }
    if hidden.is_own(path) {
        return Err("it is in a folder of Pinnace's own");
    }
    Ok(())
}

fn is_plain(component: Component<'_>) -> bool {
    !matches!(component, Component::ParentDir | Component::CurDir)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::run::tests::folders_below;

    #[test]
    fn check_only_folders_of_the_user_pass() {
        let folder = tempfile::tempdir().unwrap();
        let base = folder.path().canonicalize().unwrap();
        let folders = folders_below(&base.join("pinnace"));
        let hidden = Hidden::new(Some(&base), &[], &folders);
        for name in ["src", "a:b", ".ssh", "pinnace/data/x"] {
            fs::create_dir_all(base.join(name)).unwrap();
        }
        fs::write(base.join("file"), "").unwrap();
        sys::link(&base.join("src"), &base.join("link")).unwrap();
        sys::link(&base.join("pinnace/state"), &base.join("sly")).unwrap();
        let at = |name: &str| base.join(name).to_str().unwrap().to_owned();
        // A hidden folder may be shared on purpose, and one that has Pinnace's in it.
        for name in ["src", ".ssh", "pinnace"] {
            let checked = check(&at(name), &hidden).unwrap();
            assert_eq!((checked.text, checked.written), (at(name), None));
        }
        let linked = check(&at("link"), &hidden).unwrap();
        assert_eq!((linked.text, linked.written), (at("src"), Some(at("link"))));
        let winding = check(&at("link/../src/."), &hidden).unwrap();
        assert_eq!((winding.text, winding.written), (at("src"), None));
        for (path, code, why) in [
            ("src".to_owned(), Code::BadRequest, "no full path"),
            (String::new(), Code::BadRequest, "no full path"),
            (at("x\0y"), Code::BadRequest, "no path"),
            (format!("/{}", "x".repeat(MAX_BYTES)), Code::BadRequest, "no path"),
            (at("none"), Code::NotFound, "cannot be shared"),
            (at("file"), Code::BadRequest, "not a folder"),
            ("/".to_owned(), Code::BadRequest, "whole host"),
            ("/proc".to_owned(), Code::BadRequest, "system's own"),
            (at("a:b"), Code::BadRequest, "colon"),
            (at("pinnace/data"), Code::BadRequest, "Pinnace's own"),
            (at("pinnace/data/x"), Code::BadRequest, "Pinnace's own"),
            (at("sly"), Code::BadRequest, "Pinnace's own"),
        ] {
            let error = check(&path, &hidden).unwrap_err();
            assert_eq!(error.code, code, "{path}: {error:?}");
            assert!(error.message.contains(why), "{path}: {error:?}");
        }
    }
}
