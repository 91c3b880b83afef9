//! Paths as Windows writes them, and as Docker's clients write them there.
//!
//! | written | is |
//! | --- | --- |
//! | `C:\a`, `c:/a`, `\\?\C:\a` | on a drive |
//! | `/c/a`, `//c/a` | on a drive, as Docker Toolbox and MSYS write it |
//! | `\\server\share\a`, `//server/share/a`, `\\?\UNC\server\share\a` | on another computer |
//! | `/var/run/docker.sock`, `//var/run/docker.sock` | in the machine; the second form keeps MSYS from changing it |
//! | `C:a`, `\a`, `\\.\pipe\a`, `C:\NUL`, `C:\a:b` | refused: it depends on a current folder, or is no file of that name |
//!
//! Source: "Naming Files, Paths, and Namespaces" and "File path formats on Windows systems" by Microsoft. Short names
//! (`PROGRA~1`) are names like others: only the file system knows what they are short for.

use super::{
    host_path::{HostPath, NoPath, Root, walked},
    machine,
};

/// Takes a path apart. `None` when it is no full path, such as a volume's name.
pub(super) fn read(path: &str) -> Result<Option<HostPath>, NoPath> {
    let slashed = path.replace('\\', "/");
    if let Some(rest) = slashed.strip_prefix("//?/") {
        return verbatim(&path[4..], rest).map(Some);
    }
    if slashed.starts_with("//./") || matches!(slashed.as_str(), "//." | "//?") {
        return Err(NoPath::Device);
    }
    if let Some(rest) = slashed.strip_prefix("//") {
        return two_slashes(path, rest).map(Some);
    }
    if let Some(rest) = slashed.strip_prefix('/') {
        if path.starts_with('\\') {
            return Err(NoPath::NoDrive);
        }
        if let Some((letter, names)) = drive_as_folder(rest) {
            return on(Root::Drive(letter), names).map(Some);
        }
        return super::unix::read(&slashed);
    }
    let Some((letter, rest)) = drive(&slashed) else {
        return Ok(None);
    };
    match rest.strip_prefix('/') {
        Some(names) => on(Root::Drive(letter), names).map(Some),
        None => Err(NoPath::DriveRelative(letter)),
    }
}

/// After `\\?\`: the rest as it is written, and with slashes. There Windows takes every name as it is, so what it would
/// otherwise leave out or carry out cannot be meant.
fn verbatim(written: &str, rest: &str) -> Result<HostPath, NoPath> {
    let (root, names) = if let Some((letter, names)) = drive(rest) {
        (
            Root::Drive(letter),
            names.strip_prefix('/').ok_or(NoPath::Device)?,
        )
    } else {
        let (start, names) = rest.split_once('/').ok_or(NoPath::Device)?;
        if !start.eq_ignore_ascii_case("unc") {
            return Err(NoPath::Device);
        }
        network(names)?
    };
    let is_odd = |name: &&str| name.ends_with(['.', ' ']);
    if let Some(odd) = written.split(['\\', '/']).find(is_odd) {
        return Err(NoPath::Name(odd.to_owned()));
    }
    on(root, names)
}

/// After two slashes or backslashes.
fn two_slashes(path: &str, rest: &str) -> Result<HostPath, NoPath> {
    if path.starts_with("//") {
        if let Some((letter, names)) = drive_as_folder(rest) {
            return on(Root::Drive(letter), names);
        }
        let names: Vec<String> = walked(rest.split('/')).into_iter().map(str::to_owned).collect();
        if machine::below_folder(&names).is_some() {
            if path.contains('\0') {
                return Err(NoPath::ZeroByte);
            }
            return Ok(HostPath {
                root: Root::Unix,
                names,
            });
        }
    }
    let (root, names) = network(rest)?;
    on(root, names)
}

/// `server/share/names`
fn network(rest: &str) -> Result<(Root, &str), NoPath> {
    let (server, rest) = rest.split_once('/').ok_or(NoPath::NoDrive)?;
    let (share, names) = rest.split_once('/').unwrap_or((rest, ""));
    for name in [server, share] {
        if name.is_empty() {
            return Err(NoPath::NoDrive);
        }
        if checked(name)? != name {
            return Err(NoPath::Name(name.to_owned()));
        }
    }
    let root = Root::Network {
        server: server.to_owned(),
        share: share.to_owned(),
    };
    Ok((root, names))
}

/// `C:rest`
fn drive(path: &str) -> Option<(char, &str)> {
    let letter = path.chars().next().filter(char::is_ascii_alphabetic)?;
    Some((letter.to_ascii_uppercase(), path[1..].strip_prefix(':')?))
}

/// `c/rest`, or nothing but `c`
fn drive_as_folder(path: &str) -> Option<(char, &str)> {
    let letter = path.chars().next().filter(char::is_ascii_alphabetic)?;
    let rest = &path[1..];
    let names = if rest.is_empty() {
        rest
    } else {
        rest.strip_prefix('/')?
    };
    Some((letter.to_ascii_uppercase(), names))
}

fn on(root: Root, names: &str) -> Result<HostPath, NoPath> {
    // Checked before `..` is carried out: `nul/..` is as odd as `nul`.
    let mut checked_names = Vec::new();
    for name in names.split('/') {
        checked_names.push(if matches!(name, "" | "." | "..") {
            name
        } else {
            checked(name)?
        });
    }
    let names = walked(checked_names.into_iter());
    Ok(HostPath {
        root,
        names: names.into_iter().map(str::to_owned).collect(),
    })
}

/// The name that Windows takes it for: dots and spaces at its end are left out.
fn checked(name: &str) -> Result<&str, NoPath> {
    if name.contains('\0') {
        return Err(NoPath::ZeroByte);
    }
    if is_reserved(name) {
        return Err(NoPath::Reserved(name.to_owned()));
    }
    if name.contains(':') {
        return Err(NoPath::Stream(name.to_owned()));
    }
    let kept = name.trim_end_matches(['.', ' ']);
    if kept.is_empty() || kept.contains(|c: char| c < ' ' || "<>\"|?*".contains(c)) {
        return Err(NoPath::Name(name.to_owned()));
    }
    Ok(kept)
}

/// Whether it is a device's name, which it stays with an ending: `nul.txt`.
fn is_reserved(name: &str) -> bool {
    let stem = name.split(['.', ':']).next().unwrap_or_default();
    let stem = stem.trim_end_matches(' ').to_ascii_uppercase();
    if matches!(
        stem.as_str(),
        "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$"
    ) {
        return true;
    }
    let number = stem.strip_prefix("COM").or_else(|| stem.strip_prefix("LPT"));
    number.is_some_and(|number| {
        matches!(
            number,
            "1" | "2" | "3" | "4" | "5" | "6" | "7" | "8" | "9" | "¹" | "²" | "³"
        )
    })
}
