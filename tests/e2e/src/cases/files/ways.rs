//! Every way to ask for a mount of a folder of this host.

use std::{fs, path::Path};

use anyhow::{Context, Result, ensure};

use super::{folder::Folder, sight};
use crate::{IMAGE, Machine, until};

/// A folder `project/data` with a file `f`.
fn project(machine: &Machine, name: &str) -> Result<(Folder, Folder)> {
    let project = Folder::at_home(machine, name)?;
    let data = Folder::make(project.path.join("data"))?;
    data.write("f", "found\n")?;
    Ok((project, data))
}

pub fn flags_of_run(machine: &Machine) -> Result<()> {
    let (project, data) = project(machine, "ways")?;
    let text = data.text();
    let ways: Vec<Vec<String>> = vec![
        vec!["-v".to_owned(), data.bind("/m")],
        vec!["-v".to_owned(), format!("{text}/:/m")],
        vec!["-v".to_owned(), format!("{text}/../data/./:/m")],
        vec!["--volume=./data:/m".to_owned()],
        vec![
            "-v".to_owned(),
            ".:/whole".to_owned(),
            "-v".to_owned(),
            data.bind("/m"),
        ],
        vec!["--mount".to_owned(), format!("type=bind,source={text},target=/m")],
        vec![
            "--mount".to_owned(),
            format!("type=bind,src={text},dst=/m,readonly"),
        ],
        vec!["-v".to_owned(), format!("{text}/f:/m/f")],
        vec!["-v".to_owned(), format!("{text}/f:/m/f:ro")],
        vec![
            "--mount".to_owned(),
            format!("type=bind,source={text}/f,target=/m/f"),
        ],
        vec![
            "--mount".to_owned(),
            format!(
                "type=volume,target=/m,volume-driver=local,volume-opt=type=none,volume-opt=o=bind,volume-opt=device={text}"
            ),
        ],
    ];
    for way in &ways {
        let options: Vec<&str> = way.iter().map(String::as_str).collect();
        let shown = options.join(" ");
        let found = sight::run(machine, &options, "cat /m/f")
            .in_folder(&project.path)
            .text();
        let found = found.with_context(|| format!("with {shown}"))?;
        ensure!(found == "found", "with {shown} it printed {found}");
    }
    // A lease's own way from the command line to the engine.
    for source in [text.as_str(), "./data"] {
        let bind = format!("{source}:/m");
        let run = ["run", "--rm", "-v", &bind, IMAGE, "cat", "/m/f"];
        let found = machine.pinnace.run(run).in_folder(&project.path).text()?;
        ensure!(found == "found", "pinnace run -v {bind} printed {found}");
    }
    Ok(())
}

pub fn read_only_and_nested(machine: &Machine) -> Result<()> {
    let (project, data) = project(machine, "nested")?;
    let other = Folder::at_home(machine, "nested-other")?;
    other.write("g", "other\n")?;
    let refused = "echo changed >/m/f; touch /m/new; rm -f /m/f; cat /m/f; mkdir /m/d && echo made";
    for options in [
        vec!["-v".to_owned(), data.bind("/m:ro")],
        vec![
            "--mount".to_owned(),
            format!("type=bind,source={},target=/m,readonly", data.text()),
        ],
    ] {
        let options: Vec<&str> = options.iter().map(String::as_str).collect();
        let output = sight::run(machine, &options, refused).run()?;
        ensure!(output.text() == "found", "it printed {}", output.text());
        output.fails_naming(&["read-only file system"])?;
    }
    ensure!(data.read("f")? == "found\n" && fs::read_dir(&data.path)?.count() == 1);

    let (outer, inner) = (project.bind("/m"), other.bind("/m/data"));
    let both = ["-v", &outer, "-v", &inner];
    let script = "ls /m/data; cat /m/data/g; echo inner >/m/data/made; echo outer >/m/made";
    let seen = sight::run(machine, &both, script).text()?;
    ensure!(seen == "g\nother", "it sees {seen}");
    ensure!(other.read("made")? == "inner\n" && project.read("made")? == "outer\n");
    ensure!(!data.has("made"));

    // A part of what is read-only may be written.
    let (outer, inner) = (project.bind("/m:ro"), data.bind("/m/data"));
    let script = "echo kept >/m/data/kept; echo lost 2>/dev/null >/m/lost || echo refused";
    let said = sight::run(machine, &["-v", &outer, "-v", &inner], script).text()?;
    ensure!(said == "refused" && data.read("kept")? == "kept\n" && !project.has("lost"));
    Ok(())
}

