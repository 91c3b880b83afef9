//! `pinnace exec`: a command in a running container, which is ended when this program is gone.

use api::{ExecRequest, SessionRequest};

use super::Outcome;
use crate::{
    args::ExecArgs,
    container_session::{self, Kind, Outputs, Settings, follow},
    failure::{Exit, Failure},
    run_flags::{read_variables, resolve_variables},
    session,
    sys::Interrupts,
};

/// Runs a command. Comes to its exit code.
pub async fn run(args: ExecArgs) -> Outcome {
    let stdin = args.interactive && !args.detach;
    container_session::refuse_without_terminal(args.tty, stdin)?;
    let mut interrupts = Interrupts::new()?;
    let mut words = args.words.into_iter();
    let container = words
        .next()
        .ok_or_else(|| Failure::new("the container is missing").exit(Exit::Usage))?;
    let mut variables = Vec::new();
    for file in &args.env_files {
        variables.extend(read_variables(file)?);
    }
    variables.extend(args.env);
    let request = ExecRequest {
        container,
        argv: words.collect(),
        env: resolve_variables(&variables, |name| std::env::var(name).ok()),
        workdir: args.workdir,
        user: args.user,
        privileged: args.privileged,
        tty: args.tty,
        stdin,
        detached: args.detach,
        size: args.tty.then(container_session::terminal_size).flatten(),
        detach_keys: args.detach_keys.as_ref().map(|keys| keys.text().to_owned()),
    };
    let settings = Settings {
        kind: Kind::Exec,
        background: args.detach,
        stdin,
        outputs: Outputs::ALL,
        sig_proxy: true,
        detach_keys: args.detach_keys.unwrap_or_default(),
    };
    let client = session::running().await?;
    follow(
        &client,
        &SessionRequest::Exec(request),
        &settings,
        &mut interrupts,
    )
    .await
}
