//! Launches with a tiny root disk and scripts that stand in for the guest agent. Needs root, like the driver.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![cfg(target_os = "linux")]

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use machine::{
    AcceleratorChoice, Driver, DriverError, DriverEvent, Exit, Instance, LinkChoice, MachineSpec,
    VmImagePaths,
};
use pinnace_driver_fake::{FakeConfig, FakeDriver};
use tempfile::TempDir;
use tokio::{
    sync::mpsc::{self, UnboundedReceiver},
    time::timeout,
};

/// Far longer than anything here takes.
const DEADLINE: Duration = Duration::from_secs(60);

struct Bed {
    folder: TempDir,
    driver: FakeDriver,
    spec: MachineSpec,
}

impl Bed {
    /// Makes a root disk, a blank data disk and a guest agent of the given script. `None` without root.
    fn new(script: &str) -> Option<Self> {
        if fs::metadata("/proc/self").unwrap().uid() != 0 {
            return None;
        }
        let folder = tempfile::Builder::new().prefix("pf-").tempdir_in("/tmp").unwrap();
        let at = |name: &str| folder.path().join(name);
        let tree = at("tree");
        for name in ["bin", "proc", "sys", "dev", "run", "tmp"] {
            fs::create_dir_all(tree.join(name)).unwrap();
        }
        fs::copy(find_busybox(), tree.join("bin/busybox")).unwrap();
        for applet in ["sh", "cat", "sleep", "grep", "touch"] {
            symlink("busybox", tree.join("bin").join(applet)).unwrap();
        }
        let made = Command::new("mkfs.erofs")
            .arg(at("root.erofs"))
            .arg(&tree)
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
        fs::File::create(at("data.raw"))
            .unwrap()
            .set_len(64 << 20)
            .unwrap();
        fs::create_dir(at("run")).unwrap();
        fs::write(at("agent"), format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(at("agent"), fs::Permissions::from_mode(0o755)).unwrap();
        let spec = MachineSpec {
            cpus: 1,
            memory_mib: 512,
            image: VmImagePaths {
                kernel: PathBuf::new(),
                initrd: PathBuf::new(),
                root: at("root.erofs"),
            },
            data_disk: at("data.raw"),
            run_dir: at("run"),
            console_log: at("console.log"),
            accelerator: AcceleratorChoice::Auto,
            link: LinkChoice::Auto,
            extra_cmdline: Vec::new(),
        };
        let driver = FakeDriver::new(FakeConfig {
            guest_agent: at("agent"),
            generation: 1,
        });
        Some(Self { folder, driver, spec })
    }

    async fn launch(&self) -> Result<(Box<dyn Instance>, UnboundedReceiver<DriverEvent>), DriverError> {
        let verdict = self.driver.prepare(AcceleratorChoice::Auto).await?;
        let (sender, events) = mpsc::unbounded_channel();
        Ok((self.driver.launch(&self.spec, &verdict, sender).await?, events))
    }

    fn console(&self) -> String {
        fs::read_to_string(&self.spec.console_log).unwrap_or_default()
    }

    async fn wait_console(&self, wanted: impl Fn(&str) -> bool) {
        let waiting = async {
            while !wanted(&self.console()) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(DEADLINE, waiting)
            .await
            .unwrap_or_else(|_| panic!("the console has {}", self.console()));
    }

    /// No process, loop device, mount or control group names this machine any more.
    fn assert_clean(&self) {
        let name = self.folder.path().to_str().unwrap();
        assert!(!fs::read_to_string("/proc/self/mountinfo").unwrap().contains(name));
        let run = fs::metadata(&self.spec.run_dir).unwrap();
        let group = format!("pinnace-fake-{:x}-{:x}", run.dev(), run.ino());
        let found = Command::new("find")
            .args(["/sys/fs/cgroup", "-name", &group])
            .output()
            .unwrap();
        assert_eq!(
            String::from_utf8_lossy(&found.stdout),
            "",
            "control groups are left"
        );
        // The root disk's loop device may go a moment later: nothing is written through it.
        let devices = || {
            let devices = fs::read_dir("/sys/block")
                .unwrap()
                .map(|device| device.unwrap().path());
            devices.filter_map(|device| fs::read_to_string(device.join("loop/backing_file")).ok())
        };
        let begun = Instant::now();
        while devices().any(|backing| backing.starts_with(name)) {
            assert!(
                begun.elapsed() < DEADLINE,
                "loop devices: {:?}",
                devices().collect::<Vec<_>>()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

fn find_busybox() -> &'static Path {
    let found = ["/bin/busybox", "/usr/bin/busybox"]
        .into_iter()
        .map(Path::new)
        .find(|path| path.exists());
    found.expect("these tests need the package busybox-static")
}

async fn exit(events: &mut UnboundedReceiver<DriverEvent>) -> Exit {
    match timeout(DEADLINE, events.recv()).await.expect("no event came") {
        Some(DriverEvent::Exited(exit)) => exit,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn launch_of_an_agent_that_ends_well_is_a_clean_exit() {
    let script = "echo \"$$ $*\"; touch /run/pinnace/state/kept; cat /proc/mounts; exit 0";
    let Some(bed) = Bed::new(script) else { return };
    let (_instance, mut events) = bed.launch().await.unwrap();
    let exit = exit(&mut events).await;
    let console = bed.console();
    assert!(exit.clean, "{exit:?}: {console}");
    assert!(
        console.starts_with("1 process --lanes /run/pinnace/lanes --state /run/pinnace/state"),
        "{console}"
    );
    assert!(
        !console.contains("/run/pinnace/host"),
        "the host's root is still there: {console}"
    );
    bed.assert_clean();
}

#[tokio::test]
async fn launch_twice_keeps_the_data_disk() {
    let script = "if [ -e /run/pinnace/state/kept ]; then echo kept; else touch /run/pinnace/state/kept; fi";
    let Some(bed) = Bed::new(script) else { return };
    for _ in 0..2 {
        let (_instance, mut events) = bed.launch().await.unwrap();
        assert!(exit(&mut events).await.clean, "{}", bed.console());
    }
    assert_eq!(bed.console(), "kept\n");
}

#[tokio::test]
async fn launch_of_an_agent_that_fails_names_its_last_words() {
    let Some(bed) = Bed::new("echo the mast is broken >&2; exit 3") else {
        return;
    };
    let (instance, mut events) = bed.launch().await.unwrap();
    let exit = exit(&mut events).await;
    assert!(!exit.clean);
    assert!(
        exit.reason.contains("exit status: 3") && exit.reason.contains("the mast is broken"),
        "{exit:?}"
    );
    assert_eq!(instance.console_tail(1), ["the mast is broken"]);
    bed.assert_clean();
}

#[tokio::test]
async fn launch_with_a_root_disk_that_is_none_names_the_failed_mount() {
    let Some(bed) = Bed::new("exit 0") else { return };
    fs::write(&bed.spec.image.root, vec![1; 1 << 20]).unwrap();
    let (_instance, mut events) = bed.launch().await.unwrap();
    let exit = exit(&mut events).await;
    assert!(!exit.clean && exit.reason.contains("mount"), "{exit:?}");
    bed.assert_clean();
}

#[tokio::test]
async fn launch_while_the_disk_is_in_use_is_refused() {
    let Some(bed) = Bed::new("echo up; sleep 1000") else {
        return;
    };
    let lock = fs::File::open(&bed.spec.data_disk).unwrap();
    lock.lock().unwrap();
    let refused = bed.launch().await.map(drop).unwrap_err();
    assert!(matches!(refused, DriverError::DiskInUse { .. }), "{refused}");
}

#[tokio::test]
async fn pause_stops_every_process_and_resume_lets_them_go_on() {
    let Some(bed) = Bed::new("(i=0; while :; do i=$((i+1)); echo $i; sleep 0.01; done) & wait") else {
        return;
    };
    let (instance, mut events) = bed.launch().await.unwrap();
    bed.wait_console(|text| text.lines().count() > 3).await;
    instance.pause().await.unwrap();
    instance.pause().await.unwrap();
    let before = bed.console();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(bed.console(), before, "it went on while paused");
    instance.resume().await.unwrap();
    bed.wait_console(|text| text.lines().count() > before.lines().count() + 3)
        .await;
    // A paused machine can be ended too.
    instance.pause().await.unwrap();
    instance.kill().await.unwrap();
    assert!(!exit(&mut events).await.clean);
    bed.assert_clean();
}

#[tokio::test]
async fn drop_of_the_instance_ends_every_process() {
    let Some(bed) = Bed::new("(trap '' TERM HUP INT; echo up; sleep 1000) & (sleep 1000) & wait") else {
        return;
    };
    let (instance, mut events) = bed.launch().await.unwrap();
    bed.wait_console(|text| text.contains("up")).await;
    drop(instance);
    assert!(!exit(&mut events).await.clean);
    bed.assert_clean();
}

#[tokio::test]
async fn launch_after_a_crash_sweeps_what_it_left() {
    let Some(bed) = Bed::new("echo up; sleep 1000") else {
        return;
    };
    // A host agent that is killed runs no destructor: the group stays, here with a process of its own.
    let run = fs::metadata(&bed.spec.run_dir).unwrap();
    let name = format!("pinnace-fake-{:x}-{:x}", run.dev(), run.ino());
    let text = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let top = text
        .lines()
        .find(|line| line.contains(" - cgroup2 "))
        .and_then(|line| line.split(' ').nth(4));
    let Some(top) = top else { return };
    let group = Path::new(top).join(name);
    fs::create_dir(&group).unwrap();
    let mut stray = Command::new("sleep").arg("1000").spawn().unwrap();
    fs::write(group.join("cgroup.procs"), stray.id().to_string()).unwrap();

    let (instance, mut events) = bed.launch().await.unwrap();
    bed.wait_console(|text| text.contains("up")).await;
    assert!(stray.try_wait().unwrap().is_some(), "the stray process lives");
    instance.kill().await.unwrap();
    exit(&mut events).await;
    bed.assert_clean();
}
