//! Questions about things that stay as they are: the answers are equal byte for byte.

use std::time::UNIX_EPOCH;

use anyhow::Result;

use super::transcript::{Transcript, hash};
use crate::{IMAGE, cases::streams::files_of};

/// Each is asked about the container `kept`, which has ended, the image, or the engine.
const QUESTIONS: &[&[&str]] = &[
    &["inspect", "kept"],
    &["inspect", "--size", "kept"],
    &["inspect", "no-such-thing"],
    &["logs", "kept"],
    &["logs", "--timestamps", "kept"],
    &["logs", "--tail", "3", "kept"],
    &["logs", "--follow", "kept"],
    &["logs", "no-such-thing"],
    &["diff", "kept"],
    &["export", "kept"],
    &["cp", "kept:/data", "-"],
    &["cp", "kept:/no/such/file", "-"],
    &["wait", "kept"],
    &["port", "kept"],
    &["stats", "--no-stream", "kept"],
    &["top", "kept"],
    &[
        "ps",
        "--all",
        "--no-trunc",
        "--format",
        "{{.ID}} {{.Names}} {{.Command}} {{.Image}} {{.Labels}}",
    ],
    &[
        "images",
        "--no-trunc",
        "--digests",
        "--format",
        "{{.ID}} {{.Repository}} {{.Tag}} {{.Size}}",
    ],
    &["image", "inspect", IMAGE],
    &[
        "history",
        "--no-trunc",
        "--format",
        "{{.ID}} {{.CreatedBy}} {{.Size}}",
        IMAGE,
    ],
    &["volume", "ls"],
    &["network", "ls", "--no-trunc"],
    &["network", "inspect", "bridge"],
    &["version", "--format", "{{json .Server}}"],
    &[
        "info",
        "--format",
        "{{.ID}} {{.Driver}} {{.ServerVersion}} {{json .Plugins}} {{json .SecurityOptions}}",
    ],
    &["system", "df", "--format", "{{.Type}} {{.TotalCount}} {{.Size}}"],
    &[
        "container",
        "ls",
        "--filter",
        "exited=7",
        "--filter",
        "name=kept",
        "--all",
        "--quiet",
    ],
];

/// Makes what is asked about the first time, and takes it away the second time.
pub fn script(transcript: &mut Transcript<'_>) -> Result<()> {
    let docker = &transcript.machine.docker;
    let first = !docker.run(["inspect", "kept"]).run()?.status.success();
    if first {
        let work = "seq 200; seq 5 >&2; mkdir /data/d; seq 99 >/data/d/f; ln -s f /data/d/l; exit 7";
        docker
            .run(["run", "--name", "kept", IMAGE, "sh", "-c", work])
            .run()?
            .code(7)?;
    }
    for question in QUESTIONS {
        let mut output = transcript.docker(question).run()?;
        if question[0] == "diff" {
            // In no order.
            output.stdout = sorted(&output.text()).into_bytes();
        }
        transcript.note(&format!("$ docker {}\n{}", question.join(" "), output.status));
        transcript.note(&hash(&output.stdout));
        transcript.note(&format!("{} bytes\n{}", output.stdout.len(), output.stderr));
    }
    // The time of the call is in the archive's folders, and in nothing else.
    let archive = transcript.docker(&["save", IMAGE]).run()?.success()?.stdout;
    for (path, sum) in files_of(&archive)? {
        transcript.note(&format!("saved {} {}", path.display(), hash(&sum)));
    }
    past_events(transcript)?;
    if !first {
        docker.remove("kept")?;
    }
    Ok(())
}

fn sorted(text: &str) -> String {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    lines.join("\n")
}

/// What has happened stays as it is: the same events, to the byte.
fn past_events(transcript: &mut Transcript<'_>) -> Result<()> {
    let docker = &transcript.machine.docker;
    let finished = docker
        .run(["inspect", "--format", "{{.State.FinishedAt}}", "kept"])
        .text()?;
    let now = UNIX_EPOCH.elapsed()?.as_secs().to_string();
    let args = [
        "events",
        "--since",
        "1",
        "--until",
        &now,
        "--filter",
        "container=kept",
        "--format",
        "{{json .}}",
    ];
    let all = transcript.docker(&args).run()?.success()?.text();
    // Asking changes something itself: `export` and `cp` are events, too.
    let made: Vec<&str> = all.lines().take(4).collect();
    transcript.note(&format!(
        "events until {finished}: {}\n{}",
        made.len(),
        hash(made.join("\n").as_bytes())
    ));
    Ok(())
}
