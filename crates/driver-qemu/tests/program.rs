//! A QEMU that is missing, too old, or none at all.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf};

use machine::{AcceleratorChoice, Driver, DriverError};
use pinnace_driver_qemu::{QemuConfig, QemuDriver};

async fn prepare_with(program: PathBuf, folder: &tempfile::TempDir) -> DriverError {
    let config = QemuConfig {
        cache_dir: folder.path().join("cache"),
        program: Some(program),
        generation: 1,
    };
    QemuDriver::new(config)
        .prepare(AcceleratorChoice::Auto)
        .await
        .unwrap_err()
}

async fn prepare_with_script(script: &str) -> DriverError {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("qemu");
    fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    prepare_with(program, &folder).await
}

#[tokio::test]
async fn prepare_old_program_names_versions_and_next_step() {
    let error = prepare_with_script("echo 'QEMU emulator version 6.2.0 (Debian 1:6.2)'").await;
    assert!(
        error
            .to_string()
            .ends_with("6.2.0 is too old, 7.2.0 or newer is needed"),
        "{error}"
    );
    assert!(error.hint().unwrap().contains("install"), "{error:?}");
}

#[tokio::test]
async fn prepare_missing_program_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let error = prepare_with(folder.path().join("absent"), &folder).await;
    assert!(matches!(error, DriverError::ProgramMissing { .. }), "{error}");
    assert!(error.hint().is_some());
}

#[tokio::test]
async fn prepare_program_that_is_not_qemu_is_told() {
    let error = prepare_with_script("echo something else 1.0").await;
    assert!(error.to_string().contains("it is not QEMU"), "{error}");
}

#[tokio::test]
async fn prepare_program_that_runs_no_guest_is_told() {
    let error = prepare_with_script(
        "case $1 in --version) echo 'QEMU emulator version 9.9.9';; *) echo broken >&2; exit 1;; esac",
    )
    .await;
    assert!(
        matches!(error, DriverError::AcceleratorUnusable { .. }),
        "{error}"
    );
    assert!(error.to_string().contains("broken"), "{error}");
}
