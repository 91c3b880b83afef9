//! Makes and starts a container that a client owns.
//!
//! ```text
//!   image there? ── pull ──► create ──► attach ──► wait (next-exit, or removed) ──► start ──► owned
//!        └── the client ends it before the start: what was made is removed
//! ```

use std::sync::Arc;

use api::{AgentFrame, ClientFrame, Code, PullPolicy, RunRequest, Secret, SessionEvent};
use engine_client::{
    AttachQuery, ContainerDetails, Created, Engine, EngineError, Hijacked, JsonLines, RegistryAuth, Removal,
    WaitResult,
};
use serde_json::Value;

use super::{
    Leases,
    client::Client,
    config,
    container::Container,
    failed::{REFUSED, failed, refused, without_image},
    image::{self, Image},
    owned::{self, Owned},
    record::LeaseRecord,
    streams::Streams,
};

/// The exit code of what Ctrl+C ended.
pub const INTERRUPTED: i64 = 130;
/// How long a container that did not start may take to be removed.
const REMOVAL_LIMIT: std::time::Duration = std::time::Duration::from_secs(5);

/// Runs a container until it has ended or nobody owns it any more.
pub async fn run(leases: Leases, mut client: Client, request: RunRequest) {
    match start(&leases, &mut client, request).await {
        Ok(Some(started)) => owned::own(started, client).await,
        Ok(None) => client.finish(AgentFrame::Exit(0)).await,
        Err(last) => client.finish(last).await,
    }
}

/// `None` where the container has started and nobody owns it. Fails with the last frame.
async fn start(
    leases: &Leases,
    client: &mut Client,
    request: RunRequest,
) -> Result<Option<Owned>, AgentFrame> {
    let engine = &leases.engine;
    let mut size = request.size;
    let made = create(leases, client, &mut size, &request).await?;
    let id = made.id.as_str();
    // Whatever ends the session from here to the start leaves nothing behind.
    let prepared = prepare(engine, id, &request).await;
    let Prepared {
        details,
        stream,
        waiting,
    } = match (prepared, ended_before_start(client, &mut size)) {
        (Ok(prepared), false) => prepared,
        (result, ended) => {
            remove(engine, id).await;
            return Err(match result {
                Err(error) if !ended => failed(&error, REFUSED),
                _ => AgentFrame::Exit(INTERRUPTED),
            });
        }
    };
    let teller = client.teller();
    for message in made.warnings.into_iter().flatten() {
        teller.tell(SessionEvent::Warning { message });
    }
    let name = details.name.trim_start_matches('/').to_owned();
    teller.tell(SessionEvent::Created {
        id: made.id.clone(),
        name: name.clone(),
        tty: request.tty,
    });
    let streams = stream.map(|stream| Streams::join(stream, request.tty, request.stdin, teller));
    if let Err(error) = engine.start(id).await {
        let waiting = config::auto_removes(&request).then_some(waiting);
        return Err(failed(&error, start_code(engine, id, waiting).await));
    }
    teller.tell(SessionEvent::Started);
    if streams.is_none() {
        return Ok(None);
    }
    let container = Container {
        leases: leases.clone(),
        id: Arc::from(id),
        tty: request.tty,
        stop_signal: details.config.stop_signal,
    };
    if let Some((columns, rows)) = size {
        container.resize(columns, rows);
    }
    leases.record(LeaseRecord::Begun {
        container: made.id.clone(),
        name,
    });
    Ok(Some(Owned {
        container,
        streams,
        waiting,
        attach: attach_query(&request),
        restarts: config::restarts(&request.config),
        survives_client: request.survives_client,
    }))
}

/// Has the image there and makes the container.
async fn create(
    leases: &Leases,
    client: &mut Client,
    size: &mut Option<(u16, u16)>,
    request: &RunRequest,
) -> Result<Created, AgentFrame> {
    let engine = &leases.engine;
    let Some(name) = request.config.get("Image").and_then(Value::as_str) else {
        return Err(refused(
            Code::BadRequest,
            "the configuration has no image",
            REFUSED,
        ));
    };
    let auth = request.registry_auth.as_ref().map(registry_auth);
    let image = Image {
        name,
        platform: request.platform.as_deref(),
        auth: auth.as_ref(),
    };
    let teller = client.teller().clone();
    let ensured = image::ensure(engine, image, request.pull, &teller);
    let ensured = unless_ended(client, size, ensured).await?;
    let details = ensured.map_err(|error| without_image(&error))?;
    let wanted = config::complete(request, details.and_then(|details| details.config).as_ref())
        .ok_or_else(|| refused(Code::BadRequest, "the configuration is no object", REFUSED))?;
    let wanted = rewritten(leases, wanted)?;
    let container = request.name.as_deref();
    match engine.create(container, image.platform, &wanted).await {
        // There is an image of this name, for another platform.
        Err(error)
            if error.is_not_found() && request.pull == PullPolicy::Missing && image.platform.is_some() =>
        {
            let pulled = image::pull(engine, image, &teller);
            let pulled = unless_ended(client, size, pulled).await?;
            pulled.map_err(|error| without_image(&error))?;
            engine.create(container, image.platform, &wanted).await
        }
        result => result,
    }
    .map_err(|error| failed(&error, REFUSED))
}

