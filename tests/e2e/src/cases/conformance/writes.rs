//! Commands that make, change and take away.

use std::{fs, time::UNIX_EPOCH};

use anyhow::Result;

use super::transcript::{Transcript, hash};
use crate::{IMAGE, Random};

/// Containers from `create` to `rm`.
pub fn containers(transcript: &mut Transcript<'_>) -> Result<()> {
    transcript.step(&["run", "--rm", IMAGE, "echo", "hi"])?;
    transcript.fails(&[
        "run",
        "--rm",
        IMAGE,
        "sh",
        "-c",
        "echo out; echo err >&2; exit 42",
    ])?;
    transcript.fails(&["run", "--rm", IMAGE, "no-such-program"])?;
    transcript.fails(&["run", "--rm", IMAGE, "/tmp"])?;
    transcript.fails(&["run", "--rm", "--pull", "never", "no-such-image"])?;
    transcript.fails(&["run", "--rm", "--network", "no-such-network", IMAGE, "true"])?;
    let flags = [
        "-e",
        "A=1",
        "-w",
        "/tmp",
        "-u",
        "7:8",
        "--hostname",
        "h",
        "--label",
        "l=v",
    ];
    let script = "echo $A; pwd; id; hostname";
    transcript.step(&[&["run", "--rm"], &flags[..], &[IMAGE, "sh", "-c", script]].concat())?;

    let sleep = "trap 'exit 3' TERM; echo ready; while :; do sleep 0.1; done";
    transcript.step(&[
        "run", "-d", "--name", "first", "--cpus", "1", "-m", "64m", IMAGE, "sh", "-c", sleep,
    ])?;
    transcript.fails(&["exec", "first", "sh", "-c", "echo in; exit 5"])?;
    transcript.step(&[
        "exec",
        "-e",
        "B=2",
        "-w",
        "/tmp",
        "-u",
        "7",
        "first",
        "sh",
        "-c",
        "echo $B; pwd; id -u",
    ])?;
    transcript.fails(&["exec", "first", "no-such-program"])?;
    transcript.step(&["exec", "-d", "first", "touch", "/tmp/touched"])?;
    transcript.step(&["pause", "first"])?;
    transcript.fails(&["exec", "first", "true"])?;
    transcript.step(&["unpause", "first"])?;
    transcript.step(&["update", "--memory", "80m", "--memory-swap", "-1", "first"])?;
    transcript.step(&["rename", "first", "second"])?;
    transcript.step(&[
        "inspect",
        "--format",
        "{{.State.Status}} {{.HostConfig.Memory}} {{.Name}}",
        "second",
    ])?;
    transcript.step(&["stop", "second"])?;
    transcript.step(&["wait", "second"])?;
    transcript.step(&["start", "second"])?;
    transcript.step(&["restart", "--timeout", "5", "second"])?;
    transcript.step(&["kill", "--signal", "KILL", "second"])?;
    transcript.fails(&["kill", "second"])?;
    transcript.step(&[
        "inspect",
        "--format",
        "{{.State.Status}} {{.State.ExitCode}}",
        "second",
    ])?;
    copies(transcript)?;
    transcript.step(&["rm", "second"])?;
    transcript.fails(&["rm", "second"])
}

/// Files into a container and back.
fn copies(transcript: &mut Transcript<'_>) -> Result<()> {
    let folder = transcript.machine.home.path().join("copies");
    fs::create_dir_all(folder.join("in/below"))?;
    let content = Random::seeded(7).bytes(5 << 20);
    fs::write(folder.join("in/large"), &content)?;
    fs::write(folder.join("in/below/small"), "small\n")?;
    let out = folder.join(transcript.door.name());
    let (into, out) = (folder.join("in").display().to_string(), out.display().to_string());
    transcript.docker(&["cp", &into, "second:/data/"]).text()?;
    transcript.docker(&["cp", "second:/data/in", &out]).text()?;
    transcript.note(&format!("large {}", hash(&fs::read(format!("{out}/large"))?)));
    transcript.note(&fs::read_to_string(format!("{out}/below/small"))?);
    transcript.fails(&["cp", "/no/such/file", "second:/data/"])?;
    let archive = transcript
        .docker(&["cp", "second:/data/in/large", "-"])
        .run()?
        .success()?
        .stdout;
    transcript.step_with(&["cp", "-", "second:/tmp"], archive.clone())?;
    transcript.note(&format!("archive of {} bytes", archive.len()));
    fs::remove_dir_all(folder)?;
    Ok(())
}

