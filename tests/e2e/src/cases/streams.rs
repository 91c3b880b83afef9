//! Bytes through the endpoint: half-close, large and small, both directions.

use std::{collections::BTreeMap, io::Read, path::PathBuf, time::Duration};

use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};

use crate::{Case, IMAGE, Machine, Random};

pub const CASES: &[Case] = &[
    Case {
        name: "run_with_piped_input_ends_with_the_input",
        run: run_with_piped_input_ends,
    },
    Case {
        name: "run_with_large_input_returns_every_byte",
        run: run_with_large_input_returns_every_byte,
    },
    Case {
        name: "output_after_end_of_input_arrives",
        run: output_after_end_of_input_arrives,
    },
    Case {
        name: "save_and_load_of_an_image_keep_its_bytes",
        run: save_and_load_keep_bytes,
    },
    Case {
        name: "cp_into_and_out_of_a_container_keeps_the_bytes",
        run: cp_keeps_the_bytes,
    },
    Case {
        name: "logs_followed_until_the_end_are_complete",
        run: logs_followed_are_complete,
    },
    Case {
        name: "client_killed_amid_a_stream_leaves_the_engine_well",
        run: client_killed_amid_a_stream,
    },
];

/// Long enough for an emulated machine to move some MiB, and far from a hang's forever.
const STREAM_DEADLINE: Duration = Duration::from_secs(240);

fn run_with_piped_input_ends(machine: &Machine) -> Result<()> {
    let run = machine
        .docker
        .run(["run", "--rm", "-i", IMAGE, "cat"])
        .input("x\n")
        .within(STREAM_DEADLINE);
    let text = run.text()?;
    ensure!(text == "x", "it printed {text}");
    Ok(())
}

fn run_with_large_input_returns_every_byte(machine: &Machine) -> Result<()> {
    let (mut random, seed) = Random::from_environment();
    machine.home.journal().note(format!("seed {seed}"));
    let input = random.bytes(8 << 20);
    let run = machine
        .docker
        .run(["run", "--rm", "-i", IMAGE, "cat"])
        .input(input.clone())
        .within(STREAM_DEADLINE);
    let output = run.run()?.success()?;
    ensure!(
        output.stdout == input,
        "{} bytes came back, of {}",
        output.stdout.len(),
        input.len()
    );
    Ok(())
}

fn output_after_end_of_input_arrives(machine: &Machine) -> Result<()> {
    let script = "cat >/dev/null; for i in 1 2 3; do sleep 0.3; echo after $i; done";
    let run = machine
        .docker
        .run(["run", "--rm", "-i", IMAGE, "sh", "-c", script])
        .input("x")
        .within(STREAM_DEADLINE);
    let text = run.text()?;
    ensure!(text == "after 1\nafter 2\nafter 3", "it printed {text}");
    Ok(())
}

fn save_and_load_keep_bytes(machine: &Machine) -> Result<()> {
    let docker = &machine.docker;
    let (mut random, seed) = Random::from_environment();
    machine.home.journal().note(format!("seed {seed}"));
    let content = random.bytes(24 << 20);
    let folder = machine.home.path().join("large");
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join("content"), &content)?;
    docker.run(["create", "--name", "large", IMAGE]).text()?;
    let path = folder.join("content");
    docker
        .run(["cp", &path.to_string_lossy(), "large:/content"])
        .within(STREAM_DEADLINE)
        .text()?;
    docker
        .run(["commit", "large", "large"])
        .within(STREAM_DEADLINE)
        .text()?;

    let first = docker
        .run(["save", "large"])
        .within(STREAM_DEADLINE)
        .run()?
        .success()?
        .stdout;
    let second = docker
        .run(["save", "large"])
        .within(STREAM_DEADLINE)
        .run()?
        .success()?
        .stdout;
    ensure!(
        first.len() > content.len(),
        "the archive has {} bytes",
        first.len()
    );
    // The archive's folders carry the time of the call, the files do not.
    ensure!(
        files_of(&first)? == files_of(&second)?,
        "saved twice, the archives have other files"
    );
    docker.remove("large")?;
    docker.run(["rmi", "large"]).text()?;
    docker.run(["load"]).input(first).within(STREAM_DEADLINE).text()?;
    let sum = docker
        .run(["run", "--rm", "large", "sha256sum", "/content"])
        .text()?;
    docker.run(["rmi", "large"]).text()?;
    ensure!(
        sum.starts_with(&hex::encode(Sha256::digest(&content))),
        "the content's hash is {sum}"
    );
    Ok(())
}

/// The files of a tar archive by path, with their hashes.
pub(super) fn files_of(archive: &[u8]) -> Result<BTreeMap<PathBuf, Vec<u8>>> {
    let mut files = BTreeMap::new();
    for entry in tar::Archive::new(archive).entries()? {
        let mut entry = entry?;
        if entry.header().entry_type().is_file() {
            let mut content = Vec::new();
            entry.read_to_end(&mut content)?;
            files.insert(entry.path()?.into_owned(), Sha256::digest(&content).to_vec());
        }
    }
    ensure!(!files.is_empty(), "the archive has no files");
    Ok(files)
}

fn cp_keeps_the_bytes(machine: &Machine) -> Result<()> {
    let docker = &machine.docker;
    let content = Random::from_environment().0.bytes(3 << 20);
    let (into, out) = (machine.home.path().join("into"), machine.home.path().join("out"));
    std::fs::write(&into, &content)?;
    docker.run(["create", "--name", "copied", IMAGE]).text()?;
    docker
        .run(["cp", &into.to_string_lossy(), "copied:/data/f"])
        .within(STREAM_DEADLINE)
        .text()?;
    docker
        .run(["cp", "copied:/data/f", &out.to_string_lossy()])
        .within(STREAM_DEADLINE)
        .text()?;
    docker.remove("copied")?;
    ensure!(std::fs::read(out)? == content, "the bytes differ");
    Ok(())
}

fn logs_followed_are_complete(machine: &Machine) -> Result<()> {
    let docker = &machine.docker;
    docker
        .run(["run", "-d", "--name", "lines", IMAGE, "seq", "20000"])
        .text()?;
    let text = docker
        .run(["logs", "--follow", "lines"])
        .within(STREAM_DEADLINE)
        .text();
    docker.remove("lines")?;
    let expected: Vec<String> = (1..=20000).map(|number: u32| number.to_string()).collect();
    ensure!(
        text?.lines().eq(expected.iter().map(String::as_str)),
        "lines are missing or changed"
    );
    Ok(())
}

fn client_killed_amid_a_stream(machine: &Machine) -> Result<()> {
    let docker = &machine.docker;
    let flood = ["run", "--rm", "--name", "flood", IMAGE, "cat", "/dev/zero"];
    let mut child = docker.run(flood).start()?;
    let mut stdout = child.stdout.take();
    // Some bytes have come, so the stream is under way; then nobody reads, and then nobody is there.
    let mut some = [0; 65536];
    stdout.as_mut().context("no stdout")?.read_exact(&mut some)?;
    child.kill()?;
    child.wait()?;
    drop(stdout);
    let text = docker.run_text(&["echo", "still here"]);
    docker.remove("flood")?;
    ensure!(text? == "still here");
    Ok(())
}