/// What the endpoint would make of it: for the user, `pinnace run` and `docker run` are the same.
fn rewritten(leases: &Leases, wanted: Value) -> Result<Value, AgentFrame> {
    let rewritten = leases
        .rewrite
        .rewrite("POST", "/containers/create", wanted.to_string().as_bytes())
        .map_err(|refusal| refused(Code::BadRequest, refusal.message, REFUSED))?;
    let Some(body) = rewritten else {
        return Ok(wanted);
    };
    serde_json::from_slice(&body).map_err(|error| {
        let message = format!("failed to rewrite the configuration: {error}");
        refused(Code::Internal, message, REFUSED)
    })
}

fn registry_auth(header: &Secret) -> RegistryAuth {
    RegistryAuth::from_header(header.reveal().to_owned().into())
}

struct Prepared {
    details: ContainerDetails,
    stream: Option<Hijacked>,
    waiting: JsonLines<WaitResult>,
}

/// Everything that has to be there before the start, so that nothing is missed.
async fn prepare(engine: &Engine, id: &str, request: &RunRequest) -> Result<Prepared, EngineError> {
    let details = engine.container(id).await?;
    let stream = match request.detached {
        true => None,
        false => Some(engine.attach(id, attach_query(request)).await?),
    };
    let condition = if config::auto_removes(request) {
        "removed"
    } else {
        "next-exit"
    };
    let waiting = engine.begin_wait(id, condition).await?;
    Ok(Prepared {
        details,
        stream,
        waiting,
    })
}

fn attach_query(request: &RunRequest) -> AttachQuery {
    AttachQuery {
        stdin: request.stdin,
        stdout: true,
        stderr: true,
        logs: false,
        detach_keys: request.detach_keys.clone(),
    }
}

/// Does `work` unless the client ends it. Fails with the last frame then.
async fn unless_ended<T>(
    client: &mut Client,
    size: &mut Option<(u16, u16)>,
    work: impl Future<Output = T>,
) -> Result<T, AgentFrame> {
    tokio::pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return Ok(done),
            frame = client.next() => match frame {
                Some(ClientFrame::Resize { columns, rows }) => *size = Some((columns, rows)),
                // Clients send input after the start.
                Some(_) | None => return Err(AgentFrame::Exit(INTERRUPTED)),
            },
        }
    }
}

/// Whether the client has ended it by now.
fn ended_before_start(client: &mut Client, size: &mut Option<(u16, u16)>) -> bool {
    while let Some(frame) = client.next_now() {
        match frame {
            Some(ClientFrame::Resize { columns, rows }) => *size = Some((columns, rows)),
            Some(_) | None => return true,
        }
    }
    false
}

async fn remove(engine: &Engine, container: &str) {
    let removal = Removal {
        force: true,
        volumes: true,
    };
    if let Err(error) = engine.remove(container, removal).await {
        tracing::debug!(%error, container, "container that was never started not removed");
    }
}

/// Docker's exit code of a start that failed. The engine keeps it as the container's: 126 and 127 say that the command
/// cannot be run or does not exist. A container that is removed by itself tells it to who waits for the removal.
async fn start_code(engine: &Engine, container: &str, removal: Option<JsonLines<WaitResult>>) -> u8 {
    let code = match removal {
        Some(mut waiting) => tokio::time::timeout(REMOVAL_LIMIT, waiting.next())
            .await
            .ok()
            .and_then(|result| Some(result.ok()??.status_code)),
        None => {
            let details = engine.container(container).await;
            details.ok().map(|details| details.state.exit_code)
        }
    };
    match code {
        Some(126) => 126,
        Some(127) => 127,
        _ => REFUSED,
    }
}
