//! A real QEMU and a guest of some bytes: what the driver promises about a machine that runs.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod fixture;

use std::process::Command;

use fixture::{Fixture, guest, sparse};
use machine::{Accelerator, AcceleratorChoice, Driver, DriverError, DriverEvent};

#[tokio::test]
async fn prepare_auto_finds_what_runs_and_says_why_it_is_not_better() {
    let fixture = Fixture::new(guest::idle());
    let verdict = fixture.driver.prepare(AcceleratorChoice::Auto).await.unwrap();
    match verdict.accelerator {
        Accelerator::Kvm => assert_eq!(verdict.note, None),
        Accelerator::Tcg => assert!(
            verdict.note.as_ref().unwrap().starts_with("kvm is "),
            "{verdict:?}"
        ),
        other => panic!("{other:?}"),
    }
    assert_eq!(
        fixture.driver.prepare(AcceleratorChoice::Auto).await.unwrap(),
        verdict
    );
}

#[tokio::test]
async fn prepare_foreign_accelerator_is_refused() {
    let fixture = Fixture::new(guest::idle());
    let error = fixture.driver.prepare(AcceleratorChoice::Whpx).await.unwrap_err();
    assert!(
        matches!(error, DriverError::AcceleratorUnusable { .. }),
        "{error}"
    );
}

#[tokio::test]
async fn pause_and_resume_twice_leave_it_running_until_killed() {
    let fixture = Fixture::new(guest::idle());
    let mut running = fixture.launch().await.unwrap();
    running.console_line("hello").await;
    for _ in 0..2 {
        running.instance.pause().await.unwrap();
    }
    for _ in 0..2 {
        running.instance.resume().await.unwrap();
    }
    running.instance.kill().await.unwrap();
    running.instance.kill().await.unwrap();
    let exit = running.exit().await;
    assert!(!exit.clean, "{exit:?}");
    assert_eq!(running.events.recv().await, None);
}

#[tokio::test]
async fn guest_power_off_is_a_clean_exit() {
    let fixture = Fixture::new(guest::power_off());
    let mut running = fixture.launch().await.unwrap();
    assert!(running.exit().await.clean);
    assert_eq!(running.instance.console_tail(1), ["bye"]);
}

#[tokio::test]
async fn sigkill_of_qemu_is_told_with_the_consoles_last_lines() {
    let fixture = Fixture::new(guest::idle());
    let mut running = fixture.launch().await.unwrap();
    running.console_line("hello").await;
    let pid = running.instance.pid().unwrap().to_string();
    assert!(
        Command::new("kill")
            .args(["-9", &pid])
            .status()
            .unwrap()
            .success()
    );
    let exit = running.exit().await;
    assert!(!exit.clean);
    assert!(
        exit.reason.contains("signal: 9") && exit.reason.contains("hello"),
        "{exit:?}"
    );
    assert!(running.instance.pause().await.is_err());
    running.instance.kill().await.unwrap();
}

#[tokio::test]
async fn drop_of_instance_ends_qemu() {
    let fixture = Fixture::new(guest::idle());
    let fixture::Running { instance, mut events } = fixture.launch().await.unwrap();
    drop(instance);
    let event = tokio::time::timeout(fixture::LIMIT, events.recv()).await.unwrap();
    assert!(matches!(event, Some(DriverEvent::Exited(_))), "{event:?}");
}

#[tokio::test]
async fn launch_second_machine_on_same_disk_is_refused() {
    let first = Fixture::new(guest::idle());
    let running = first.launch().await.unwrap();
    let mut second = Fixture::new(guest::idle());
    second.spec.data_disk.clone_from(&first.spec.data_disk);
    let error = second.launch().await.map(|_| ()).unwrap_err();
    assert!(matches!(error, DriverError::DiskInUse { .. }), "{error}");
    running.instance.kill().await.unwrap();
}

#[tokio::test]
async fn launch_with_no_kernel_in_the_file_is_refused() {
    let fixture = Fixture::new(b"not a kernel".to_vec());
    let error = fixture.launch().await.map(|_| ()).unwrap_err();
    assert!(error.to_string().contains("neither"), "{error}");
}

#[tokio::test]
async fn full_host_disk_pauses_the_machine_and_resume_goes_on() {
    let mut fixture = Fixture::new(guest::disk_writer());
    let disk = SmallDisk::mount(fixture.folder.path().join("small"));
    fixture.spec.data_disk = disk.path.join("data.raw");
    sparse(&fixture.spec.data_disk);
    let mut running = fixture.launch().await.unwrap();
    match running.event().await {
        DriverEvent::DiskError { no_space, reason } => assert!(no_space, "{reason}"),
        other => panic!("{other:?}"),
    }
    // Still no space: told again.
    running.instance.resume().await.unwrap();
    assert!(matches!(
        running.event().await,
        DriverEvent::DiskError { no_space: true, .. }
    ));
    disk.grow();
    running.instance.resume().await.unwrap();
    assert!(running.exit().await.clean);
    assert_eq!(running.instance.console_tail(1), ["W"]);
}

/// A disk of 2 MiB. Needs root, as the VM image's build does.
struct SmallDisk {
    path: std::path::PathBuf,
}

impl SmallDisk {
    fn mount(path: std::path::PathBuf) -> Self {
        std::fs::create_dir(&path).unwrap();
        run(
            "mount",
            &["-t", "tmpfs", "-o", "size=2m", "tmpfs", path.to_str().unwrap()],
        );
        Self { path }
    }

    fn grow(&self) {
        run("mount", &["-o", "remount,size=32m", self.path.to_str().unwrap()]);
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        run("umount", &["-l", self.path.to_str().unwrap()]);
    }
}

fn run(program: &str, args: &[&str]) {
    assert!(
        Command::new(program).args(args).status().unwrap().success(),
        "{program} {args:?}"
    );
}
