//! What somebody on the host changes is seen in a container that has seen it before.

use std::{
    fs::{self, OpenOptions},
    io::Write,
};

use anyhow::{Result, ensure};

use super::{folder::Folder, sight};
use crate::{Machine, cases::ports::container::Container};

const QUICK_FILES: usize = 500;

pub fn seen_after_they_were_cached(machine: &Machine) -> Result<()> {
    let folder = Folder::at_home(machine, "edits")?;
    folder.write("f", "first\n")?;
    folder.write("gone", "gone\n")?;
    let container = sight::resting(machine, "edits", &[&folder.bind("/src")])?;
    let wait = |script: &str, wanted: &str| sight::wait_printed(machine, "edits", script, wanted);
    // Everything is in the kernel's caches: contents, attributes, the listing, and that there is no `later`.
    container.exec("cd /src && cat f gone && stat f && ls && ! test -e later")?;
    folder.write("later", "later\n")?;
    wait("cat /src/later", "later")?;
    wait("cd /src; echo *", "f gone later")?;
    // As long as before.
    folder.write("f", "other\n")?;
    wait("cat /src/f", "other")?;
    folder.write("f", "a longer text\n")?;
    wait("cat /src/f", "a longer text")?;
    wait("stat -c %s /src/f", "14")?;
    folder.replace("f", "replaced\n")?;
    wait("cat /src/f", "replaced")?;
    let mut log = OpenOptions::new().append(true).open(folder.path.join("f"))?;
    writeln!(log, "appended")?;
    wait("cat /src/f", "replaced\nappended")?;
    fs::remove_file(folder.path.join("gone"))?;
    wait("test -e /src/gone || echo no", "no")?;
    fs::create_dir_all(folder.path.join("d/e"))?;
    folder.write("d/e/deep", "deep\n")?;
    wait("cat /src/d/e/deep", "deep")?;
    fs::rename(folder.path.join("d"), folder.path.join("moved"))?;
    wait("cat /src/moved/e/deep; test -e /src/d || echo no", "deep\nno")?;
    fs::remove_dir_all(folder.path.join("moved"))?;
    folder.write("moved", "a file now\n")?;
    wait("cat /src/moved", "a file now")?;
    Ok(())
}

/// Two thousand changes as fast as they go, while a container looks at what is changed.
pub fn many_at_once(machine: &Machine) -> Result<()> {
    let folder = Folder::at_home(machine, "many")?;
    let look = "while :; do for f in /src/*; do read -r x <$f; done; done 2>/dev/null";
    let options = ["-v", &folder.bind("/src")];
    let _looks = Container::run(machine, "looks", &options, look)?;
    let name = |number: usize| format!("file-{number:03}");
    for number in 0..QUICK_FILES {
        folder.write(&name(number), "first\n")?;
    }
    for number in 0..QUICK_FILES {
        folder.write(&name(number), format!("edit {number}\n"))?;
    }
    for number in (0..QUICK_FILES).step_by(2) {
        fs::remove_file(folder.path.join(name(number)))?;
    }
    for number in (1..QUICK_FILES).step_by(2) {
        folder.replace(&name(number), format!("replaced {number}\n"))?;
    }
    for number in (1..QUICK_FILES).step_by(4) {
        let moved = format!("moved-{number:03}");
        fs::rename(folder.path.join(name(number)), folder.path.join(moved))?;
    }
    let mut wanted: Vec<String> = (1..QUICK_FILES)
        .step_by(2)
        .map(|number| {
            let name = match number % 4 {
                1 => format!("moved-{number:03}"),
                _ => name(number),
            };
            format!("{name} replaced {number}")
        })
        .collect();
    wanted.sort();
    ensure!(wanted.len() == fs::read_dir(&folder.path)?.count());
    let all = "cd /src; for f in *; do read -r x <$f; echo $f $x; done";
    sight::wait_printed(machine, "looks", all, &wanted.join("\n"))
}
