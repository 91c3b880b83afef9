//! Where the folders are, and which are refused.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::HashMap,
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, symlink},
};

use super::*;

fn resolve(variables: &[(&str, &str)]) -> Result<Folders, FoldersError> {
    let variables: HashMap<_, _> = variables.iter().copied().collect();
    Folders::resolve_in(&|name| variables.get(name).map(OsString::from))
}

fn home() -> (tempfile::TempDir, Folders) {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("home");
    let folders = resolve(&[("PINNACE_HOME", home.to_str().unwrap())]).unwrap();
    (folder, folders)
}

#[test]
fn resolve_with_pinnace_home_has_everything_below_it() {
    let folders = resolve(&[("PINNACE_HOME", "/p"), ("HOME", "/h"), ("XDG_DATA_HOME", "/x")]).unwrap();
    for (folder, name) in [
        (&folders.config, "/p/config"),
        (&folders.data, "/p/data"),
        (&folders.state, "/p/state"),
        (&folders.logs, "/p/logs"),
        (&folders.cache, "/p/cache"),
        (&folders.run, "/p/run"),
    ] {
        assert_eq!(folder, Path::new(name));
    }
    assert_eq!(folders.engine_socket.to_string(), "unix:///p/run/docker.sock");
    assert_eq!(folders.api_socket.to_string(), "unix:///p/run/api.sock");
}

#[test]
fn resolve_with_relative_pinnace_home_says_what_to_do() {
    let error = resolve(&[("PINNACE_HOME", "some/where")]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "PINNACE_HOME is some/where, which is not an absolute path; set it to one"
    );
}

#[test]
fn resolve_with_too_long_pinnace_home_names_path_limit_and_next_step() {
    let home = format!("/{}", "h".repeat(100));
    let error = resolve(&[("PINNACE_HOME", &home)]).unwrap_err();
    let text = error.to_string();
    assert!(
        matches!(error, FoldersError::TooLong { limit_bytes: 103, .. }),
        "{text}"
    );
    assert!(
        text.contains(&home) && text.contains("at most 103") && text.contains("set PINNACE_HOME"),
        "{text}"
    );
}

#[test]
fn resolve_with_longest_pinnace_home_can_bind_every_socket() {
    let most = 103 - "/run/".len() - LONGEST_SOCKET_NAME_BYTES;
    let home = |length: usize| format!("/{}", "h".repeat(length - 1));
    let folders = resolve(&[("PINNACE_HOME", &home(most))]).unwrap();
    let socket = folders.socket(&"s".repeat(LONGEST_SOCKET_NAME_BYTES)).unwrap();
    assert_eq!(socket.as_os_str().len(), 103);
    folders
        .socket(&"s".repeat(LONGEST_SOCKET_NAME_BYTES + 1))
        .unwrap_err();
    resolve(&[("PINNACE_HOME", &home(most + 1))]).unwrap_err();
}

#[test]
fn create_missing_folders_are_private() {
    let (_folder, folders) = home();
    folders.create().unwrap();
    folders.create().unwrap();
    for folder in [
        &folders.config,
        &folders.data,
        &folders.state,
        &folders.logs,
        &folders.cache,
        &folders.run,
    ] {
        assert_eq!(fs::metadata(folder).unwrap().mode() & 0o777, 0o700);
        assert_eq!(fs::read_dir(folder).unwrap().count(), 0);
    }
    assert_eq!(
        fs::metadata(folders.run.parent().unwrap()).unwrap().mode() & 0o777,
        0o700
    );
}

#[test]
fn create_run_folder_that_others_may_enter_is_closed() {
    let (_folder, folders) = home();
    fs::create_dir_all(&folders.run).unwrap();
    fs::set_permissions(&folders.run, fs::Permissions::from_mode(0o777)).unwrap();
    folders.create().unwrap();
    assert_eq!(fs::metadata(&folders.run).unwrap().mode() & 0o777, 0o700);
}

#[test]
fn create_linked_run_or_data_folder_is_refused_and_linked_config_is_not() {
    for name in ["run", "data", "config"] {
        let (folder, folders) = home();
        let elsewhere = folder.path().join("elsewhere");
        fs::create_dir(&elsewhere).unwrap();
        fs::create_dir(folder.path().join("home")).unwrap();
        symlink(&elsewhere, folder.path().join("home").join(name)).unwrap();
        let result = folders.create();
        match name {
            "config" => result.unwrap(),
            _ => assert!(matches!(result, Err(FoldersError::Symlink { .. })), "{result:?}"),
        }
    }
}

