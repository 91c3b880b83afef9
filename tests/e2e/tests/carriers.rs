//! The guest agent on other hosts' terms: a machine of another architecture, and a link over virtio sockets.
//!
//! These go through the driver and the agent client directly: the host agent boots only what suits its own host.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{path::PathBuf, time::Duration};

use agent_client::AgentClient;
use driver_qemu::{QemuConfig, QemuDriver};
use link::Lane;
use machine::{AcceleratorChoice, Driver, DriverEvent, Instance, LinkChoice, MachineSpec, VmImagePaths};
use protocol::{EngineState, Event, Request};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::mpsc,
    time::timeout,
};

/// Far more than plain emulation takes on a busy machine; only a failure waits for it.
const LIMIT: Duration = Duration::from_secs(600);

/// The folder of an architecture's VM image; `None` where the runner did not ask for it.
fn image(arch: &str) -> Option<PathBuf> {
    let images = PathBuf::from(std::env::var_os("PINNACE_E2E_IMAGES")?);
    Some(images.join(arch)).filter(|folder| folder.join("manifest.json").exists())
}

fn own_arch() -> &'static str {
    if cfg!(target_arch = "aarch64") {
        "arm64"
    } else {
        "amd64"
    }
}

struct Machine {
    _folder: tempfile::TempDir,
    instance: Box<dyn Instance>,
    events: mpsc::UnboundedReceiver<DriverEvent>,
}

async fn boot(arch: &str, link: LinkChoice) -> Machine {
    let image = image(arch).expect("PINNACE_E2E_IMAGES names a folder with the image: run `cargo xtask e2e`");
    let folder = tempfile::Builder::new().prefix("pn-").tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::File::create(at("data.raw"))
        .unwrap()
        .set_len(4 << 30)
        .unwrap();
    std::fs::create_dir(at("run")).unwrap();
    let spec = MachineSpec {
        cpus: 2,
        memory_mib: 1024,
        image: VmImagePaths {
            kernel: image.join("vmlinux"),
            initrd: image.join("initrd"),
            root: image.join("root.erofs"),
        },
        data_disk: at("data.raw"),
        run_dir: at("run"),
        console_log: at("console.log"),
        accelerator: AcceleratorChoice::Tcg,
        link,
        extra_cmdline: Vec::new(),
    };
    let config = QemuConfig {
        cache_dir: at("cache"),
        program: None,
        generation: protocol::GENERATION,
    };
    let driver = QemuDriver::new(config);
    let verdict = driver.prepare(spec.accelerator).await.unwrap();
    let (sender, events) = mpsc::unbounded_channel();
    let instance = driver.launch(&spec, &verdict, sender).await.unwrap();
    Machine {
        _folder: folder,
        instance,
        events,
    }
}

impl Machine {
    /// Waits for the engine and returns the guest agent's client.
    async fn ready(&mut self) -> (AgentClient, mpsc::UnboundedReceiver<Event>) {
        let link = self.instance.link();
        let up = timeout(LIMIT, link.wait_up(Lane::Control)).await;
        up.unwrap_or_else(|_| panic!("no guest agent; console: {:#?}", self.instance.console_tail(20)));
        let (client, facts, mut events) = AgentClient::connect(&link).await.unwrap();
        let mut state = facts.engine;
        while !matches!(state, EngineState::Ready { .. }) {
            let event = timeout(LIMIT, events.recv())
                .await
                .expect("the engine never got ready")
                .unwrap();
            if let Event::Engine(new) = event {
                state = new;
            }
        }
        (client, events)
    }

    /// Stops it orderly and waits for its end.
    async fn stop(mut self, client: &AgentClient) {
        client.call(Request::Shutdown { grace_ms: 10_000 }).await.unwrap();
        loop {
            let event = timeout(LIMIT, self.events.recv()).await.unwrap().unwrap();
            if let DriverEvent::Exited(exit) = event {
                assert!(exit.clean, "{}", exit.reason);
                return;
            }
        }
    }
}

/// Asks the engine over a stream whose end of input comes before the answer.
async fn ping(client: &AgentClient) -> String {
    let mut stream = client.open_engine().await.unwrap();
    stream
        .write_all(b"GET /_ping HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n")
        .await
        .unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

async fn boot_answers_and_powers_off(arch: &str, link: LinkChoice) {
    let mut machine = boot(arch, link).await;
    let (client, _events) = machine.ready().await;
    let answer = ping(&client).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    machine.stop(&client).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn boot_on_arm64_engine_answers_and_machine_powers_off() {
    boot_answers_and_powers_off("arm64", LinkChoice::Serial).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn boot_over_vsock_engine_answers_and_machine_powers_off() {
    boot_answers_and_powers_off(own_arch(), LinkChoice::Vsock).await;
}
