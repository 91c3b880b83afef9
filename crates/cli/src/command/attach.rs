//! `pinnace attach`: the streams of a running container, whose owner this program does not become.

use api::{AttachRequest, SessionRequest};

use super::Outcome;
use crate::{
    args::AttachArgs,
    container_session::{self, Kind, Outputs, Settings, follow},
    session,
    sys::Interrupts,
};

/// Attaches to a container. Comes to its exit code.
pub async fn run(args: AttachArgs) -> Outcome {
    let mut interrupts = Interrupts::new()?;
    let request = AttachRequest {
        container: args.container,
        stdin: !args.no_stdin,
        size: container_session::terminal_size(),
        detach_keys: args.leave.detach_keys.as_ref().map(|keys| keys.text().to_owned()),
    };
    let settings = Settings {
        kind: Kind::Attach,
        background: false,
        stdin: !args.no_stdin,
        outputs: Outputs::ALL,
        sig_proxy: args.leave.sig_proxy,
        detach_keys: args.leave.detach_keys.unwrap_or_default(),
    };
    let client = session::running().await?;
    follow(
        &client,
        &SessionRequest::Attach(request),
        &settings,
        &mut interrupts,
    )
    .await
}
