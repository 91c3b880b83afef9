//! `docker build`: BuildKit's session and its gRPC over an upgraded connection, and the classic builder.

use std::{collections::BTreeSet, fs, path::Path, time::Duration};

use anyhow::Result;

use super::transcript::{Transcript, hash};
use crate::{IMAGE, Random};

/// A large context on a busy host.
const BUILD_LIMIT: Duration = Duration::from_secs(600);
/// Bytes of a large context.
const LARGE_BYTES: usize = 200_000_000;

pub fn script(transcript: &mut Transcript<'_>) -> Result<()> {
    let folder = transcript.machine.home.path().join("builds");
    fs::create_dir_all(folder.join("below"))?;
    fs::write(folder.join("below/greeting"), "from the context\n")?;
    fs::write(folder.join("ignored"), "not to be seen\n")?;
    fs::write(folder.join(".dockerignore"), "ignored\n")?;
    fs::write(folder.join("secret"), "hush\n")?;
    let recipe = format!(
        "FROM {IMAGE} AS first\nARG WORD=none\nCOPY . /context\nRUN ls -R /context && echo $WORD >/word\n\
         RUN --mount=type=secret,id=s cat /run/secrets/s >/hushed\n\
         FROM {IMAGE}\nCOPY --from=first /word /hushed /data/\nCMD [\"cat\", \"/data/word\", \"/data/hushed\"]\n"
    );
    fs::write(folder.join("Dockerfile"), recipe)?;
    let flags = [
        "--progress",
        "plain",
        "--no-cache",
        "--build-arg",
        "WORD=w",
        "--secret",
        "id=s,src=secret",
    ];
    let build = [&["build"], &flags[..], &["-t", "built", "."]].concat();
    kit(transcript, &build, &folder)?;
    transcript.step(&["run", "--rm", "built"])?;
    // The result comes back through the session.
    let out = folder.join(transcript.door.name());
    let export = format!("type=tar,dest={}", out.display());
    let export = [&["build"], &flags[..], &["--output", &export, "."]].concat();
    kit(transcript, &export, &folder)?;
    let archive = fs::read(out)?;
    let mut names: Vec<String> = tar::Archive::new(archive.as_slice())
        .entries()?
        .map(|entry| Ok(entry?.path()?.display().to_string()))
        .collect::<std::io::Result<_>>()?;
    names.sort_unstable();
    transcript.note(&names.join("\n"));

    let failing = format!("FROM {IMAGE}\nRUN echo reason; exit 3\n");
    let stdin = ["build", "--progress", "plain", "--no-cache", "-"];
    let output = transcript.docker(&stdin).input(failing).run()?;
    transcript.note(&format!(
        "{} {}",
        output.status,
        output.stderr.contains("exit code: 3")
    ));

    let classic = format!(
        "FROM {IMAGE}\nCOPY below /below\nRUN cat /below/greeting\nCMD [\"cat\", \"/below/greeting\"]\n"
    );
    fs::write(folder.join("Classic"), classic)?;
    let classic = ["build", "--no-cache", "--rm", "-f", "Classic", "-t", "built", "."];
    let command = transcript
        .docker(&classic)
        .env("DOCKER_BUILDKIT", "0")
        .in_folder(&folder);
    transcript.take(&classic, command, true)?;
    transcript.step(&["run", "--rm", "built"])?;
    clean(transcript)?;
    fs::remove_dir_all(folder)?;
    Ok(())
}

pub fn large_context(transcript: &mut Transcript<'_>) -> Result<()> {
    let folder = transcript
        .machine
        .home
        .path()
        .join(format!("large-{}", transcript.door.name()));
    fs::create_dir_all(&folder)?;
    let content = Random::seeded(11).bytes(LARGE_BYTES);
    fs::write(folder.join("content"), &content)?;
    fs::write(
        folder.join("Dockerfile"),
        format!("FROM {IMAGE}\nCOPY content /\nRUN sha256sum /content >/sum\n"),
    )?;
    for (name, builder) in [("BuildKit", "1"), ("classic", "0")] {
        let build = ["build", "--no-cache", "-t", "built", "."];
        let command = transcript
            .docker(&build)
            .env("DOCKER_BUILDKIT", builder)
            .in_folder(&folder);
        command.within(BUILD_LIMIT).run()?.success()?;
        let sum = transcript
            .docker(&["run", "--rm", "built", "cat", "/sum"])
            .text()?;
        let expected = hex::encode(<sha2::Sha256 as sha2::Digest>::digest(&content));
        anyhow::ensure!(sum.starts_with(&expected), "{name}: the content's hash is {sum}");
        transcript.note(&format!("{name} {}", hash(sum.as_bytes())));
        clean(transcript)?;
    }
    fs::remove_dir_all(folder)?;
    Ok(())
}

/// Takes down a build by BuildKit: its steps in any order, without their numbers and times.
fn kit(transcript: &mut Transcript<'_>, args: &[&str], folder: &Path) -> Result<()> {
    let command = transcript.docker(args).in_folder(folder).within(BUILD_LIMIT);
    let output = command.run()?;
    let steps: BTreeSet<&str> = output
        .stderr
        .lines()
        .filter_map(|line| line.split_once(" [")?.1.split_once("] "))
        .map(|(_, step)| step)
        .filter(|step| !step.starts_with("internal"))
        .collect();
    transcript.note(&format!(
        "build {}\n{}",
        output.status,
        Vec::from_iter(steps).join("\n")
    ));
    if !output.status.success() {
        transcript.note(&output.stderr);
    }
    Ok(())
}

fn clean(transcript: &Transcript<'_>) -> Result<()> {
    let docker = &transcript.machine.docker;
    docker.run(["rmi", "--force", "built"]).run()?.success()?;
    docker
        .run(["builder", "prune", "--all", "--force"])
        .run()?
        .success()?;
    docker.run(["image", "prune", "--force"]).run()?.success()?;
    Ok(())
}
