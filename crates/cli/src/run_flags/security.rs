//! `--security-opt`.
//!
//! Source: `parseSecurityOpts` and `parseSystemPaths` in `cli/command/container/opts.go` of github.com/docker/cli.

use std::{fs, path::Path};

use serde_json::{Map, Value, json};

/// Puts security options into the engine's `HostConfig`. A profile of seccomp is read from its file, since the engine
/// has no access to it.
pub fn set_security(options: &[String], current: &Path, host: &mut Map<String, Value>) -> Result<(), String> {
    let mut passed = Vec::new();
    for option in options {
        if option == "systempaths=unconfined" {
            host.insert("MaskedPaths".to_owned(), json!([]));
            host.insert("ReadonlyPaths".to_owned(), json!([]));
            continue;
        }
        passed.push(match option.split_once(['=', ':']) {
            Some(("seccomp", profile)) if !matches!(profile, "unconfined" | "builtin") => {
                format!("seccomp={}", profile_of_file(&current.join(profile))?)
            }
            None if option != "no-new-privileges" => {
                return Err(format!("{option:?} has no value: write it as NAME=VALUE"));
            }
            _ => option.clone(),
        });
    }
    if !passed.is_empty() {
        host.insert("SecurityOpt".to_owned(), json!(passed));
    }
    Ok(())
}

/// The profile without the spaces that make it readable.
fn profile_of_file(file: &Path) -> Result<String, String> {
    let failed = |error: &dyn std::error::Error| {
        format!("failed to read the seccomp profile {}: {error}", file.display())
    };
    let bytes = fs::read(file).map_err(|error| failed(&error))?;
    let profile: Value = serde_json::from_slice(&bytes).map_err(|error| failed(&error))?;
    Ok(profile.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(options: &[&str], current: &Path) -> Result<Value, String> {
        let options: Vec<String> = options.iter().map(|option| (*option).to_owned()).collect();
        let mut host = Map::new();
        set_security(&options, current, &mut host)?;
        Ok(Value::Object(host))
    }

    #[test]
    fn set_security_passes_options_on_and_reads_profiles() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(
            folder.path().join("p.json"),
            "{ \"defaultAction\":\n \"SCMP_ACT_ALLOW\" }",
        )
        .unwrap();
        assert_eq!(
            check(
                &[
                    "no-new-privileges",
                    "apparmor=unconfined",
                    "label:disable",
                    "seccomp=unconfined",
                    "seccomp=p.json",
                    "systempaths=unconfined",
                ],
                folder.path()
            )
            .unwrap(),
            json!({
                "SecurityOpt": [
                    "no-new-privileges", "apparmor=unconfined", "label:disable", "seccomp=unconfined",
                    "seccomp={\"defaultAction\":\"SCMP_ACT_ALLOW\"}",
                ],
                "MaskedPaths": [], "ReadonlyPaths": [],
            })
        );
        assert_eq!(check(&[], folder.path()), Ok(json!({})));
        fs::write(folder.path().join("damaged"), "{").unwrap();
        for option in ["privileged", "seccomp=absent.json", "seccomp=damaged"] {
            assert!(check(&[option], folder.path()).is_err(), "{option}");
        }
    }
}
