//! The status as the API tells it.

use std::time::SystemTime;

use api::{Boot, EngineInfo, Forward, HostAgentInfo, MachineInfo, Phase, Share, Status};
use machine::{Accelerator, MachineState};
use platform::LocalAddress;
use protocol::EngineState;

use crate::supervisor::{BootRecord, Snapshot};

/// Makes the status of a snapshot, the forwards and the shares.
pub fn status(
    snapshot: &Snapshot,
    forwards: Vec<Forward>,
    shares: Vec<Share>,
    endpoint: &LocalAddress,
    warnings: &[String],
) -> Status {
    let (state, phase, reason) = match &snapshot.state {
        MachineState::Stopped => (api::MachineState::Stopped, None, None),
        MachineState::Starting { phase } => {
            (api::MachineState::Starting, Some(phase.name().to_owned()), None)
        }
        MachineState::Running => (api::MachineState::Running, None, None),
        MachineState::Paused => (api::MachineState::Paused, None, None),
        MachineState::Degraded { reason } => (api::MachineState::Degraded, None, Some(reason.clone())),
        MachineState::Stopping => (api::MachineState::Stopping, None, None),
        MachineState::Failed { reason } => (api::MachineState::Failed, None, Some(reason.clone())),
    };
    let settings = &snapshot.settings;
    let verdict = snapshot.verdict.as_ref();
    let all_warnings = warnings.iter().chain(&settings.warnings);
    Status {
        machine: MachineInfo {
            state,
            phase,
            reason,
            since: rfc3339(snapshot.since),
            driver: settings.driver.clone(),
            accelerator: verdict.map(|verdict| accelerator_name(verdict.accelerator).to_owned()),
            accelerator_note: verdict.and_then(|verdict| verdict.note.clone()),
            program: verdict.and_then(|verdict| {
                verdict
                    .version
                    .as_ref()
                    .map(|version| format!("{} {version}", settings.driver))
            }),
            pid: snapshot.pid,
            link: settings.link.clone(),
            guest_agent: snapshot.guest_agent.clone(),
            cpus: settings.cpus,
            memory_mib: settings.memory_mib,
            boot: snapshot.boot.as_ref().map(boot),
        },
        engine: engine(&snapshot.engine, endpoint),
        forwards,
        shares,
        image: snapshot.image.clone(),
        host_agent: HostAgentInfo {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            warnings: all_warnings.cloned().collect(),
        },
    }
}

fn boot(record: &BootRecord) -> Boot {
    let ms = |duration: std::time::Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let phases = record.phases.iter();
    Boot {
        total_ms: ms(record.total()),
        phases: phases
            .map(|(phase, took)| Phase {
                name: phase.name().to_owned(),
                ms: ms(*took),
            })
            .collect(),
        guest_stages: record
            .stages
            .iter()
            .map(|stage| Phase {
                name: stage.name.clone(),
                ms: stage.uptime_ms,
            })
            .collect(),
    }
}

fn engine(state: &EngineState, endpoint: &LocalAddress) -> EngineInfo {
    let (state, version, api_version, reason) = match state.clone() {
        EngineState::Stopped => (api::EngineState::Stopped, None, None, None),
        EngineState::Starting => (api::EngineState::Starting, None, None, None),
        EngineState::Ready { version, api_version } => {
            (api::EngineState::Ready, Some(version), Some(api_version), None)
        }
        EngineState::Unhealthy { reason, .. } => (api::EngineState::Unhealthy, None, None, Some(reason)),
    };
    EngineInfo {
        state,
        version,
        api_version,
        reason,
        endpoint: endpoint.to_string(),
    }
}

fn accelerator_name(accelerator: Accelerator) -> &'static str {
    match accelerator {
        Accelerator::Kvm => "kvm",
        Accelerator::Hvf => "hvf",
        Accelerator::Whpx => "whpx",
        Accelerator::Tcg => "tcg",
        Accelerator::Vz => "vz",
        Accelerator::None => "none",
    }
}

fn rfc3339(time: SystemTime) -> String {
    jiff::Timestamp::try_from(time)
        .unwrap_or(jiff::Timestamp::UNIX_EPOCH)
        .strftime("%Y-%m-%dT%H:%M:%SZ")
        .to_string()
}