#[test]
fn create_folder_of_another_user_is_refused() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: only root can give a folder away");
        return;
    }
    let (_folder, folders) = home();
    fs::create_dir_all(&folders.data).unwrap();
    std::os::unix::fs::chown(&folders.data, Some(65534), None).unwrap();
    let error = folders.create().unwrap_err();
    assert!(matches!(error, FoldersError::Foreign { .. }), "{error}");
}

#[test]
fn create_with_a_file_in_the_way_names_it() {
    let (folder, folders) = home();
    fs::create_dir(folder.path().join("home")).unwrap();
    fs::write(&folders.run, "precious").unwrap();
    let error = folders.create().unwrap_err();
    assert!(
        matches!(error, FoldersError::NotAFolder { ref path } if *path == folders.run),
        "{error}"
    );
    assert_eq!(fs::read(&folders.run).unwrap(), b"precious");
}

#[test]
fn create_below_a_file_names_the_folder_and_the_next_step() {
    let (folder, folders) = home();
    fs::write(folder.path().join("home"), "").unwrap();
    let error = folders.create().unwrap_err();
    assert!(matches!(error, FoldersError::Create { .. }), "{error}");
    assert!(
        error
            .to_string()
            .contains("/home/data; make its parent writable or set PINNACE_HOME"),
        "{error}"
    );
}

#[test]
fn create_in_unwritable_place_names_the_folder_and_the_next_step() {
    // Nobody, not even root, creates anything in /proc.
    let folders = resolve(&[("PINNACE_HOME", "/proc/pinnace")]).unwrap();
    let error = folders.create().unwrap_err();
    assert!(matches!(error, FoldersError::Create { .. }), "{error}");

    let here = resolve(&[("PINNACE_HOME", "/p")]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let below = |name: &str| folder.path().join(name);
    let folders = Folders {
        data: below("d"),
        run: below("r"),
        state: below("s"),
        logs: below("l"),
        config: "/proc".into(),
        ..here
    };
    let error = folders.create().unwrap_err();
    assert!(
        matches!(
            error,
            FoldersError::NotWritable { .. } | FoldersError::Foreign { .. }
        ),
        "{error}"
    );
    assert!(
        error.to_string().contains("/proc; ") || error.to_string().contains("/proc belongs"),
        "{error}"
    );
}

#[cfg(target_os = "linux")]
mod linux {
    use super::*;

    #[test]
    fn resolve_with_home_only_uses_the_xdg_defaults() {
        let folders = resolve(&[("HOME", "/h")]).unwrap();
        assert_eq!(folders.config, Path::new("/h/.config/pinnace"));
        assert_eq!(folders.data, Path::new("/h/.local/share/pinnace"));
        assert_eq!(folders.state, Path::new("/h/.local/state/pinnace"));
        assert_eq!(folders.logs, Path::new("/h/.local/state/pinnace/logs"));
        assert_eq!(folders.cache, Path::new("/h/.cache/pinnace"));
        assert_eq!(folders.run, Path::new("/h/.local/state/pinnace/run"));
    }

    #[test]
    fn resolve_with_xdg_variables_follows_absolute_ones() {
        let runtime = tempfile::tempdir().unwrap();
        let folders = resolve(&[
            ("HOME", "/h"),
            ("XDG_CONFIG_HOME", "/x/config"),
            ("XDG_DATA_HOME", "relative"),
            ("XDG_RUNTIME_DIR", runtime.path().to_str().unwrap()),
        ])
        .unwrap();
        assert_eq!(folders.config, Path::new("/x/config/pinnace"));
        assert_eq!(folders.data, Path::new("/h/.local/share/pinnace"));
        assert_eq!(folders.run, runtime.path().join("pinnace"));
    }

    #[test]
    fn resolve_with_somebody_elses_runtime_folder_uses_our_own() {
        // Not ours, unless we are root; then it is no folder at all.
        let runtime = if rustix::process::geteuid().is_root() {
            "/etc/passwd"
        } else {
            "/etc"
        };
        let folders = resolve(&[("HOME", "/h"), ("XDG_RUNTIME_DIR", runtime)]).unwrap();
        assert_eq!(folders.run, Path::new("/h/.local/state/pinnace/run"));
    }
}
