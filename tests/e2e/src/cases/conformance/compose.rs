//! A compose project from `up` to `down`.

use std::fs;

use anyhow::Result;

use super::transcript::Transcript;
use crate::IMAGE;

const SERVE: &str = "mkdir -p /tmp/w; echo composed >/tmp/w/index.html; exec httpd -f -p 80 -h /tmp/w";
const ASK: &str = "for i in $(seq 50); do wget -q -O - http://web/ && exit 0; sleep 0.2; done; exit 1";

pub fn script(transcript: &mut Transcript<'_>) -> Result<()> {
    let folder = transcript.machine.home.path().join("project");
    fs::create_dir_all(&folder)?;
    fs::write(
        folder.join("Dockerfile"),
        format!("FROM {IMAGE}\nRUN mkdir -p /served\n"),
    )?;
    let file = format!(
        "name: project\nservices:\n  web:\n    build: .\n    init: true\n    command: [sh, -c, '{SERVE}']\n    volumes: ['kept:/kept']\n  \
         asker:\n    image: {IMAGE}\n    depends_on: [web]\n    init: true\n    command: [sh, -c, 'seq 5; exec sleep 1000']\n  \
         ends:\n    image: {IMAGE}\n    command: [sh, -c, 'exit 9']\nvolumes:\n  kept:\n"
    );
    fs::write(folder.join("compose.yaml"), file)?;
    let mut compose = |args: &[&str], with_outputs: bool| -> Result<()> {
        let args = [&["compose"], args].concat();
        let output = transcript.docker(&args).in_folder(&folder).run()?;
        transcript.note(&format!("$ docker {}\n{}", args.join(" "), output.status));
        if with_outputs {
            transcript.note(&output.text());
            // In the order of what is ready first.
            let mut lines: Vec<&str> = output.stderr.lines().map(str::trim).collect();
            lines.sort_unstable();
            lines.dedup();
            transcript.note(&lines.join("\n"));
        }
        Ok(())
    };
    compose(&["config"], true)?;
    // What builds and starts tell of their way is full of times.
    compose(&["up", "--detach"], false)?;
    compose(&["up", "--detach", "--no-build"], false)?;
    compose(&["exec", "-T", "asker", "sh", "-c", ASK], true)?;
    compose(&["wait", "ends"], true)?;
    compose(
        &[
            "ps",
            "--all",
            "--orphans=false",
            "--format",
            "{{.Service}} {{.State}} {{.ExitCode}}",
        ],
        true,
    )?;
    compose(&["logs", "--no-color", "asker"], true)?;
    compose(&["run", "--rm", "-T", "asker", "echo", "once"], false)?;
    compose(&["stop", "web"], true)?;
    compose(&["exec", "-T", "web", "true"], true)?;
    compose(&["down", "--volumes", "--rmi", "local", "--timeout", "5"], true)?;
    compose(&["ps", "--all", "--quiet"], true)?;
    fs::remove_dir_all(&folder)?;
    Ok(())
}
