//! Deletes files of ours, by their exact names, and nothing else.

use std::{fs, io, path::PathBuf};

use api::{ApiError, Code, ResetPlan};

use crate::failure::hinted;

/// Deletes those of `files` that exist, or only says so. A link is removed, never followed; a folder is left alone.
pub fn reset(files: &[PathBuf], dry_run: bool) -> Result<ResetPlan, ApiError> {
    let mut plan = ResetPlan::default();
    for path in files {
        let failed = |action: &str, error: io::Error| {
            hinted(
                Code::Internal,
                format!("failed to {action} {}: {error}", path.display()),
                "check its rights, then run `pinnace reset` again",
            )
        };
        let bytes = match fs::symlink_metadata(path) {
            Ok(metadata) if metadata.is_file() => platform::allocated_bytes(path).unwrap_or(metadata.len()),
            Ok(metadata) if metadata.is_symlink() => 0,
            Ok(_) => continue,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(failed("look at", error)),
        };
        if !dry_run {
            fs::remove_file(path).map_err(|error| failed("delete", error))?;
        }
        plan.deletes.push((path.display().to_string(), bytes));
    }
    Ok(plan)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reset_deletes_named_files_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let [disk, other, absent] = ["data.raw", "photo.jpg", "absent"].map(|name| folder.path().join(name));
        fs::write(&disk, "disk").unwrap();
        fs::write(&other, "photo").unwrap();
        let files = [disk.clone(), absent, folder.path().to_owned()];
        let planned = reset(&files, true).unwrap();
        assert!(disk.exists());
        assert_eq!(planned.deletes.len(), 1);
        assert_eq!(reset(&files, false).unwrap(), planned);
        assert!(!disk.exists() && other.exists());
        assert_eq!(reset(&files, false).unwrap(), ResetPlan::default());
    }
}
