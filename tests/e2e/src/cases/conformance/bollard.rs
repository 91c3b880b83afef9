//! The engine's client for Rust, from its registry. It names no API version in its paths.

use std::{
    collections::HashMap,
    fmt::{Debug, Write},
    time::{Duration, UNIX_EPOCH},
};

use anyhow::{Context, Result};
use bollard::{
    API_DEFAULT_VERSION, Docker, body_full,
    container::LogOutput,
    errors::Error,
    exec::{StartExecOptions, StartExecResults},
    models::{ContainerConfig, ContainerCreateBody, EventMessage, ExecConfig, HostConfig},
    query_parameters::{
        AttachContainerOptionsBuilder, BuildImageOptionsBuilder, CommitContainerOptionsBuilder,
        CreateContainerOptionsBuilder, CreateImageOptionsBuilder, DownloadFromContainerOptionsBuilder,
        EventsOptionsBuilder, KillContainerOptionsBuilder, ListImagesOptionsBuilder, LogsOptionsBuilder,
        RemoveContainerOptionsBuilder, RemoveImageOptionsBuilder, UploadToContainerOptionsBuilder,
    },
};
use futures_util::{Stream, StreamExt, TryStreamExt};
use tokio::io::{AsyncWrite, AsyncWriteExt};

use super::transcript::{ensure_equal, hash, settled};
use crate::{Door, IMAGE, Machine, cases::streams::files_of};

/// For all of a script, on a busy host.
const PATIENCE: Duration = Duration::from_secs(180);
const NAME: &str = "rusty";
/// The label that tells the containers of one door from those of the other.
const LABEL: &str = "through";

pub fn has_the_same_answers(machine: &Machine) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let run = |door: &Door| {
        let socket = machine.socket_of(door)?;
        let socket = socket.to_str().context("the socket's path is no text")?;
        let docker = Docker::connect_with_unix(socket, PATIENCE.as_secs(), API_DEFAULT_VERSION)?;
        let mut talk = Talk {
            docker,
            door: door.name(),
            text: String::new(),
        };
        runtime
            .block_on(async { tokio::time::timeout(PATIENCE, talk.script()).await? })
            .with_context(|| format!("through {}, after:\n{}", door.name(), talk.text))?;
        anyhow::Ok(talk.text)
    };
    ensure_equal(&run(&machine.dockerd_door()?)?, &run(&Door::Endpoint)?)
}

/// The client, and what it was told so far.
struct Talk {
    docker: Docker,
    door: &'static str,
    text: String,
}

impl Talk {
    async fn script(&mut self) -> Result<()> {
        self.say("ping", &self.docker.ping().await?);
        self.say("version", &serde_json::to_value(self.docker.version().await?)?);
        let missing = self.docker.inspect_container("no-such-thing", None).await;
        self.say("missing", &missing.err());
        let events = tokio::spawn(self.until_destroyed()?);
        self.interactive().await?;
        self.running().await?;
        self.images().await?;
        let remove = RemoveContainerOptionsBuilder::new().v(true).build();
        self.docker.remove_container(NAME, Some(remove)).await?;
        let actions: Vec<_> = events
            .await??
            .into_iter()
            .filter_map(|event| event.action)
            // In no order with what follows it.
            .filter(|action| !action.starts_with("exec_die"))
            .collect();
        self.say("events", &actions);
        Ok(())
    }

    /// A container that reads, writes both outputs, and ends.
    async fn interactive(&mut self) -> Result<()> {
        let work = "while read -r line; do echo \"got $line\"; done; echo end >&2; exit 5";
        let config = ContainerCreateBody {
            open_stdin: Some(true),
            stdin_once: Some(true),
            attach_stdin: Some(true),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            ..self.container("reader", &["sh", "-c", work])
        };
        self.create("reader", config).await?;
        let options = AttachContainerOptionsBuilder::new().stream(true);
        let options = options.stdin(true).stdout(true).stderr(true).build();
        let attached = self.docker.attach_container("reader", Some(options)).await?;
        self.docker.start_container("reader", None).await?;
        let outputs = converse(attached.input, attached.output, b"one\ntwo\n").await?;
        self.say("outputs", &outputs);
        self.wait("reader").await;
        let inspected = self.docker.inspect_container("reader", None).await?;
        self.say("inspected", &serde_json::to_value(inspected.config)?);
        self.say("state", &inspected.state.and_then(|state| state.exit_code));
        for follow in [false, true] {
            let options = LogsOptionsBuilder::new().stdout(true).stderr(true).follow(follow);
            let logs = parted(self.docker.logs("reader", Some(options.build()))).await?;
            self.say("logs", &logs);
        }
        self.docker.remove_container("reader", None).await?;
        Ok(())
    }

