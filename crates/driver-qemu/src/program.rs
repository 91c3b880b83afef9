//! QEMU's program: where it is, how old, what it can do.

use std::{
    env,
    ffi::{OsStr, OsString},
    io,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use machine::DriverError;
use tokio::{process::Command, time::timeout};

use crate::{
    args,
    cache::{Cache, ProgramFacts, ProgramKey},
    host::{Arch, HostOs},
    version::QemuVersion,
};

/// How long it may take to print its version: antivirus programs read all of it first.
const ANSWER_LIMIT: Duration = Duration::from_secs(20);

/// A QEMU that will do.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    pub key: ProgramKey,
    pub version: QemuVersion,
    pub sandbox: bool,
}

impl Program {
    pub(crate) fn path(&self) -> &Path {
        &self.key.path
    }

    /// Finds the program for guests of `arch` and asks it for its version, unless that is known.
    pub(crate) async fn find(wish: Option<&Path>, arch: Arch, cache: &Cache) -> Result<Self, DriverError> {
        let host = HostOs::current();
        let path = Places { wish, host, arch }.search()?;
        let failed = |action, source| DriverError::File {
            action,
            path: path.clone(),
            source,
        };
        let key = ProgramKey::of(&path).map_err(|source| failed("open", source))?;
        let facts = match cache.facts(&key) {
            Some(facts) => facts,
            None => {
                let facts = ask(&path, host).await.map_err(|source| failed("run", source))?;
                cache.remember_facts(&key, facts.clone());
                facts
            }
        };
        let version = QemuVersion::parse(&facts.version_line).ok_or_else(|| DriverError::Launch {
            program: path.clone(),
            reason: format!("it is not QEMU: its version text is {:?}", facts.version_line),
        })?;
        if version < QemuVersion::OLDEST {
            return Err(DriverError::ProgramTooOld {
                program: path,
                found: version.to_string(),
                needed: QemuVersion::OLDEST.to_string(),
                hint: format!("{}, or name a newer one in PINNACE_QEMU", host.install_hint(arch)),
            });
        }
        Ok(Self {
            key,
            version,
            sandbox: facts.sandbox,
        })
    }
}

/// Where a program is looked for, in this order: the wish, beside us, the search path, the installers' folders.
struct Places<'a> {
    wish: Option<&'a Path>,
    host: HostOs,
    arch: Arch,
}

impl Places<'_> {
    fn search(&self) -> Result<PathBuf, DriverError> {
        let name = self.host.program_name(self.arch.qemu_stem());
        let missing = |program: String, hint: String| DriverError::ProgramMissing { program, hint };
        if let Some(wish) = self.wish {
            // A wish that does not come true is an error, never another program.
            let path = self.wished(wish, &name);
            return if path.is_file() {
                Ok(path)
            } else {
                Err(missing(
                    path.display().to_string(),
                    "correct or unset PINNACE_QEMU".to_owned(),
                ))
            };
        }
        let beside = env::current_exe()
            .ok()
            .and_then(|exe| Some(exe.parent()?.to_owned()));
        let beside = beside
            .into_iter()
            .flat_map(|folder| [folder.join("qemu"), folder]);
        let search_path: Vec<PathBuf> = env::var_os("PATH")
            .map(|path| env::split_paths(&path).collect())
            .unwrap_or_default();
        beside
            .chain(search_path.into_iter().filter(|folder| folder.is_absolute()))
            .chain(self.host.usual_folders())
            .map(|folder| folder.join(&name))
            .find(|path| path.is_file())
            .ok_or_else(|| missing(name, self.host.install_hint(self.arch)))
    }

    /// A folder of programs; or one program, whose neighbours serve the other architectures.
    fn wished(&self, wish: &Path, name: &str) -> PathBuf {
        let other = |arch: Arch| Some(OsStr::new(arch.qemu_stem())) == wish.file_stem();
        let for_other_arch = match self.arch {
            Arch::Amd64 => other(Arch::Arm64),
            Arch::Arm64 => other(Arch::Amd64),
        };
        if wish.is_dir() {
            wish.join(name)
        } else if for_other_arch {
            wish.with_file_name(name)
        } else {
            wish.to_owned()
        }
    }
}

async fn ask(program: &Path, host: HostOs) -> io::Result<ProgramFacts> {
    let answer = run(program, &["--version".into()]).await?;
    if !answer.status.success() {
        let words: String = String::from_utf8_lossy(&answer.stderr)
            .trim()
            .chars()
            .take(500)
            .collect();
        return Err(io::Error::other(format!("{}: {words}", answer.status)));
    }
    let text = String::from_utf8_lossy(&answer.stdout);
    let version_line: String = text
        .lines()
        .next()
        .unwrap_or_default()
        .chars()
        .take(200)
        .collect();
    // Every build lists the option and few can do it: it is refused before machine types are listed.
    let sandbox = host == HostOs::Linux
        && run(program, &args::sandbox_question())
            .await
            .is_ok_and(|answer| answer.status.success());
    Ok(ProgramFacts {
        version_line,
        sandbox,
    })
}

async fn run(program: &Path, args: &[OsString]) -> io::Result<std::process::Output> {
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null()).kill_on_drop(true);
    #[cfg(windows)]
    {
        // CREATE_NO_WINDOW: no console window flashes up.
        command.creation_flags(0x0800_0000);
    }
    let too_slow = || io::Error::new(io::ErrorKind::TimedOut, "it did not answer in time");
    timeout(ANSWER_LIMIT, command.output())
        .await
        .map_err(|_| too_slow())?
}
