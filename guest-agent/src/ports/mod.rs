//! The link ports that the guest answers on: one file for each.

mod control;
mod engine;
mod forward;
mod head;
mod logs;
mod publications;
mod share;
mod shell;

use link::{Arrival, Lane};
use protocol::LinkPort;

use crate::agent::Agent;

/// Answers a stream that the host dialled. A port that nobody answers is aborted at once.
pub fn answer(agent: &Agent, arrival: Arrival) {
    let Arrival { lane, port, stream } = arrival;
    let agent = agent.clone();
    match (lane, LinkPort(port)) {
        (Lane::Control, LinkPort::CONTROL) => drop(tokio::spawn(control::answer(agent, stream))),
        (Lane::Control, LinkPort::PUBLICATIONS) => drop(tokio::spawn(publications::answer(agent, stream))),
        (Lane::Data, LinkPort::ENGINE) => drop(tokio::spawn(engine::answer(agent, stream))),
        (Lane::Data, LinkPort::SHELL) => drop(tokio::spawn(shell::answer(agent, stream))),
        (Lane::Data, LinkPort::LOGS) => drop(tokio::spawn(logs::answer(agent, stream))),
        (Lane::Data, LinkPort::FORWARD) => drop(tokio::spawn(forward::answer(agent, stream))),
        (Lane::Files, LinkPort::SHARE) => drop(tokio::spawn(share::answer(agent, stream))),
        _ => {
            tracing::warn!(
                lane = lane.name(),
                link_port = port,
                "nobody answers on this link port"
            );
            stream.abort();
        }
    }
}
