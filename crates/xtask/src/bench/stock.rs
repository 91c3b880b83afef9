//! The stock machine as a peer: QEMU with user networking, the engine's socket through `ssh -L`.

use std::{
    fs,
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};

use super::{
    cpu::{Processes, cpu_of},
    engine_ping,
    peer::{Peer, Started},
    stock_image::{self, StockImage},
};
use crate::shell;

const LIMIT: Duration = Duration::from_secs(600);

/// The stock machine.
pub struct Stock {
    image: StockImage,
    cpus: u32,
    memory_mib: u32,
    port: u16,
    qemu: Option<Child>,
    tunnel: Option<Child>,
}

impl Stock {
    /// Builds it where needed and gives it its very first boot.
    pub fn prepare(cpus: u32, memory_mib: u32) -> Result<Self> {
        let image = StockImage::prepare(&super::folder().join("stock"))?;
        // A free port of the loopback interface, given back for QEMU to take.
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut stock = Self {
            image,
            cpus,
            memory_mib,
            port,
            qemu: None,
            tunnel: None,
        };
        if !stock.image.file("booted").exists() {
            println!("the stock machine's first boot");
            stock.start()?;
            stock.stop()?;
            fs::write(stock.image.file("booted"), "")?;
        }
        Ok(stock)
    }

    /// Starts it with more devices and a kernel that has 9p, and does not wait. What it writes is forgotten: it need not
    /// be shut down.
    pub fn launch_with(&mut self, devices: &[String]) -> Result<()> {
        let more: Vec<String> = devices.iter().cloned().chain(["-snapshot".to_owned()]).collect();
        self.qemu = Some(self.launch(stock_image::WITH_9P, &more)?);
        Ok(())
    }

    /// Fails when the VM ended.
    pub fn check_runs(&mut self) -> Result<()> {
        let qemu = self.qemu.as_mut().context("the stock machine was not started")?;
        match qemu.try_wait()? {
            Some(status) => bail!("the stock machine ended: {status}"),
            None => Ok(()),
        }
    }

    /// A command in the machine. Its streams lead nowhere until somebody says otherwise.
    pub fn shell(&self, command: &str) -> Command {
        let mut ssh = self.ssh();
        ssh.arg("root@127.0.0.1").arg(command);
        ssh
    }

    fn socket(&self) -> PathBuf {
        // Next to the temporary folder's root: a socket's path must be short.
        std::env::temp_dir().join(format!("pinnace-bench-{}.sock", std::process::id()))
    }

    fn launch(&self, boot: &str, more: &[String]) -> Result<Child> {
        let file = |name: &str| self.image.file(name).display().to_string();
        let mut qemu = Command::new("qemu-system-x86_64");
        qemu.args([
            "-nodefaults",
            "-no-user-config",
            "-no-reboot",
            "-display",
            "none",
            "-machine",
            "q35",
        ]);
        qemu.args(["-accel", emulation()?, "-cpu", "max"]);
        qemu.args(["-smp", &self.cpus.to_string(), "-m", &self.memory_mib.to_string()]);
        qemu.args(["-kernel", &file(&format!("vmlinuz{boot}"))]);
        qemu.args(["-initrd", &file(&format!("initrd{boot}"))]);
        qemu.args(["-append", "root=LABEL=root ro console=ttyS0 quiet"]);
        qemu.args([
            "-drive",
            &format!("file={},if=virtio,format=raw,discard=unmap", file("root.raw")),
        ]);
        qemu.args([
            "-drive",
            &format!("file={},if=virtio,format=raw,readonly=on", file("seed.iso")),
        ]);
        qemu.args([
            "-netdev",
            &format!("user,id=net,hostfwd=tcp:127.0.0.1:{}-:22", self.port),
        ]);
        qemu.args([
            "-device",
            "virtio-net-pci,netdev=net",
            "-device",
            "virtio-rng-pci",
        ]);
        qemu.args(["-serial", &format!("file:{}", file("console.log"))]);
        qemu.args(more);
        qemu.stdin(Stdio::null())
            .spawn()
            .context("failed to start the stock machine")
    }

