//! What `docker login` keeps, for the registries that ask who pulls.
//!
//! ```text
//!   config.json ──► logins ──► credHelpers of the registry, else credsStore ──► credential helper (a program)
//!                      └─────► auths, where there is neither
//! ```
//!
//! Secrets are in memory only, wiped after use, and in no error: not even a file's or a program's own words are repeated
//! where they could hold one.

pub mod credential_program;
mod logins;

use engine_client::RegistryAuth;

use self::logins::{Keeper, Logins};
use crate::{docker::DockerConfig, failure::Failure, harmless, output};

/// The usual registry, and what docker calls it in its configuration.
const HUB: &str = "docker.io";
const HUB_KEY: &str = "https://index.docker.io/v1/";

/// What the registry is to be shown; `None` where nothing is kept for it. What is in the way of finding out is said on
/// stderr and no failure: most images need no login.
pub async fn registry_auth(registry: &str) -> Option<RegistryAuth> {
    match look_up(registry).await {
        Ok(auth) => auth,
        Err(failure) => {
            output::warning(&format!(
                "pulling without credentials for {}: {}",
                harmless::line(registry),
                harmless::line(&failure.message)
            ));
            if let Some(hint) = failure.hint {
                output::hint(&hint);
            }
            None
        }
    }
}

/// The next step where a registry refuses: it answers alike to a wrong name and to missing credentials.
pub fn refused_hint(registry: &str) -> String {
    format!("check the name and the network; where a login is needed, run `docker login {registry}` first")
}

async fn look_up(registry: &str) -> Result<Option<RegistryAuth>, Failure> {
    let key = if registry == HUB { HUB_KEY } else { registry };
    let logins = Logins::read(&DockerConfig::find()?.settings_path())?;
    match logins.keeper(key) {
        Keeper::Helper(name) => credential_program::ask(name, key, credential_program::LIMIT).await,
        Keeper::File => logins.kept_in_file(key),
    }
}
