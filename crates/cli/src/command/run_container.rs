//! `pinnace run`: a container in the foreground, which is stopped when this program is gone.

use api::{Client, InitChoice, MachineState, RunRequest, Secret, SessionRequest};
use engine_client::Reference;

use super::{Outcome, start};
use crate::{
    args::{FormatArgs, Pull, RunArgs, StartArgs},
    container_session::{self, Kind, Outputs, Settings, follow},
    engine::engine,
    failure::{Exit, Failure},
    host_agent,
    output::{self, Format},
    registry_login::registry_auth,
    run_flags::{AttachedStream, container_config},
    session,
    sys::Interrupts,
};

/// Runs a container, on a machine that is started where it does not run.
pub async fn run(args: RunArgs) -> Outcome {
    container_session::refuse_without_terminal(args.tty, args.interactive && !args.detach)?;
    let mut interrupts = Interrupts::new()?;
    let mut request = request(&args)?;
    let client = tokio::select! {
        client = running_machine() => client?,
        _ = interrupts.next() => {
            output::note("no longer waiting; the machine goes on starting\nhint: stop it with `pinnace stop`");
            return Ok(Exit::Interrupted);
        }
    };
    request.registry_auth = tokio::select! {
        auth = auth_if_pulled(&args) => auth?,
        _ = interrupts.next() => return Ok(Exit::Interrupted),
    };
    let settings = Settings {
        kind: Kind::Run,
        background: args.detach,
        stdin: args.interactive && !args.detach,
        outputs: outputs(&args),
        sig_proxy: args.leave.sig_proxy,
        detach_keys: args.leave.detach_keys.unwrap_or_default(),
    };
    follow(
        &client,
        &SessionRequest::Run(Box::new(request)),
        &settings,
        &mut interrupts,
    )
    .await
}

/// The outputs that `--attach` names; without it, all.
fn outputs(args: &RunArgs) -> Outputs {
    let has = |stream| args.attach.is_empty() || args.attach.contains(&stream);
    Outputs {
        stdout: has(AttachedStream::Stdout),
        stderr: has(AttachedStream::Stderr),
    }
}

fn request(args: &RunArgs) -> Result<RunRequest, Failure> {
    let current = std::env::current_dir()
        .map_err(|error| Failure::caused("failed to find the current folder", &error))?;
    let init = match (args.init, args.no_init) {
        (true, _) => InitChoice::Always,
        (_, true) => InitChoice::Never,
        _ => InitChoice::Auto,
    };
    Ok(RunRequest {
        config: container_config(args, |name| std::env::var(name).ok(), &current)?,
        name: args.name.clone(),
        platform: args.platform.clone(),
        pull: args.pull.into(),
        registry_auth: None,
        init,
        tty: args.tty,
        stdin: args.interactive,
        detached: args.detach,
        survives_client: !args.leave.sig_proxy,
        size: args.tty.then(container_session::terminal_size).flatten(),
        detach_keys: args.leave.detach_keys.as_ref().map(|keys| keys.text().to_owned()),
    })
}

/// What the image's registry is to be shown, where it looks as if it will be asked: a program that keeps credentials may
/// take long, or ask its user something.
async fn auth_if_pulled(args: &RunArgs) -> Result<Option<Secret>, Failure> {
    // What is no name of an image is for the host agent to refuse.
    let Some(name) = args.words.first() else {
        return Ok(None);
    };
    let Ok(image) = name.parse::<Reference>() else {
        return Ok(None);
    };
    let pulled = match args.pull {
        Pull::Never => false,
        Pull::Always => true,
        // The image may be there for another one.
        Pull::Missing if args.platform.is_some() => true,
        Pull::Missing => {
            let found = engine()?.image(name).await;
            found.is_err_and(|error| error.is_not_found())
        }
    };
    if !pulled {
        return Ok(None);
    }
    let auth = registry_auth(image.registry()).await;
    Ok(auth.map(|auth| Secret::new(auth.header())))
}

/// A client of a host agent whose machine runs, or is paused, which is not for this command to change.
async fn running_machine() -> Result<Client, Failure> {
    let (client, before) = session::answering_or_started().await?;
    host_agent::warn_about_other_version(&before.host_agent);
    if matches!(
        before.machine.state,
        MachineState::Running | MachineState::Degraded | MachineState::Paused
    ) {
        return Ok(client);
    }
    let args = StartArgs {
        timeout: None,
        no_wait: false,
        format: FormatArgs {
            format: Format::default(),
        },
    };
    let request = start::start_request(&args);
    let (status, mut progress) = start::follow(&client, &args, client.start(&request)).await?;
    progress.finish(&status);
    Ok(client)
}