    fn ssh(&self) -> Command {
        let mut ssh = shell::command("ssh");
        ssh.arg("-i")
            .arg(self.image.file("key"))
            .args(["-p", &self.port.to_string()]);
        for option in [
            "StrictHostKeyChecking=no",
            "UserKnownHostsFile=/dev/null",
            "LogLevel=ERROR",
            "ConnectTimeout=2",
            "ExitOnForwardFailure=yes",
            "StreamLocalBindUnlink=yes",
            "IdentitiesOnly=yes",
        ] {
            ssh.args(["-o", option]);
        }
        ssh.stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        ssh
    }

    fn open_tunnel(&self) -> Result<Child> {
        let mut ssh = self.ssh();
        ssh.arg("-N")
            .arg("-L")
            .arg(format!("{}:/run/docker.sock", self.socket().display()))
            .arg("root@127.0.0.1");
        ssh.spawn().context("failed to start ssh")
    }

    fn inside(&self, command: &str) -> Result<String> {
        let output = self.shell(command).stdout(Stdio::piped()).output()?;
        ensure!(output.status.success(), "`{command}` failed in the stock machine");
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// dockerd's own time by systemd's account: from its exec to its readiness.
    fn dockerd(&self) -> Result<Duration> {
        let text = self.inside(
            "systemctl show docker -p ExecMainStartTimestampMonotonic -p ActiveEnterTimestampMonotonic",
        )?;
        let value = |key: &str| -> Option<u64> {
            text.lines()
                .find_map(|l| l.strip_prefix(key)?.strip_prefix('=')?.parse().ok())
        };
        let times = value("ExecMainStartTimestampMonotonic").zip(value("ActiveEnterTimestampMonotonic"));
        let (start, ready) = times.context("systemd tells no times of docker.service")?;
        Ok(Duration::from_micros(ready.saturating_sub(start)))
    }
}

/// Emulation as Pinnace asks for it: on one thread before QEMU 8.1, where several lose a kernel now and then.
fn emulation() -> Result<&'static str> {
    let text = shell::output(shell::command("qemu-system-x86_64").arg("--version"))?;
    let text = String::from_utf8_lossy(&text).into_owned();
    let version = text.split_once("version ").context("QEMU tells no version")?.1;
    let mut numbers = version.split('.').map_while(|number| number.parse::<u32>().ok());
    let newer = numbers.next().zip(numbers.next()) >= Some((8, 1));
    Ok(if newer {
        "tcg,thread=multi"
    } else {
        "tcg,thread=single"
    })
}

impl Peer for Stock {
    fn name(&self) -> &'static str {
        "stock"
    }

    fn start(&mut self) -> Result<Started> {
        let begin = Instant::now();
        let qemu = self.qemu.insert(self.launch("", &[])?).id();
        let mut tunnels = Duration::ZERO;
        let mut tunnel = self.open_tunnel()?;
        let socket = self.socket();
        let (stock, this) = (&*self, &mut tunnel);
        engine_ping::wait(&socket, LIMIT, || {
            if this.try_wait()?.is_some() {
                *this = stock.open_tunnel()?;
            }
            tunnels = cpu_of(this.id()).unwrap_or(tunnels);
            cpu_of(qemu).map(drop).context("the stock machine's QEMU ended")
        })?;
        let wall = begin.elapsed();
        let processes = Processes(vec![("vm", qemu), ("tunnel", tunnel.id())]);
        self.tunnel = Some(tunnel);
        let cpu = processes.cpu()?;
        let dockerd = self.dockerd()?;
        Ok(Started {
            wall,
            cpu,
            dockerd,
            phases: Vec::new(),
            processes,
        })
    }

    fn stop(&mut self) -> Result<()> {
        let _ = self.inside("systemctl poweroff");
        if let Some(mut tunnel) = self.tunnel.take() {
            let _ = tunnel.kill();
            tunnel.wait()?;
        }
        let Some(mut qemu) = self.qemu.take() else {
            return Ok(());
        };
        let deadline = Instant::now() + LIMIT;
        while qemu.try_wait()?.is_none() {
            if Instant::now() > deadline {
                let _ = qemu.kill();
                bail!("the stock machine did not power off");
            }
            std::thread::sleep(Duration::from_millis(200));
        }
        let _ = fs::remove_file(self.socket());
        Ok(())
    }
}

impl Drop for Stock {
    fn drop(&mut self) {
        for child in [&mut self.tunnel, &mut self.qemu].into_iter().flatten() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
