//! What is kept from the machine, though it lies in a folder that is shared.

use anyhow::{Result, ensure};

use super::{
    folder::Folder,
    sight::{self, Added},
};
use crate::Machine;

const SECRET: &str = "secret of this case";

/// Below the home: some of what is hidden by default, and what the settings of this group add.
const HIDDEN: [&str; 5] = [
    ".ssh",
    ".aws",
    ".config/gcloud",
    ".local/share/keyrings",
    super::HIDDEN_BY_SETTINGS,
];

pub fn secrets_of_the_home(machine: &Machine) -> Result<()> {
    let home = machine.home.user();
    let folders: Vec<Folder> = HIDDEN
        .iter()
        .map(|path| Folder::make(home.join(path)))
        .collect::<Result<_>>()?;
    for folder in &folders {
        folder.write("id", SECRET)?;
    }
    let shown = Folder::make(home.join(".config/shown"))?;
    shown.write("f", "shown\n")?;
    let bind = format!("{}:/h", home.display());
    let container = sight::resting(machine, "curious", &[&bind])?;
    // First everything that a listing or a search shows.
    let found = container.exec("find /h 2>/dev/null")?;
    for path in HIDDEN {
        ensure!(
            !found.lines().any(|line| line.starts_with(&format!("/h/{path}"))),
            "{path} is shown:\n{found}"
        );
    }
    ensure!(found.contains("/h/.config/shown/f"), "it shows only\n{found}");
    ensure!(container.exec("grep -r 'secret of' /h || true")?.is_empty());
    for path in HIDDEN {
        let way = path.rsplit_once('/').map_or(path, |(way, _)| way);
        for script in [
            format!("cat /h/{path}/id"),
            format!("ls /h/{path}"),
            format!("mkdir /h/{path}"),
            format!("echo x >/h/{path}"),
            format!("rm -r /h/{path}"),
            format!("mv /h/{way} /h/way"),
            format!("mkdir -p /h/new && mv /h/new /h/{path}"),
            format!("ln -s /etc /h/{path}"),
        ] {
            let output = sight::exec(machine, "curious", &script)?;
            ensure!(
                !output.status.success() && !output.text().contains(SECRET),
                "`{script}` printed {}",
                output.text()
            );
        }
    }
    container.exec("rmdir /h/new 2>/dev/null || busybox rmdir /h/new")?;
    for folder in &folders {
        ensure!(folder.read("id")? == SECRET, "{} was changed", folder.text());
    }
    Ok(())
}

pub fn mount_of_a_hidden_folder(machine: &Machine) -> Result<()> {
    let folder = Folder::make(machine.home.user().join(".ssh"))?;
    folder.write("id", SECRET)?;
    let (text, bind) = (folder.text(), folder.bind("/s"));
    let below = format!("{text}/id:/id");
    let advice = format!("pinnace share add {text}");
    for bind in [&bind, &below] {
        sight::run(machine, &["-v", bind], "true")
            .run()?
            .code(125)?
            .fails_naming(&["kept from the machine", &advice])?;
    }
    let added = Added::add(machine, &text, &["--read-only"])?;
    ensure!(sight::run(machine, &["-v", &bind], "cat /s/id").text()? == SECRET);
    drop(added);
    sight::run(machine, &["-v", &bind], "true")
        .run()?
        .fails_naming(&["kept from the machine"])?;
    Ok(())
}

/// Whoever shares the folder that Pinnace itself is in does not share Pinnace.
pub fn own_folders(machine: &Machine) -> Result<()> {
    let whole = machine.home.path();
    let keys = Folder::make(machine.home.user().join(".ssh"))?;
    keys.write("id", SECRET)?;
    let _added = Added::add(machine, &whole.to_string_lossy(), &[])?;
    let bind = format!("{}:/p", whole.display());
    let container = sight::resting(machine, "inside-out", &[&bind])?;
    let found = container.exec("ls -A /p")?;
    let names: Vec<&str> = found.lines().collect();
    ensure!(names.contains(&"user"), "it shows only {names:?}");
    for own in ["config", "data", "run", "state", "logs", "cache"] {
        ensure!(!names.contains(&own), "{own} is shown: {names:?}");
    }
    for script in [
        "cat /p/config/config.toml",
        "ls /p/data",
        "ls /p/run",
        "echo x >/p/config",
        "cat /p/user/.ssh/id",
        "mv /p/user /p/moved",
    ] {
        let output = sight::exec(machine, "inside-out", script)?;
        ensure!(!output.status.success(), "`{script}` printed {}", output.text());
    }
    let settings = format!("{}/config/config.toml:/c", whole.display());
    sight::run(machine, &["-v", &settings], "true")
        .run()?
        .code(125)?
        .fails_naming(&["cannot mount"])?;
    Ok(())
}