    /// Commands and files in a container that runs, until it is killed.
    async fn running(&mut self) -> Result<()> {
        self.create(NAME, self.container(NAME, &["sleep", "1000"]))
            .await?;
        self.docker.start_container(NAME, None).await?;
        self.say("started again", &self.docker.start_container(NAME, None).await);
        let (code, outputs) = self
            .exec(&["sh", "-c", "cat; echo done >&2; exit 6"], b"through exec\n")
            .await?;
        self.say("exec", &(code, outputs));

        let from = DownloadFromContainerOptionsBuilder::new()
            .path("/bin/busybox")
            .build();
        let archive = all(self.docker.download_from_container(NAME, Some(from))).await?;
        self.say("downloaded", &hash(&archive));
        let to = UploadToContainerOptionsBuilder::new().path("/tmp").build();
        let body = body_full(archive.into());
        self.docker.upload_to_container(NAME, Some(to), body).await?;
        let nowhere = UploadToContainerOptionsBuilder::new().path("/no/such").build();
        let refused = self
            .docker
            .upload_to_container(NAME, Some(nowhere), body_full(Vec::new().into()));
        self.say("uploaded to nowhere", &refused.await);
        let (_, sums) = self
            .exec(&["sha256sum", "/tmp/busybox", "/bin/busybox"], b"")
            .await?;
        // As hashes of what is no id.
        self.say("uploaded", &hash(sums.0.as_bytes()));

        for what in ["killed", "killed again"] {
            let signal = KillContainerOptionsBuilder::new().signal("TERM").build();
            self.say(what, &self.docker.kill_container(NAME, Some(signal)).await);
            self.wait(NAME).await;
        }
        Ok(())
    }

    /// Images from a container that has ended, from an archive, and from a recipe.
    async fn images(&mut self) -> Result<()> {
        let options = CommitContainerOptionsBuilder::new().container(NAME);
        let options = options.repo("rusty").tag("committed").comment("said").build();
        let config = ContainerConfig {
            cmd: Some(vec!["true".to_owned()]),
            ..ContainerConfig::default()
        };
        self.docker.commit_container(options, config).await?;

        let exported = all(self.docker.export_container(NAME)).await?;
        for (path, sum) in files_of(&exported)? {
            self.say("exported", &(path, hash(&sum)));
        }
        let options = CreateImageOptionsBuilder::new().from_src("-");
        let options = options.repo("rusty").tag("imported").build();
        let imported = self
            .docker
            .create_image(Some(options), Some(body_full(exported.into())), None);
        let progress = imported.try_collect::<Vec<_>>().await?;
        self.say("imported", &serde_json::to_value(progress)?);

        let recipe =
            format!("FROM {IMAGE}\nCOPY Dockerfile /recipe\nRUN cat /recipe; wc -l </recipe >/count\n");
        let mut context = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_ustar();
        header.set_mode(0o644);
        header.set_size(recipe.len() as u64);
        context.append_data(&mut header, "Dockerfile", recipe.as_bytes())?;
        let context = body_full(context.into_inner()?.into());
        let options = BuildImageOptionsBuilder::new().t("rusty:built");
        let options = options.nocache(true).rm(true).build();
        let built = self.docker.build_image(options, None, Some(context));
        let steps = built.try_collect::<Vec<_>>().await?;
        let said: String = steps.into_iter().filter_map(|step| step.stream).collect();
        self.say("built", &said);

        let filters = HashMap::from([("reference", vec!["rusty"])]);
        let options = ListImagesOptionsBuilder::new().filters(&filters).build();
        let mut tags: Vec<_> = self.docker.list_images(Some(options)).await?;
        tags.sort_unstable_by(|one, other| one.repo_tags.cmp(&other.repo_tags));
        for image in tags {
            self.say("image", &(image.repo_tags, image.size));
        }
        for tag in ["committed", "imported", "built", "none"] {
            let options = Some(RemoveImageOptionsBuilder::new().build());
            let image = format!("rusty:{tag}");
            let removed = self.docker.remove_image(&image, options, None);
            self.say("removed", &removed.await);
        }
        Ok(())
    }

