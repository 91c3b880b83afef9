//! The stock machine with every peer: two virtiofs, 9p and sshfs, each of a folder of its own.

use std::{
    io::Write as _,
    path::PathBuf,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};

use super::{
    bundle,
    data::Data,
    line::Line,
    place::Place,
    sftp::Sftp,
    virtiofsd::{self, Virtiofsd},
};
use crate::bench::{interrupt::Interrupt, stock::Stock};

const CPUS: u32 = 2;
/// Where the worker's root is in the machine.
const ROOT: &str = "/opt/bench";
/// As Lima mounts it.
const NINE_P: &str = "trans=virtio,version=9p2000.L,msize=131072,cache=mmap";
const LIMIT: Duration = Duration::from_secs(600);
const MOUNT_LIMIT: Duration = Duration::from_secs(120);

/// The stock machine and what serves its folders. Dropping it ends all of it; the machine's disk is as it was.
pub struct Theirs {
    stock: Stock,
    // After the machine: they serve it as long as it runs.
    servers: Vec<Virtiofsd>,
    sftp: Option<Sftp>,
    folder: PathBuf,
    interrupt: Interrupt,
}

impl Theirs {
    /// Starts it, and does not wait.
    pub fn prepare(memory_mib: u32, data: &Data, interrupt: &Interrupt) -> Result<Self> {
        let mut stock = Stock::prepare(CPUS, memory_mib)?;
        interrupt.check()?;
        let servers = match virtiofsd::obtain() {
            Ok(program) => [Place::VirtiofsAuto, Place::VirtiofsAlways]
                .into_iter()
                .map(|place| Virtiofsd::start(&program, place, &data.folder(place), interrupt))
                .collect::<Result<Vec<_>>>()?,
            Err(error) => {
                interrupt.check()?;
                println!("without virtiofs: {error:#}");
                Vec::new()
            }
        };
        println!("starting the stock machine");
        stock.launch_with(&devices(memory_mib, &servers, data))?;
        Ok(Self {
            stock,
            servers,
            sftp: None,
            folder: data.folder(Place::Sshfs),
            interrupt: interrupt.clone(),
        })
    }

    /// Waits until it takes commands, and starts a worker in each place. One that cannot be mounted is told and left out.
    pub fn lines(&mut self) -> Result<Vec<(Place, Line)>> {
        self.wait("true", "take commands", LIMIT)?;
        self.install()?;
        let served = self.servers.iter().map(|server| server.place);
        let wanted: Vec<Place> = served.chain([Place::NineP, Place::Sshfs]).collect();
        let mut lines = Vec::new();
        for place in wanted {
            match self.mount(place).and_then(|()| self.line(place)) {
                Ok(line) => lines.push((place, line)),
                Err(error) => {
                    self.interrupt.check()?;
                    println!("without {}: {error:#}", place.name());
                }
            }
        }
        Ok(lines)
    }

    fn mount(&mut self, place: Place) -> Result<()> {
        let tag = place.folder();
        let folder = format!("{ROOT}{}", bundle::inside(place));
        match place {
            Place::NineP => self.inside(&format!("mount -t 9p -o {NINE_P} {tag} {folder}")),
            Place::Sshfs => {
                self.sftp = Some(Sftp::start(&self.stock, &self.folder, &folder)?);
                self.wait(&format!("mountpoint -q {folder}"), "mount sshfs", MOUNT_LIMIT)
            }
            _ => self.inside(&format!("mount -t virtiofs {tag} {folder}")),
        }
    }

    fn line(&self, place: Place) -> Result<Line> {
        let (worker, folder) = (bundle::WORKER, bundle::inside(place));
        Line::start(&mut self.command(&format!(
            "PATH=/bin /usr/sbin/chroot {ROOT} {worker} bench-worker {folder}"
        )))
    }

    fn command(&self, command: &str) -> Command {
        let mut ssh = self.stock.shell(command);
        ssh.stderr(Stdio::inherit());
        ssh
    }

    /// Brings the worker's root.
    fn install(&self) -> Result<()> {
        println!("bringing the worker to the stock machine");
        let archive = bundle::archive()?;
        let mut ssh = self.command(&format!("mkdir -p {ROOT} && tar -xf - -C {ROOT}"));
        let mut unpack = ssh.stdin(Stdio::piped()).spawn().context("failed to start ssh")?;
        let mut stdin = unpack.stdin.take().context("no stdin")?;
        let written = stdin.write_all(&archive);
        drop(stdin);
        ensure!(
            unpack.wait()?.success(),
            "the stock machine did not take the worker"
        );
        written.context("the stock machine took no archive")?;
        self.inside(&format!(
            "mount -t proc proc {ROOT}/proc && mount --bind /dev {ROOT}/dev"
        ))
    }

    fn inside(&self, command: &str) -> Result<()> {
        self.interrupt.check()?;
        let status = self.command(command).status().context("failed to start ssh")?;
        ensure!(status.success(), "`{command}` failed in the stock machine");
        Ok(())
    }

    /// Waits until a command succeeds.
    fn wait(&mut self, command: &str, what: &str, limit: Duration) -> Result<()> {
        let deadline = Instant::now() + limit;
        while !self.stock.shell(command).status()?.success() {
            self.interrupt.check()?;
            self.stock.check_runs()?;
            ensure!(
                Instant::now() < deadline,
                "the stock machine did not {what} within {limit:?}"
            );
            thread::sleep(Duration::from_millis(500));
        }
        Ok(())
    }
}

/// QEMU's arguments for the peers. What virtiofsd serves it reads and writes in the machine's memory, which is therefore
/// shared.
fn devices(memory_mib: u32, servers: &[Virtiofsd], data: &Data) -> Vec<String> {
    let tag = Place::NineP.folder();
    // A comma in a path is written twice.
    let folder = data.folder(Place::NineP).display().to_string().replace(',', ",,");
    let mut devices = vec![
        "-fsdev".to_owned(),
        format!("local,id=ninep,path={folder},security_model=none,multidevs=remap"),
        "-device".to_owned(),
        format!("virtio-9p-pci,fsdev=ninep,mount_tag={tag}"),
    ];
    if !servers.is_empty() {
        devices.extend([
            "-object".to_owned(),
            format!("memory-backend-memfd,id=shared,size={memory_mib}M,share=on"),
            "-machine".to_owned(),
            "memory-backend=shared".to_owned(),
        ]);
    }
    for server in servers {
        let tag = server.place.folder();
        devices.extend([
            "-chardev".to_owned(),
            format!("socket,id={tag},path={}", server.socket.display()),
            "-device".to_owned(),
            format!("vhost-user-fs-pci,queue-size=1024,chardev={tag},tag={tag}"),
        ]);
    }
    devices
}
