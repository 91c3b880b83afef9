//! QEMU: found, and new enough.

use std::{
    env,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use api::Status;
use tokio::{process::Command, time::timeout};

use super::Check;
use crate::{failure::chain, sys};

/// What a plain Debian 12 offers.
const OLDEST: (u32, u32) = (7, 2);

/// Looks for QEMU and asks for its version. `status` may tell of another driver, which needs none.
pub async fn check(status: Option<&Status>) -> Check {
    const NAME: &str = "qemu";
    if let Some(status) = status
        && status.machine.driver != "qemu"
    {
        return Check::ok(
            NAME,
            format!("not needed by the driver {}", status.machine.driver),
        );
    }
    let name = match env::consts::ARCH {
        "aarch64" => "qemu-system-aarch64",
        _ => "qemu-system-x86_64",
    };
    let program = match wished(name) {
        Some(program) if program.is_file() => program,
        Some(program) => {
            let detail = format!("{} was not found", program.display());
            return Check::fail(NAME, detail, "correct or unset PINNACE_QEMU");
        }
        None => match find(name) {
            Some(program) => program,
            None => return Check::fail(NAME, format!("{name} was not found"), install_hint()),
        },
    };
    match first_line(&program, &["--version"]).await {
        Err(reason) => Check::fail(NAME, format!("{}: {reason}", program.display()), install_hint()),
        Ok(line) => judge(NAME, &program, &line),
    }
}

/// What `PINNACE_QEMU` names: a program, or a folder of programs. The driver takes nothing else then.
fn wished(name: &str) -> Option<PathBuf> {
    let wish = PathBuf::from(env::var_os("PINNACE_QEMU").filter(|wish| !wish.is_empty())?);
    Some(if wish.is_dir() { wish.join(name) } else { wish })
}

fn judge(name: &'static str, program: &Path, line: &str) -> Check {
    match version(line) {
        None => Check::warn(
            name,
            format!(
                "{} says {line:?}, in which there is no version",
                program.display()
            ),
            "check that it is QEMU",
        ),
        Some((major, minor)) if (major, minor) < OLDEST => Check::fail(
            name,
            format!(
                "{} is version {major}.{minor}, {}.{} or newer is needed",
                program.display(),
                OLDEST.0,
                OLDEST.1
            ),
            install_hint(),
        ),
        Some(_) => Check::ok(name, format!("{line} at {}", program.display())),
    }
}

/// Reads `QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7)`.
fn version(line: &str) -> Option<(u32, u32)> {
    let rest = line.split_once("version ")?.1;
    let number = rest.split(|c: char| !c.is_ascii_digit() && c != '.').next()?;
    let mut parts = number.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

fn install_hint() -> &'static str {
    match env::consts::OS {
        "macos" => "install it with `brew install qemu`",
        "windows" => "install it with `winget install SoftwareFreedomConservancy.QEMU`",
        _ => "install it with `apt install qemu-system-x86` or your system's package manager",
    }
}

/// A program on PATH, or where installers put it without adding to PATH.
pub fn find(stem: &str) -> Option<PathBuf> {
    let name = format!("{stem}{}", env::consts::EXE_SUFFIX);
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(sys::PROGRAM_FOLDERS.iter().map(PathBuf::from))
        // A relative entry would run whatever lies in the current folder.
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(&name))
        .find(|program| program.is_file())
}

/// The first line that a program prints. Fails with the reason in words.
pub async fn first_line(program: &Path, arguments: &[&str]) -> Result<String, String> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).kill_on_drop(true);
    let output = timeout(Duration::from_secs(20), command.output())
        .await
        .map_err(|_| "it did not answer within 20 s".to_owned())?
        .map_err(|error| format!("failed to run: {}", chain(&error)))?;
    let text = String::from_utf8_lossy(if output.status.success() {
        &output.stdout
    } else {
        &output.stderr
    });
    let line = text.lines().next().unwrap_or_default().trim().to_owned();
    if output.status.success() {
        Ok(line)
    } else {
        Err(format!("{}: {line}", output.status))
    }
}

#[cfg(test)]
mod tests {
    use super::{super::Verdict, *};

    #[test]
    fn judge_each_version_has_its_verdict() {
        let check =
            |line, verdict| assert_eq!(judge("qemu", Path::new("/q"), line).verdict, verdict, "{line}");
        check(
            "QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18)",
            Verdict::Ok,
        );
        check("QEMU emulator version 11.0.50", Verdict::Ok);
        check("QEMU emulator version 7.1.0", Verdict::Fail);
        check("QEMU emulator version 6.2", Verdict::Fail);
        check("something else", Verdict::Warn);
        check("", Verdict::Warn);
    }
}