    /// Follows the events of this door's container until it is removed. From now on, whenever it is first asked.
    fn until_destroyed(&self) -> Result<impl Future<Output = Result<Vec<EventMessage>>> + use<>> {
        let begun = UNIX_EPOCH.elapsed()?.as_secs().to_string();
        let label = format!("{LABEL}={}-{NAME}", self.door);
        let filters = HashMap::from([("label", vec![label])]);
        let options = EventsOptionsBuilder::new()
            .since(&begun)
            .filters(&filters)
            .build();
        let docker = self.docker.clone();
        Ok(async move {
            let mut events = std::pin::pin!(docker.events(Some(options)));
            let mut seen = Vec::new();
            while let Some(event) = events.try_next().await? {
                let destroyed = event.action.as_deref() == Some("destroy");
                seen.push(event);
                if destroyed {
                    return Ok(seen);
                }
            }
            anyhow::bail!("the events ended after {seen:?}")
        })
    }

    fn container(&self, name: &str, command: &[&str]) -> ContainerCreateBody {
        ContainerCreateBody {
            image: Some(IMAGE.to_owned()),
            cmd: Some(owned(command)),
            hostname: Some("h".to_owned()),
            labels: Some(HashMap::from([(
                LABEL.to_owned(),
                format!("{}-{name}", self.door),
            )])),
            host_config: Some(HostConfig {
                init: Some(true),
                ..HostConfig::default()
            }),
            ..ContainerCreateBody::default()
        }
    }

    async fn create(&mut self, name: &str, config: ContainerCreateBody) -> Result<()> {
        let options = CreateContainerOptionsBuilder::new().name(name).build();
        let created = self.docker.create_container(Some(options), config).await?;
        self.say("created", &created);
        Ok(())
    }

    /// Runs a command in the container that runs; returns its exit code and its outputs.
    async fn exec(&self, command: &[&str], input: &[u8]) -> Result<(Option<i64>, (String, String))> {
        let config = ExecConfig {
            attach_stdin: Some(true),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            cmd: Some(owned(command)),
            ..ExecConfig::default()
        };
        let id = self.docker.create_exec(NAME, config).await?.id;
        let started = self
            .docker
            .start_exec(&id, Some(StartExecOptions::default()))
            .await?;
        let StartExecResults::Attached { output, input: keys } = started else {
            anyhow::bail!("the command is not attached")
        };
        let outputs = converse(keys, output, input).await?;
        Ok((self.docker.inspect_exec(&id).await?.exit_code, outputs))
    }

    async fn wait(&mut self, name: &str) {
        let ended: Vec<_> = self.docker.wait_container(name, None).collect().await;
        self.say("waited", &ended);
    }

    fn say(&mut self, what: &str, answer: &impl Debug) {
        let line = format!("{what} {answer:?}").replace(self.door, "<door>");
        let _ = writeln!(self.text, "{}", settled(&line));
    }
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// Writes all of the input and its end, and reads the outputs to their ends.
async fn converse(
    mut keys: impl AsyncWrite + Unpin,
    output: impl Stream<Item = Result<LogOutput, Error>>,
    input: &[u8],
) -> Result<(String, String)> {
    keys.write_all(input).await?;
    keys.shutdown().await?;
    parted(output).await
}

/// The two outputs of a container without a terminal. Which came first, nobody knows.
async fn parted(output: impl Stream<Item = Result<LogOutput, Error>>) -> Result<(String, String)> {
    let mut output = std::pin::pin!(output);
    let (mut out, mut err) = (Vec::new(), Vec::new());
    while let Some(piece) = output.try_next().await? {
        match piece {
            LogOutput::StdErr { message } => err.extend_from_slice(&message),
            other => out.extend_from_slice(&other.into_bytes()),
        }
    }
    Ok((String::from_utf8(out)?, String::from_utf8(err)?))
}

/// Everything that a stream gives until its end.
async fn all(pieces: impl Stream<Item = Result<impl AsRef<[u8]>, Error>>) -> Result<Vec<u8>> {
    let mut pieces = std::pin::pin!(pieces);
    let mut bytes = Vec::new();
    while let Some(piece) = pieces.try_next().await? {
        bytes.extend_from_slice(piece.as_ref());
    }
    Ok(bytes)
}
