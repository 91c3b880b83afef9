//! The engine's containers, as far as their ports are concerned. Looked at when something happened to one: the engine's
//! events say so, so that a machine at rest is left asleep.

use std::{collections::HashMap, net::IpAddr, time::Duration};

use engine_client::{Engine, EngineError};
use hyper::Method;
use machine::MachineState;
use protocol::EngineState;
use serde::Deserialize;
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep, timeout, timeout_at},
};
use tracing::debug;

use super::input::Input;
use crate::{failure::chain, supervisor::Snapshot};

/// What changes a container's name, addresses, or whether it runs.
const FILTERS: &str =
    r#"{"type":["container","network"],"event":["start","die","rename","destroy","connect","disconnect"]}"#;
/// The first pause after a stream that ended, and the longest.
const PAUSES: [Duration; 2] = [Duration::from_millis(200), Duration::from_secs(5)];
/// How long a listing may take.
const ANSWER: Duration = Duration::from_secs(10);
/// Events within this time are followed by one listing.
const TOGETHER: Duration = Duration::from_millis(50);

/// One container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container {
    /// Its name, without a slash.
    pub name: String,
    /// Whether it runs; also while paused.
    pub running: bool,
    addresses: Vec<IpAddr>,
}

/// All containers at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Containers(HashMap<String, Container>);

impl Containers {
    /// Asks the engine.
    pub async fn list(engine: &Engine) -> Result<Self, EngineError> {
        let listed = engine.json::<Vec<Row>>(Method::GET, "/containers/json?all=true", None::<&()>);
        let rows = timeout(ANSWER, listed)
            .await
            .map_err(|_| EngineError::Connect(std::io::ErrorKind::TimedOut.into()))??;
        Ok(Self(rows.into_iter().map(Row::into_container).collect()))
    }

    /// One, by its whole id.
    pub fn get(&self, id: &str) -> Option<&Container> {
        self.0.get(id)
    }

    /// The one that runs and has an address.
    pub fn with_address(&self, address: IpAddr) -> Option<(&String, &Container)> {
        let address = address.to_canonical();
        self.0
            .iter()
            .find(|(_, container)| container.running && container.addresses.contains(&address))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Row {
    id: String,
    #[serde(default)]
    names: Option<Vec<String>>,
    #[serde(default)]
    state: String,
    #[serde(default)]
    network_settings: Option<RowNetworks>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RowNetworks {
    #[serde(default)]
    networks: Option<HashMap<String, Option<RowNetwork>>>,
}

#[derive(Deserialize)]
struct RowNetwork {
    #[serde(rename = "IPAddress", default)]
    ip_address: String,
    #[serde(rename = "GlobalIPv6Address", default)]
    global_ipv6_address: String,
}

impl Row {
    fn into_container(self) -> (String, Container) {
        // A link to another container gives it a second name, with a slash inside.
        let names = self.names.unwrap_or_default();
        let name = names
            .iter()
            .map(|name| name.trim_start_matches('/'))
            .find(|name| !name.contains('/'))
            .unwrap_or_default();
        let networks = self.network_settings.and_then(|settings| settings.networks);
        let addresses = networks
            .unwrap_or_default()
            .into_values()
            .flatten()
            .flat_map(|network| [network.ip_address, network.global_ipv6_address])
            .filter_map(|address| address.parse().ok());
        let container = Container {
            name: name.to_owned(),
            running: matches!(self.state.as_str(), "running" | "paused"),
            addresses: addresses.collect(),
        };
        (self.id, container)
    }
}

/// Tells the containers whenever they may have changed, until the supervisor ends.
pub async fn follow(mut snapshots: watch::Receiver<Snapshot>, engine: Engine, inputs: mpsc::Sender<Input>) {
    let [least, most] = PAUSES;
    let mut pause = least;
    let ready = |snapshot: &Snapshot| {
        matches!(snapshot.engine, EngineState::Ready { .. }) && snapshot.state != MachineState::Paused
    };
    while snapshots.wait_for(ready).await.is_ok() {
        let mut told = false;
        if let Err(error) = listen(&engine, &inputs, &mut told).await {
            debug!(error = chain(&error), "engine's containers not followed");
        }
        pause = if told { least } else { most.min(pause * 2) };
        sleep(pause).await;
    }
}

async fn listen(engine: &Engine, inputs: &mpsc::Sender<Input>, told: &mut bool) -> Result<(), EngineError> {
    let opened = engine.events(None, None, Some(FILTERS.to_owned()));
    let mut events = timeout(ANSWER, opened)
        .await
        .map_err(|_| EngineError::Connect(std::io::ErrorKind::TimedOut.into()))??;
    loop {
        let containers = Containers::list(engine).await?;
        *told = true;
        // The table ends with the host agent.
        drop(inputs.send(Input::Containers(containers)).await);
        if events.next().await?.is_none() {
            return Ok(());
        }
        let until = Instant::now() + TOGETHER;
        while let Ok(more) = timeout_at(until, events.next()).await {
            if more?.is_none() {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn row_of_the_engine_is_a_container_with_its_addresses() {
        let text = r#"[{"Id":"c1","Names":["/db/web","/web"],"State":"running","NetworkSettings":{"Networks":{
            "bridge":{"IPAddress":"172.17.0.2","GlobalIPv6Address":""},
            "six":{"IPAddress":"","GlobalIPv6Address":"fd00::2"},"none":null}}},
            {"Id":"c2","Names":null,"State":"exited","NetworkSettings":null}]"#;
        let rows: Vec<Row> = serde_json::from_str(text).unwrap();
        let containers = Containers(rows.into_iter().map(Row::into_container).collect());
        for address in ["172.17.0.2", "fd00::2", "::ffff:172.17.0.2"] {
            let (id, container) = containers.with_address(address.parse().unwrap()).unwrap();
            assert_eq!((id.as_str(), container.name.as_str()), ("c1", "web"));
        }
        assert!(containers.with_address("172.17.0.3".parse().unwrap()).is_none());
        let stopped = containers.get("c2").unwrap();
        assert_eq!((stopped.name.as_str(), stopped.running), ("", false));
    }
}
