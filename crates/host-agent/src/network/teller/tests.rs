//! A guest over a real link in memory.

use std::{io, sync::Arc};

use async_trait::async_trait;
use link::{Carrier, Incoming, Lane, Link, RawStream, Side};
use protocol::{EngineState, Facts, FrameDecoder, GuestFrame, HostFrame, Reply, Request, encode};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream},
    sync::Semaphore,
};

use super::*;
use crate::network::{NetworkChoice, Proxies, ProxyChoice};

/// Generous: nothing waits for it unless something is wrong.
const LIMIT: Duration = Duration::from_secs(60);

struct Memory(Option<DuplexStream>);

#[async_trait]
impl Carrier for Memory {
    async fn connect(&mut self) -> io::Result<RawStream> {
        match self.0.take() {
            Some(stream) => Ok(Box::new(stream)),
            None => std::future::pending().await,
        }
    }
}

/// Tells what it is told, and answers when it may.
async fn guest(mut incoming: Incoming, told: mpsc::UnboundedSender<NetworkSettings>, may: Arc<Semaphore>) {
    let mut stream = incoming.next().await.unwrap().stream;
    let mut decoder = FrameDecoder::<HostFrame>::default();
    let mut bytes = [0; 1024];
    while let Ok(length @ 1..) = stream.read(&mut bytes).await {
        decoder.push(&bytes[..length]);
        while let Some(HostFrame { id, request }) = decoder.next_message().unwrap() {
            let reply = if let Request::SetNetwork(network) = request {
                told.send(network).unwrap();
                may.acquire().await.unwrap().forget();
                Reply::Done
            } else {
                Reply::Facts(Facts {
                    agent_version: "0".to_owned(),
                    kernel: "6".to_owned(),
                    boot_id: [1; 16],
                    uptime_ms: 1,
                    engine: EngineState::Stopped,
                    data_disk: None,
                    stages: Vec::new(),
                })
            };
            let frame = encode(&GuestFrame::Reply {
                id,
                result: Ok(reply),
            })
            .unwrap();
            drop(stream.write_all(&frame).await);
            drop(stream.flush().await);
        }
    }
}

#[tokio::test]
async fn tell_first_passes_a_connection_on_when_its_guest_was_told() {
    let folder = tempfile::tempdir().unwrap();
    let config_file = folder.path().join("config.toml");
    std::fs::write(&config_file, "[network]\nproxy = { https = 'localhost:3128' }\n").unwrap();
    let (ours, theirs) = tokio::io::duplex(256 * 1024);
    let carrier = |stream| vec![(Lane::Control, Box::new(Memory(Some(stream))) as Box<dyn Carrier>)];
    let (host_link, _) = Link::new(Side::Host, protocol::GENERATION, carrier(ours));
    let (_guest_link, incoming) = Link::new(Side::Guest, protocol::GENERATION, carrier(theirs));
    let (tell, mut heard) = mpsc::unbounded_channel();
    let may = Arc::new(Semaphore::new(0));
    tokio::spawn(guest(incoming, tell, Arc::clone(&may)));
    host_link.wait_up(Lane::Control).await;
    let (agent, _, _) = AgentClient::connect(&host_link).await.unwrap();

    let agents = watch::Sender::new(None);
    let (notices, _received) = mpsc::unbounded_channel();
    let network = Network {
        config_file,
        host_address: Some("192.168.127.2".parse().unwrap()),
        notices,
    };
    let (mut passed, _task) = tell_first(network, agents.subscribe());
    agents.send_replace(Some(agent));
    let told = timeout(LIMIT, heard.recv()).await.unwrap().unwrap();
    assert_eq!(told.https_proxy.as_deref(), Some("http://192.168.127.2:3128"));
    assert_eq!(told.http_proxy, None);
    assert!(passed.borrow_and_update().is_none(), "shares come first");

    may.add_permits(1);
    let is_there = passed.wait_for(Option::is_some);
    drop(timeout(LIMIT, is_there).await.unwrap().unwrap());
    agents.send_replace(None);
    let is_gone = passed.wait_for(Option::is_none);
    drop(timeout(LIMIT, is_gone).await.unwrap().unwrap());
}

#[test]
fn read_of_what_is_wrong_tells_why_and_no_password() {
    let choice = NetworkChoice {
        proxy: ProxyChoice::These(Proxies {
            http: Some("http://ann:secret@a b".to_owned()),
            https: Some("http://ann:secret@proxy:3128".to_owned()),
            no_proxy: None,
        }),
        ca_certificates: vec!["/does/not/exist.pem".into()],
    };
    let (network, problems) = read(&choice, None);
    assert_eq!(network.http_proxy, None);
    assert_eq!(
        network.https_proxy.as_deref(),
        Some("http://ann:secret@proxy:3128")
    );
    assert_eq!(problems.len(), 2, "{problems:?}");
    let shown = format!("{problems:?} {network:?} {choice:?}");
    assert!(!shown.contains("secret"), "{shown}");
}
