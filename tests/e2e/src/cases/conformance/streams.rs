//! Attach, exec and terminals: connections that leave HTTP behind.

use anyhow::Result;

use super::transcript::{Transcript, hash};
use crate::{EngineEvents, IMAGE, Random, until};

pub fn script(transcript: &mut Transcript<'_>) -> Result<()> {
    let bytes = Random::seeded(9).bytes(6 << 20);
    let echoed = transcript
        .docker(&["run", "--rm", "-i", IMAGE, "cat"])
        .input(bytes.clone())
        .run()?;
    transcript.note(&format!("run {} {}", echoed.status, hash(&echoed.stdout)));

    transcript.step(&["run", "-d", "--init", "--name", "inside", IMAGE, "sleep", "1000"])?;
    let echoed = transcript
        .docker(&["exec", "-i", "inside", "cat"])
        .input(bytes)
        .run()?;
    transcript.note(&format!("exec {} {}", echoed.status, hash(&echoed.stdout)));
    transcript.fails_with(
        &[
            "exec",
            "-i",
            "inside",
            "sh",
            "-c",
            "cat >/dev/null; echo after; exit 4",
        ],
        "x",
    )?;
    transcript.step_with(
        &[
            "exec",
            "-i",
            "inside",
            "sh",
            "-c",
            "exec 0</dev/null; echo unread",
        ],
        vec![b'x'; 1 << 20],
    )?;
    transcript.step(&["exec", "inside", "sh", "-c", "seq 20000; seq 3 >&2"])?;
    terminal(transcript)?;
    transcript.step(&["rm", "--force", "inside"])?;
    attach(transcript)
}

/// A line in, a line out, on a terminal.
fn terminal(transcript: &mut Transcript<'_>) -> Result<()> {
    let patience = transcript.machine.driver.patience();
    // The size comes by a request of its own, after the start.
    let script = "until test \"$(stty size)\" = '40 100'; do sleep 0.1; done; read -r line; echo \"got $line\"; exit 6";
    for args in [
        &["run", "--rm", "-it", IMAGE, "sh", "-c", script][..],
        &["exec", "-it", "inside", "sh", "-c", script],
    ] {
        let mut terminal = transcript.docker(args).on_terminal()?;
        until("a terminal in raw mode", patience, || terminal.is_raw())?;
        terminal.type_keys(b"line\r")?;
        let status = terminal.wait_end(patience)?;
        terminal.wait_for("got line", patience)?;
        let screen = terminal.screen();
        let lines: Vec<&str> = screen.lines().filter(|line| line.contains("line")).collect();
        transcript.note(&format!("{} {status}\n{}", args[0], lines.join("\n")));
    }
    Ok(())
}

/// Two clients of a container that waits for input: what one types, both see.
fn attach(transcript: &mut Transcript<'_>) -> Result<()> {
    let patience = transcript.machine.driver.patience();
    let events = EngineEvents::follow(&transcript.machine.docker)?;
    let script = "while read -r line; do echo \"got $line\"; done";
    transcript.step(&["run", "-di", "--name", "asks", IMAGE, "sh", "-c", script])?;
    let mut watcher = transcript
        .docker(&["attach", "--no-stdin", "asks"])
        .on_terminal()?;
    events.wait_for("asks", "attach", None, patience)?;
    let mut client = transcript.docker(&["attach", "asks"]).on_terminal()?;
    client.type_keys(b"one\ntwo\n")?;
    client.wait_for("got two", patience)?;
    watcher.wait_for("got two", patience)?;
    transcript.step(&["logs", "asks"])?;
    transcript.step(&["kill", "asks"])?;
    for (name, client) in [("client", &mut client), ("watcher", &mut watcher)] {
        transcript.note(&format!("{name} {}", client.wait_end(patience)?));
    }
    transcript.step(&["rm", "asks"])
}
