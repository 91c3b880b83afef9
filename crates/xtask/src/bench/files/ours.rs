//! Pinnace's machine: a share and a volume, each with a worker in a container.

use std::{
    fs,
    io::Write as _,
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};

use super::{bundle, data::Data, line::Line, place::Place};
use crate::{
    bench::interrupt::Interrupt,
    image::{self, Arch},
    programs, shell,
};

const IMAGE: &str = "bench-files";
const VOLUME: &str = "bench-files";

/// The machine. Dropping it ends and deletes it.
pub struct Ours {
    home: PathBuf,
    /// The folder on this host.
    share: PathBuf,
}

impl Ours {
    pub fn start(memory_mib: u32, data: &Data, interrupt: &Interrupt) -> Result<Self> {
        // A socket's path must be short, so the home is not below the build folder.
        let home = std::env::temp_dir().join(format!("pinnace-bench-{}", std::process::id()));
        let ours = Self {
            home,
            share: data.folder(Place::Pinnace),
        };
        let config = format!(
            "[machine]\ncpus = 2\nmemory_mib = {memory_mib}\ndisk_gib = 16\n[engine]\ncontext = false\n\
             [shares]\nhome = false\n"
        );
        fs::create_dir_all(ours.home.join("config"))?;
        fs::write(ours.home.join("config/config.toml"), config)?;
        println!("starting Pinnace's machine");
        shell::output(ours.pinnace().args(["share", "add"]).arg(&ours.share))?;
        interrupt.check()?;
        shell::output(ours.pinnace().arg("start"))?;
        interrupt.check()?;
        ours.import_image()?;
        Ok(ours)
    }

    /// The workers in its places.
    pub fn lines(&self) -> Result<Vec<(Place, Line)>> {
        [Place::Pinnace, Place::Local]
            .into_iter()
            .map(|place| Ok((place, self.line(place)?)))
            .collect()
    }

    /// Each container has both places: what the volume holds comes out of the share. Privileged, since only so may a
    /// container drop the kernel's caches.
    fn line(&self, place: Place) -> Result<Line> {
        let share = format!("{}:{}", self.share.display(), bundle::inside(Place::Pinnace));
        let volume = format!("{VOLUME}:{}", bundle::inside(Place::Local));
        let mut run = self.pinnace();
        run.args([
            "run",
            "--rm",
            "--interactive",
            "--privileged",
            "--network",
            "none",
        ]);
        run.args(["--volume", &share, "--volume", &volume, IMAGE]);
        run.args([bundle::WORKER, "bench-worker", &bundle::inside(place)]);
        Line::start(&mut run)
    }

    fn pinnace(&self) -> Command {
        let mut command = shell::command(programs::release_dir().join("pinnace"));
        command.env("PINNACE_HOME", &self.home);
        command.env("PINNACE_VM_IMAGE", image::output_folder(Arch::native()));
        command
    }

    fn import_image(&self) -> Result<()> {
        println!("making the worker's image");
        let archive = bundle::archive()?;
        let mut import = self.pinnace();
        import.args(["shell", "--no-tty", "--", "docker", "import", "-", IMAGE]);
        let mut import = import
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .context("failed to start docker import")?;
        let mut stdin = import.stdin.take().context("no stdin")?;
        let written = stdin.write_all(&archive);
        drop(stdin);
        ensure!(import.wait()?.success(), "docker import failed");
        written.context("docker import took no archive")
    }
}

impl Drop for Ours {
    fn drop(&mut self) {
        let _ = shell::output(self.pinnace().args(["daemon", "--stop"]));
        let _ = fs::remove_dir_all(&self.home);
    }
}
