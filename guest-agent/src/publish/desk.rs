//! Attends to hook processes: one task for each, for as long as its port is published.

use std::{future::pending, os::fd::OwnedFd, time::Duration};

use anyhow::Context;
use protocol::EngineState;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{UnixListener, UnixStream},
    sync::broadcast::error::RecvError,
    time::{sleep, timeout},
};

use super::{
    handover::{self, Answer, RELEASE},
    publications::{Asked, Held, Publications},
    relay::Relay,
    request::Request,
};
use crate::board::Board;

/// A hook sends its request as soon as it is connected.
const REQUEST_LIMIT: Duration = Duration::from_secs(10);
/// dockerd waits for 16 s.
const ANSWER_LIMIT: Duration = Duration::from_secs(14);
/// For what else a host agent that is away may come back.
const NO_ANSWER: &str =
    "the host did not bind the port within 14 s: `pinnace status` tells whether its host agent runs";
/// How long a port is kept whose hook ended with dockerd, at least: a new dockerd is up after that or not ready yet.
const ORPHAN_TIME: Duration = Duration::from_secs(10);
/// After a failure of accepting, most likely for want of open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// Serves hooks for good.
pub async fn serve(listener: UnixListener, publications: Publications, board: Board) {
    loop {
        let hook = match listener.accept().await {
            Ok((hook, _)) => hook,
            Err(error) => {
                tracing::warn!(%error, "failed to accept a port's hook");
                sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let (publications, board) = (publications.clone(), board.clone());
        tokio::spawn(async move {
            if let Err(error) = attend(hook, &publications, &board).await {
                tracing::warn!(error = format!("{error:#}"), "port's hook ended");
            }
        });
    }
}

async fn attend(mut hook: UnixStream, publications: &Publications, board: &Board) -> anyhow::Result<()> {
    let (request, listener) = timeout(REQUEST_LIMIT, handover::receive(&hook))
        .await
        .context("a hook asked for nothing")??;
    let (host, container) = (request.host, request.container);
    tracing::info!(transport = ?request.transport, %host, %container, "port asked for");
    let Some((held, answer)) = decide(&mut hook, request, publications, board).await? else {
        return Ok(());
    };
    let refused = answer.is_err();
    hook.write_all(&protocol::encode(&answer)?)
        .await
        .context("failed to answer a hook")?;
    let Some(held) = held.filter(|_| !refused) else {
        return Ok(());
    };
    match published(&mut hook, request, listener).await {
        End::Released => drop(held),
        End::Lost => {
            held.orphan();
            // The hook is gone, its connection need not be kept.
            drop(hook);
            wait_for_new_dockerd(board).await;
        }
    }
    tracing::info!(%host, "port freed");
    Ok(())
}

/// What the hook is to be told. `None` when it ended before that.
async fn decide(
    hook: &mut UnixStream,
    request: Request,
    publications: &Publications,
    board: &Board,
) -> anyhow::Result<Option<(Option<Held>, Answer)>> {
    // An engine that comes up starts containers again by itself: nobody waits, and a port that the host cannot bind now
    // is bound later.
    let awaited = matches!(board.facts().engine, EngineState::Ready { .. });
    let (held, answered) = match publications.ask(request, awaited) {
        Asked::Refused(reason) => return Ok(Some((None, Err(reason)))),
        Asked::Done(held) => return Ok(Some((Some(held), Ok(())))),
        Asked::Pending(held, answered) => (held, answered),
    };
    tokio::select! {
        answer = timeout(ANSWER_LIMIT, answered) => {
            let answer = match answer {
                Ok(answer) => answer.context("the publication is gone")?,
                Err(_) => Err(NO_ANSWER.to_owned()),
            };
            Ok(Some((Some(held), answer)))
        }
        // Says nothing more before it is answered: this is its end.
        _ = hook.read_u8() => Ok(None),
    }
}

enum End {
    /// dockerd freed the port.
    Released,
    /// The hook ended by itself: with dockerd, or killed.
    Lost,
}

/// Serves dockerd's listener until the hook ends. The listener is closed on return: dockerd may bind it again.
async fn published(hook: &mut UnixStream, request: Request, listener: Option<OwnedFd>) -> End {
    let relay = listener.and_then(|listener| {
        Relay::new(request.transport, listener, request.container)
            .inspect_err(|error| {
                // It is closed: a container on the host network is refused there instead of left waiting.
                tracing::warn!(host = %request.host, error = format!("{error:#}"), "port not served in the machine");
            })
            .ok()
    });
    let serving = async {
        match relay {
            Some(relay) => relay.serve().await,
            None => pending().await,
        }
    };
    tokio::select! {
        said = hook.read_u8() => match said {
            Ok(RELEASE) => End::Released,
            _ => End::Lost,
        },
        () = serving => End::Lost,
    }
}

/// Waits until a dockerd that was started anew has asked for all its ports: it does so before it is ready.
async fn wait_for_new_dockerd(board: &Board) {
    let mut events = board.events();
    sleep(ORPHAN_TIME).await;
    while !matches!(board.facts().engine, EngineState::Ready { .. }) {
        if matches!(events.recv().await, Err(RecvError::Closed)) {
            return;
        }
    }
}

#[cfg(test)]
mod tests;
