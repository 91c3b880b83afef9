//! Lets an engine become a member of a swarm.
//!
//! dockerd refuses `swarm init` and `swarm join` while live-restore is on (moby, daemon/config: `IsSwarmCompatible`).
//! The setting can be reloaded at run time, so it is turned off just before such a request reaches dockerd. From then
//! on each start of dockerd finds the swarm's state and leaves it off; after `swarm leave` the next start turns it on.

use std::time::Duration;

use serde::Deserialize;
use tokio::time::{Instant, sleep};

use super::{daemon::write_docker_config, http::get, keeper::signal, layout::Layout};

const RELOAD_LIMIT: Duration = Duration::from_secs(10);
const RELOAD_POLL: Duration = Duration::from_millis(50);

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Info {
    live_restore_enabled: bool,
}

/// Whether these bytes begin a request that makes the engine a member of a swarm. Clients write the head of a request
/// at once, after they have read the answer to the one before, so a read begins where the request does.
pub fn begins_membership(bytes: &[u8]) -> bool {
    let line = bytes.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let Some(target) = line
        .strip_prefix(b"POST ")
        .and_then(|rest| rest.split(|byte| *byte == b' ').next())
    else {
        return false;
    };
    let path = target.split(|byte| *byte == b'?').next().unwrap_or_default();
    path.ends_with(b"/swarm/init") || path.ends_with(b"/swarm/join")
}

/// Turns live-restore off in a running dockerd. Returns when dockerd says so, or after 10 s: then dockerd's own
/// refusal tells the user.
pub async fn turn_live_restore_off(layout: &Layout, dockerd: u32) {
    if !reload(layout, dockerd, None) {
        return;
    }
    let end = Instant::now() + RELOAD_LIMIT;
    while Instant::now() < end {
        if let Ok(body) = get(&layout.docker_socket, "/info").await
            && let Ok(Info {
                live_restore_enabled: false,
            }) = serde_json::from_slice(&body)
        {
            tracing::info!("live-restore turned off");
            return;
        }
        sleep(RELOAD_POLL).await;
    }
    tracing::warn!("dockerd did not turn live-restore off");
}

/// Writes the configuration without live-restore and has dockerd read it. Whether that was possible.
pub fn reload(layout: &Layout, dockerd: u32, stop_s: Option<u64>) -> bool {
    if let Err(error) = write_docker_config(layout, false, stop_s) {
        tracing::warn!(error = format!("{error:#}"), "live-restore not turned off");
        return false;
    }
    signal(dockerd, rustix::process::Signal::HUP);
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn begins_membership_init_and_join_are_seen() {
        assert!(begins_membership(
            b"POST /v1.51/swarm/init HTTP/1.1\r\nHost: x\r\n\r\n{}"
        ));
        assert!(begins_membership(b"POST /swarm/join?x=1 HTTP/1.1\r\n"));
    }

    #[test]
    fn begins_membership_anything_else_is_not() {
        for bytes in [
            &b""[..],
            b"POST",
            b"GET /v1.51/swarm/init HTTP/1.1\r\n",
            b"POST /v1.51/swarm/leave HTTP/1.1\r\n",
            b"POST /build HTTP/1.1\r\nX: /swarm/init\r\n",
            b"\0\xff /swarm/init",
        ] {
            assert!(!begins_membership(bytes));
        }
    }
}
