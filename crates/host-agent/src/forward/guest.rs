//! Follows what the guest publishes, for as long as the host agent lives.

use std::time::Duration;

use agent_client::{AgentClient, AgentClientError, PublicationWriter};
use protocol::PublicationAnswer;
use tokio::{
    sync::{mpsc, watch},
    time::sleep,
};
use tracing::debug;

use super::{
    MOST_FORWARDS,
    input::{Connected, Input},
};
use crate::failure::chain;

/// The first pause after a stream that ended though its agent is there, and the longest.
const PAUSES: [Duration; 2] = [Duration::from_millis(200), Duration::from_secs(30)];

/// Answers that a guest may leave unread.
const UNREAD_ANSWERS: usize = 2 * MOST_FORWARDS;

/// Opens the stream of publications on each connection of the guest agent. Ends when the supervisor does.
pub async fn follow(mut agents: watch::Receiver<Option<AgentClient>>, inputs: mpsc::Sender<Input>) {
    let [least, most] = PAUSES;
    let (mut pause, mut session) = (least, 0);
    loop {
        let Ok(agent) = agents.wait_for(Option::is_some).await.map(|agent| agent.clone()) else {
            return;
        };
        // Marks this agent as seen.
        agents.borrow_and_update();
        let Some(agent) = agent else { continue };
        session += 1;
        let told = match follow_agent(&agent, session, &inputs).await {
            Ok(told) => told,
            Err(error) => {
                debug!(error = chain(&error), "guest's publications not followed");
                false
            }
        };
        drop(agent);
        pause = if told { least } else { most.min(pause * 2) };
        tokio::select! {
            () = sleep(pause) => {}
            changed = agents.changed() => match changed {
                Ok(()) => pause = least,
                Err(_) => return,
            },
        }
    }
}

/// One stream, to its end. Whether anything was told.
async fn follow_agent(
    agent: &AgentClient,
    session: u64,
    inputs: &mpsc::Sender<Input>,
) -> Result<bool, AgentClientError> {
    let (mut reader, writer) = agent.open_publications().await?;
    let (answers, queued) = mpsc::channel(UNREAD_ANSWERS);
    let connected = Connected {
        session,
        boot_id: agent.boot_id(),
        answers,
    };
    drop(inputs.send(Input::Connected(connected)).await);
    let mut told = false;
    let reading = async {
        loop {
            match reader.next().await {
                Ok(Some(frame)) => {
                    told = true;
                    // The table ends with the host agent.
                    drop(inputs.send(Input::Told { session, frame }).await);
                }
                Ok(None) => return debug!("guest ended its publications"),
                Err(error) => return debug!(%error, "guest's publications lost"),
            }
        }
    };
    tokio::select! {
        () = reading => {}
        () = write(writer, queued) => {}
        () = agent.closed() => {}
    }
    Ok(told)
}

async fn write(mut writer: PublicationWriter, mut queued: mpsc::Receiver<PublicationAnswer>) {
    while let Some(answer) = queued.recv().await {
        if let Err(error) = writer.answer(&answer).await {
            return debug!(%error, "publication not answered");
        }
    }
}