/// Images from archives and containers.
pub fn images(transcript: &mut Transcript<'_>) -> Result<()> {
    transcript.step(&["run", "--name", "base", IMAGE, "sh", "-c", "seq 1000 >/data/f"])?;
    let change = [
        "--change",
        "CMD [\"wc\", \"-l\", \"/data/f\"]",
        "--author",
        "a",
        "--message",
        "m",
    ];
    transcript.step(&[&["commit"], &change[..], &["base", "made:1"]].concat())?;
    transcript.step(&["run", "--rm", "made:1"])?;
    transcript.step(&["tag", "made:1", "made:2"])?;
    transcript.fails(&["tag", "no-such-image", "made:3"])?;
    let saved = transcript
        .docker(&["save", "made:1", "made:2"])
        .run()?
        .success()?
        .stdout;
    transcript.step(&["rmi", "made:1"])?;
    transcript.step(&["rmi", "made:2"])?;
    transcript.step_with(&["load"], saved)?;
    transcript.step(&["run", "--rm", "made:2"])?;
    transcript.fails_with(&["load"], "no archive at all")?;
    let exported = transcript.docker(&["export", "base"]).run()?.success()?.stdout;
    transcript.step_with(&["import", "--change", "ENV PATH=/bin", "-", "made:4"], exported)?;
    transcript.step(&["run", "--rm", "made:4", "wc", "-l", "/data/f"])?;
    transcript.fails_with(&["import", "-", "made:5"], "no archive at all")?;
    transcript.fails(&["pull", "127.0.0.1:1/no-such-image"])?;
    transcript.step(&["rm", "base"])?;
    for image in ["made:1", "made:2", "made:4"] {
        transcript.step(&["rmi", image])?;
    }
    transcript.fails(&["rmi", "made:4"])
}

/// Events, volumes, networks.
pub fn others(transcript: &mut Transcript<'_>) -> Result<()> {
    let begun = UNIX_EPOCH.elapsed()?.as_secs().to_string();
    let label = format!("door={}", transcript.door.name());
    transcript
        .docker(&[
            "run",
            "--rm",
            "--label",
            &label,
            "--network",
            "none",
            IMAGE,
            "true",
        ])
        .text()?;
    let until = (UNIX_EPOCH.elapsed()?.as_secs() + 1).to_string();
    let filter = format!("label={label}");
    let format = "{{.Type}} {{.Action}} {{.Actor.Attributes.image}} {{.Actor.Attributes.exitCode}}";
    let events = [
        "events", "--since", &begun, "--until", &until, "--filter", &filter, "--format", format,
    ];
    let events = transcript.docker(&events).text()?;
    transcript.note(&events);

    transcript.step(&["volume", "create", "--label", "l=v", "kept-here"])?;
    transcript.step(&[
        "run",
        "--rm",
        "-v",
        "kept-here:/data",
        IMAGE,
        "sh",
        "-c",
        "echo kept >/data/f",
    ])?;
    transcript.fails(&[
        "run",
        "--rm",
        "-v",
        "kept-here:/data:ro",
        IMAGE,
        "sh",
        "-c",
        "cat /data/f; touch /data/g",
    ])?;
    transcript.step(&["volume", "inspect", "kept-here"])?;
    transcript.step(&["volume", "rm", "kept-here"])?;
    transcript.fails(&["volume", "rm", "kept-here"])?;
    transcript.step(&["network", "create", "--subnet", "10.99.0.0/24", "joined"])?;
    transcript.step(&[
        "run",
        "--rm",
        "--network",
        "joined",
        "--ip",
        "10.99.0.9",
        IMAGE,
        "hostname",
        "-i",
    ])?;
    transcript.step(&["network", "rm", "joined"])?;
    transcript.fails(&["network", "rm", "joined"])
}
