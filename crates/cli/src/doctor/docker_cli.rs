//! The docker CLI: there, and which engine it talks to.

use super::{
    Check,
    vm_program::{find, first_line},
};
use crate::{
    docker::{DockerConfig, OUR_CONTEXT},
    failure::Failure,
};

const NAME: &str = "docker cli";

/// Compares the endpoint that a plain `docker` uses with ours.
pub async fn check(our_endpoint: &str) -> Check {
    let Some(program) = find("docker") else {
        return Check::warn(
            NAME,
            "not found",
            "install docker's command line (Debian: `apt install docker-cli`), or use `pinnace shell -- docker …`",
        );
    };
    let version = match first_line(&program, &["--version"]).await {
        Ok(line) => line,
        Err(reason) => {
            return Check::warn(
                NAME,
                format!("{}: {reason}", program.display()),
                "install it again",
            );
        }
    };
    match judge(our_endpoint) {
        Ok(judged) => Check {
            detail: format!("{version}; {}", judged.detail),
            ..judged
        },
        Err(failure) => Check::warn(
            NAME,
            failure.message,
            failure
                .hint
                .unwrap_or_else(|| "docker will not work until this is mended".to_owned()),
        ),
    }
}

fn judge(our_endpoint: &str) -> Result<Check, Failure> {
    let config = DockerConfig::find()?;
    let selection = config.selection()?;
    let uses_ours = config.endpoint(&selection)?.as_deref() == Some(our_endpoint);
    if uses_ours {
        return Ok(Check::ok(NAME, selection.described()));
    }
    let detail = format!(
        "{}, so a plain `docker` uses another engine",
        selection.described()
    );
    Ok(match config.context_endpoint(OUR_CONTEXT)? {
        Some(endpoint) if endpoint == our_endpoint => {
            // Right for everybody who has another engine too: nothing to mend.
            Check { hint: Some("use `docker --context pinnace …`, or `pinnace context use`".to_owned()), ..Check::ok(NAME, detail) }
        }
        Some(endpoint) => Check::warn(
            NAME,
            format!("{detail}; the context {OUR_CONTEXT} points to {endpoint}"),
            "`pinnace start` writes it anew; with several PINNACE_HOMEs use `pinnace docker-host`",
        ),
        None => Check {
            hint: Some("`pinnace start` writes the context pinnace; or set DOCKER_HOST as `pinnace docker-host` prints it".to_owned()),
            ..Check::ok(NAME, detail)
        },
    })
}
