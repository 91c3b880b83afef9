//! Programs that keep credentials: `docker-credential-NAME get`, the registry on stdin, JSON on stdout.
//!
//! Source: the README of github.com/docker/docker-credential-helpers.

use std::{io, process::Stdio, time::Duration};

use engine_client::{RegistryAuth, RegistryLogin};
use serde::Deserialize;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    process::{Child, Command},
    time::timeout,
};
use zeroize::Zeroizing;

use crate::{
    failure::{Failure, chain},
    harmless,
};

/// How long one may take: it may ask its user something.
pub const LIMIT: Duration = Duration::from_secs(120);
/// The most bytes of an answer.
const MAX_ANSWER_BYTES: usize = 64 * 1024;
/// The most characters of its words in an error.
const MAX_SHOWN_CHARACTERS: usize = 200;
/// What it says, and fails, where it keeps nothing for a registry (`credentials/error.go`).
const NOTHING_KEPT: &str = "credentials not found in native keychain";
/// The user's name where the secret is an identity token.
const TOKEN_USER: &str = "<token>";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    #[serde(default)]
    username: Zeroizing<String>,
    secret: Zeroizing<String>,
}

/// Asks a program for what it keeps for `server`; `None` where that is nothing. It is killed when it takes longer than
/// `limit`, and when nobody waits for this any more.
pub async fn ask(name: &str, server: &str, limit: Duration) -> Result<Option<RegistryAuth>, Failure> {
    if !is_name(name) {
        return Err(Failure::new(format!(
            "docker's config.json names a credential helper {name:?}, which is no name"
        ))
        .hint("correct `credsStore` and `credHelpers` in it"));
    }
    ask_program(&format!("docker-credential-{name}"), server, limit).await
}

/// Asks a program that is found as the system finds programs.
pub async fn ask_program(
    program: &str,
    server: &str,
    limit: Duration,
) -> Result<Option<RegistryAuth>, Failure> {
    let mut child = start(program)?;
    let answered = timeout(limit, talk(&mut child, server)).await;
    let (success, answer) = match answered {
        Ok(Ok(answered)) => answered,
        Ok(Err(error)) => {
            return Err(Failure::caused(format!("failed to talk to {program}"), &error));
        }
        Err(_) => {
            if let Err(error) = child.kill().await {
                return Err(Failure::caused(
                    format!("failed to kill {program}, which hangs"),
                    &error,
                ));
            }
            return Err(Failure::new(format!(
                "{program} did not answer within {} s and was killed",
                limit.as_secs()
            ))
            .hint(format!("try it: `echo {server} | {program} get`")));
        }
    };
    if !success {
        return refused(program, &answer, server);
    }
    let Ok(answer) = serde_json::from_slice::<Answer>(&answer) else {
        // Its words are not repeated: they may hold the secret.
        return Err(Failure::new(format!(
            "{program} gave an answer that is not as docker wants it"
        )));
    };
    let token = *answer.username == TOKEN_USER;
    let secret: &str = &answer.secret;
    Ok(Some(RegistryAuth::new(RegistryLogin {
        username: if token { "" } else { &answer.username },
        password: if token { "" } else { secret },
        server,
        identity_token: if token { secret } else { "" },
        registry_token: "",
    })))
}

/// Part of a program's name, and nothing that leads to another folder.
fn is_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    !name.is_empty() && name.bytes().all(plain)
}

fn start(program: &str) -> Result<Child, Failure> {
    let mut command = Command::new(program);
    command
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    command.spawn().map_err(|error| {
        let failure = Failure::new(format!("failed to run {program}: {}", chain(&error)));
        match error.kind() {
            io::ErrorKind::NotFound => failure.hint(
                "docker's config.json names it: install it, or correct `credsStore` and `credHelpers` there",
            ),
            _ => failure,
        }
    })
}

/// Whether it succeeded, and what it said.
async fn talk(child: &mut Child, server: &str) -> io::Result<(bool, Zeroizing<Vec<u8>>)> {
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
    // One that does not read is asked all the same: it has ended, or answers without.
    if let Some(mut stdin) = stdin {
        drop(stdin.write_all(server.as_bytes()).await);
    }
    // It never grows: what it grew from would not be wiped.
    let mut answer = Zeroizing::new(Vec::with_capacity(MAX_ANSWER_BYTES));
    if let Some(stdout) = stdout {
        let mut stdout = stdout.take(MAX_ANSWER_BYTES as u64);
        while answer.len() < MAX_ANSWER_BYTES && stdout.read_buf(&mut *answer).await? > 0 {}
    }
    Ok((child.wait().await?.success(), answer))
}

/// What it says when it fails is a message, on stdout.
fn refused(program: &str, answer: &[u8], server: &str) -> Result<Option<RegistryAuth>, Failure> {
    let words = String::from_utf8_lossy(answer.trim_ascii());
    if words == NOTHING_KEPT {
        return Ok(None);
    }
    let shown: String = words.chars().take(MAX_SHOWN_CHARACTERS).collect();
    let message = match shown.as_str() {
        "" => format!("{program} failed without a word"),
        // No message: an answer that it gave and took back.
        shown if shown.starts_with('{') => format!("{program} failed"),
        shown => format!("{program} failed: {}", harmless::line(shown)),
    };
    Err(Failure::new(message).hint(format!("run `docker login {server}` again")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn ask_names_that_lead_elsewhere_are_refused() {
        for name in ["", "../x", "/bin/x", r"..\x", "a b", "a/b", "x;y", "ü"] {
            let failure = ask(name, "r", LIMIT).await.unwrap_err();
            assert!(failure.message.ends_with("which is no name"), "{failure:?}");
        }
    }

    #[tokio::test]
    async fn ask_missing_program_is_named() {
        let failure = ask("that-nobody-has", "r", LIMIT).await.unwrap_err();
        assert!(
            failure
                .message
                .starts_with("failed to run docker-credential-that-nobody-has")
        );
        assert!(failure.hint.unwrap().contains("credsStore"));
    }
}