/// As with an engine on this host: `-v` makes the folder, `--mount` does not.
pub fn folder_that_is_not_there(machine: &Machine) -> Result<()> {
    let project = Folder::at_home(machine, "missing")?;
    let made = project.path.join("deep/made");
    let bind = format!("{}:/m", made.display());
    sight::run(machine, &["-v", &bind], "echo x >/m/f").text()?;
    ensure!(fs::read_to_string(made.join("f"))? == "x\n");
    let mount = format!(
        "type=bind,source={},target=/m",
        project.path.join("other").display()
    );
    sight::run(machine, &["--mount", &mount], "true")
        .run()?
        .code(125)?
        .fails_naming(&["does not exist"])?;
    ensure!(!project.has("other"));
    Ok(())
}

pub fn volumes_compose_and_services(machine: &Machine) -> Result<()> {
    volume(machine)?;
    compose(machine)?;
    let docker = &machine.docker;
    docker.run(["swarm", "init"]).run()?.success()?;
    let result = service(machine);
    docker.run(["swarm", "leave", "--force"]).run()?.success()?;
    result
}

fn volume(machine: &Machine) -> Result<()> {
    let (_project, data) = project(machine, "volume")?;
    let device = format!("device={}", data.text());
    let create = [
        "volume",
        "create",
        "--driver",
        "local",
        "--opt",
        "type=none",
        "--opt",
        "o=bind",
        "--opt",
        &device,
        "named",
    ];
    machine.docker.run(create).text()?;
    let seen = sight::run(machine, &["-v", "named:/m"], "cat /m/f; echo more >/m/more").text();
    machine.docker.run(["volume", "rm", "named"]).text()?;
    ensure!(seen? == "found" && data.read("more")? == "more\n");
    ensure!(data.has("f"), "the volume's end took the folder's files");
    Ok(())
}

fn compose(machine: &Machine) -> Result<()> {
    let (project, data) = project(machine, "composed")?;
    let file = format!(
        "name: files\nservices:\n  short:\n    image: {IMAGE}\n    command: [cat, /m/f]\n    volumes: ['./data:/m']\n  \
         long:\n    image: {IMAGE}\n    command: [sh, -c, 'cat /m/f >/out/copied']\n    volumes:\n      \
         - {{type: bind, source: ./data, target: /m, read_only: true}}\n      - {{type: bind, source: ./out, target: /out}}\n"
    );
    project.write("compose.yaml", file)?;
    fs::create_dir(project.path.join("out"))?;
    let run = |service: &str| {
        let run = ["compose", "run", "--rm", "-T", "--quiet-pull", service];
        machine.docker.run(run).in_folder(&project.path).text()
    };
    let seen = run("short").and_then(|text| run("long").map(|_| text));
    machine
        .docker
        .run(["compose", "down", "--timeout", "5"])
        .in_folder(&project.path)
        .run()?
        .success()?;
    let seen = seen?;
    ensure!(seen.ends_with("found"), "the service printed {seen}");
    ensure!(project.read("out/copied")? == data.read("f")?);
    Ok(())
}

fn service(machine: &Machine) -> Result<()> {
    let (_project, data) = project(machine, "served")?;
    let docker = &machine.docker;
    let mount = format!("type=bind,source={},target=/m", data.text());
    let create = [
        "service",
        "create",
        "--quiet",
        "--detach",
        "--no-resolve-image",
        "--network",
        "host",
        "--name",
        "files",
        "--mount",
        &mount,
        IMAGE,
        "sh",
        "-c",
        "cat /m/f >/m/copied; exec sleep 1000",
    ];
    docker.run(create).run()?.success()?;
    let copied = until("the service's file", machine.driver.patience(), || {
        Ok(is_text(&data.path.join("copied"), "found\n"))
    });
    if copied.is_err() {
        // Into the journal, which is printed: why its task did not come up.
        docker.run(["service", "ps", "--no-trunc", "files"]).run()?;
    }
    docker.run(["service", "rm", "files"]).text()?;
    copied?;
    let filter = [
        "ps",
        "--all",
        "--quiet",
        "--filter",
        "label=com.docker.swarm.service.name=files",
    ];
    until(
        "the end of the service's container",
        machine.driver.patience(),
        || Ok(docker.run(filter).quietly().text()?.is_empty()),
    )
}

fn is_text(path: &Path, wanted: &str) -> bool {
    fs::read_to_string(path).is_ok_and(|text| text == wanted)
}
