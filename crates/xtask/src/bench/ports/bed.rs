//! One VM, its servers in a container, and the three doors to them.

use std::{
    fs,
    io::Write,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::Value;

use super::{
    bundle,
    door::{self, Door, Ports},
    requests,
};
use crate::{
    bench::{cpu::rss_kib, interrupt::Interrupt},
    image::{self, Arch},
    programs, shell,
};

const CONFIG: &str = "[machine]\ncpus = 2\nmemory_mib = 2048\ndisk_gib = 8\n[engine]\ncontext = false\n[shares]\nhome = false\n";
/// The image of the servers.
pub const IMAGE: &str = "bench-ports";
const IPERF_PORT: u16 = 5201;
/// Where the container answers requests.
pub const HTTP_PORT: u16 = 8080;
/// Where the ssh server in the machine listens.
const SSH_PORT: u16 = 2222;
/// Beside connections, what a process has open.
const OTHER_FILES: u64 = 1_000;
const LIMIT: Duration = Duration::from_secs(600);

/// The machine. Dropping it ends and deletes it.
pub struct Bed {
    home: PathBuf,
    /// Where the doors are.
    pub ports: Ports,
    /// A port of this host that leads to the machine's ssh server.
    ssh_port: u16,
    ssh: Option<Child>,
    /// Ctrl+C, after which nothing more is measured.
    pub interrupt: Interrupt,
}

impl Bed {
    pub fn prepare(connections: usize) -> Result<Self> {
        raise_file_limit(connections as u64 * 2 + OTHER_FILES)?;
        // A socket's path must be short, so the home is not below the build folder.
        let home = std::env::temp_dir().join(format!("pinnace-bench-{}", std::process::id()));
        fs::create_dir_all(home.join("config"))?;
        fs::write(home.join("config/config.toml"), CONFIG)?;
        let mut bed = Self {
            home,
            ports: Ports::choose()?,
            ssh_port: door::free()?,
            ssh: None,
            interrupt: Interrupt::listen()?,
        };
        bed.write_qemu()?;
        println!("starting the machine");
        shell::output(bed.pinnace().arg("start"))?;
        bed.import_image()?;
        bed.start_servers()?;
        bed.ssh = Some(bed.open_tunnel()?);
        for door in Door::ALL {
            bed.wait_answer(door)?;
        }
        Ok(bed)
    }

    /// A command of `pinnace` for this machine.
    pub fn pinnace(&self) -> Command {
        let mut command = shell::command(programs::release_dir().join("pinnace"));
        command.env("PINNACE_HOME", &self.home);
        command.env("PINNACE_VM_IMAGE", image::output_folder(Arch::native()));
        command.env("PINNACE_QEMU", self.qemu());
        command
    }

    /// The engine's endpoint.
    pub fn engine_socket(&self) -> Result<PathBuf> {
        let shown = shell::output(self.pinnace().args(["paths", "engine_socket"]))?;
        let shown = String::from_utf8(shown)?;
        let shown = shown.trim_end();
        Ok(shown.strip_prefix("unix://").unwrap_or(shown).into())
    }

    /// Resident memory in bytes of everything on this host that bytes go through: host agent, VM and ssh.
    pub fn rss_bytes(&self) -> Result<u64> {
        let status = shell::output(self.pinnace().args(["status", "--format", "json"]))?;
        let status: Value = serde_json::from_slice(&status)?;
        let pid = |value: &Value| value.as_u64().and_then(|pid| u32::try_from(pid).ok());
        let vm = pid(&status["machine"]["pid"]).context("status names no VM")?;
        let agent = pid(&status["host_agent"]["pid"]).context("status names no host agent")?;
        let ssh = self.ssh.as_ref().context("there is no ssh")?.id();
        let sum: Result<u64> = [vm, agent, ssh].into_iter().map(rss_kib).sum();
        Ok(sum? << 10)
    }

    /// A docker command in the machine.
    fn docker(&self, args: &[&str]) -> Command {
        let mut command = self.pinnace();
        command.args(["shell", "--no-tty", "--", "docker"]).args(args);
        command
    }

    fn qemu(&self) -> PathBuf {
        self.home.join("qemu/qemu-system-x86_64")
    }

    /// Writes the program before QEMU, which adds what the peers need to the network that Pinnace asks for.
    fn write_qemu(&self) -> Result<()> {
        let of = |port: u16, inside: u16| format!(",hostfwd=tcp:127.0.0.1:{port}-10.0.2.15:{inside}");
        let (iperf, http) = (
            self.ports.iperf(Door::Pinnace),
            self.ports.http(Door::Pinnace).port(),
        );
        // dockerd's rules in the machine take connections at the published ports for the container.
        let forwards = [
            of(self.ports.iperf(Door::Hostfwd), iperf),
            of(self.ports.http(Door::Hostfwd).port(), http),
            of(self.ssh_port, SSH_PORT),
        ]
        .concat();
        let script = format!(
            "#!/bin/sh\nfor arg do\n  shift\n  case $arg in user,id=net*) arg=$arg{forwards} ;; esac\n  \
             set -- \"$@\" \"$arg\"\ndone\nexec /usr/bin/qemu-system-x86_64 \"$@\"\n"
        );
        let path = self.qemu();
        fs::create_dir_all(path.parent().unwrap_or(&self.home))?;
        fs::write(&path, script)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
        Ok(())
    }

    fn import_image(&self) -> Result<()> {
        println!("making the image of the servers");
        let key = self.home.join("key");
        let mut keygen = shell::command("ssh-keygen");
        shell::run(keygen.args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key))?;
        let public = fs::read_to_string(self.home.join("key.pub"))?;
        let archive = bundle::archive(&public)?;
        let mut import = self.docker(&["import", "-", IMAGE]);
        let mut import = import
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .context("failed to start docker import")?;
        let mut stdin = import.stdin.take().context("no stdin")?;
        stdin.write_all(&archive)?;
        drop(stdin);
        ensure!(import.wait()?.success(), "docker import failed");
        Ok(())
    }

    fn start_servers(&self) -> Result<()> {
        let publish = |port: u16, inside: u16| format!("0.0.0.0:{port}:{inside}");
        let iperf = publish(self.ports.iperf(Door::Pinnace), IPERF_PORT);
        let http = publish(self.ports.http(Door::Pinnace).port(), HTTP_PORT);
        let serve = format!(
            "/bin/iperf3 --server --daemon --port {IPERF_PORT}; exec {} bench-server {HTTP_PORT}",
            bundle::SERVER
        );
        shell::output(&mut self.docker(&[
            "run",
            "-d",
            "--init",
            "--name",
            "servers",
            "--ulimit",
            "nofile=40000:40000",
            "-p",
            &iperf,
            "-p",
            &http,
            IMAGE,
            "/bin/sh",
            "-c",
            &serve,
        ]))?;
        let port = SSH_PORT.to_string();
        // The window is larger than its default, which would be held against ssh.
        shell::output(&mut self.docker(&[
            "run",
            "-d",
            "--init",
            "--name",
            "ssh",
            "--network",
            "host",
            "--ulimit",
            "nofile=40000:40000",
            IMAGE,
            "/bin/dropbear",
            "-R",
            "-F",
            "-E",
            "-s",
            "-W",
            "2097152",
            "-p",
            &port,
        ]))?;
        Ok(())
    }

    /// Starts ssh until it stays: the server makes its own key first.
    fn open_tunnel(&self) -> Result<Child> {
        let address = shell::output(&mut self.docker(&[
            "inspect",
            "--format",
            "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}",
            "servers",
        ]))?;
        let address = String::from_utf8(address)?.trim().to_owned();
        let forward = |port: u16, inside: u16| format!("127.0.0.1:{port}:{address}:{inside}");
        let begun = Instant::now();
        loop {
            let mut ssh = shell::command("ssh");
            ssh.arg("-N").arg("-i").arg(self.home.join("key"));
            ssh.args(["-p", &self.ssh_port.to_string()]);
            for option in [
                "StrictHostKeyChecking=no",
                "UserKnownHostsFile=/dev/null",
                "LogLevel=ERROR",
                "ConnectTimeout=10",
                "ExitOnForwardFailure=yes",
                "IdentitiesOnly=yes",
            ] {
                ssh.args(["-o", option]);
            }
            ssh.args(["-L", &forward(self.ports.iperf(Door::Ssh), IPERF_PORT)]);
            ssh.args(["-L", &forward(self.ports.http(Door::Ssh).port(), HTTP_PORT)]);
            let ssh = ssh
                .arg("root@127.0.0.1")
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            let mut child = ssh.spawn().context("failed to start ssh")?;
            while child.try_wait()?.is_none() {
                if requests::answers(self.ports.http(Door::Ssh)) {
                    return Ok(child);
                }
                if self.interrupt.check().is_err() || begun.elapsed() > LIMIT {
                    let _ = child.kill();
                    child.wait()?;
                    bail!("ssh did not get through to the container within {LIMIT:?}");
                }
                thread::sleep(Duration::from_millis(200));
            }
            self.interrupt.check()?;
            ensure!(begun.elapsed() < LIMIT, "ssh did not stay within {LIMIT:?}");
        }
    }

    fn wait_answer(&self, door: Door) -> Result<()> {
        let begun = Instant::now();
        while !requests::answers(self.ports.http(door)) {
            self.interrupt.check()?;
            ensure!(
                begun.elapsed() < LIMIT,
                "no answer through {door:?} within {LIMIT:?}"
            );
            thread::sleep(Duration::from_millis(200));
        }
        Ok(())
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        if let Some(mut ssh) = self.ssh.take() {
            let _ = ssh.kill();
            let _ = ssh.wait();
        }
        let _ = shell::output(self.pinnace().args(["daemon", "--stop"]));
        let _ = fs::remove_dir_all(&self.home);
    }
}

/// Lets as many files be open as connections will be, here and in what is started from here.
fn raise_file_limit(wanted: u64) -> Result<()> {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: Some(wanted).max(limit.current),
        maximum: Some(wanted).max(limit.maximum),
    };
    let most = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, raised)
        .or_else(|_| setrlimit(Resource::Nofile, most))
        .context("failed to raise the limit of open files")
}
