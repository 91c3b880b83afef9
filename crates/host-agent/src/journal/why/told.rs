//! Each entry in words.

use api::EscalationReason;
use engine_proxy::guard::{Action, Evidence, Rule};

use super::{
    super::{
        By, What,
        words::{rough, seconds, shown, signal, size},
    },
    ending::crash,
};
use crate::lease::LeaseRecord;

/// What an entry says; `None` for those that say nothing to people.
pub fn text(what: &What) -> Option<String> {
    Some(match what {
        What::Created => "created".to_owned(),
        What::Started => "started".to_owned(),
        What::Exited { code, oom } => {
            let oom = if *oom {
                ", something in it was killed for want of memory"
            } else {
                ""
            };
            format!("ended with code {code}{oom}")
        }
        What::OutOfMemory { limit_bytes: 0 } => "something in it was killed for want of memory".to_owned(),
        What::OutOfMemory { limit_bytes } => {
            format!(
                "something in it was killed for want of memory at its limit of {}",
                size(*limit_bytes)
            )
        }
        What::Signal { signal: number, by } => format!("{} was sent by {}", signal(*number), who(*by)),
        What::StopAsked { by, timeout_s } => {
            let limit = timeout_s.map_or_else(String::new, |timeout_s| format!(" within {timeout_s} s"));
            format!("{} asked for its stop{limit}", who(*by))
        }
        What::Stopped => "the engine had stopped it".to_owned(),
        What::Killed { by } => format!("SIGKILL was sent by {}", who(*by)),
        What::Paused => "paused".to_owned(),
        What::Unpaused => "goes on".to_owned(),
        What::Restarted => "restarted as somebody asked".to_owned(),
        What::Renamed => "renamed".to_owned(),
        What::Removed => "removed".to_owned(),
        What::Guard {
            rule,
            action,
            evidence,
            client_pid,
        } => decision(*rule, action, evidence, *client_pid),
        What::Lease { record } => lease(record)?,
        What::HostAgentStarted => "a host agent was started".to_owned(),
        What::EngineLost => "the engine went down".to_owned(),
        What::EngineRestarted => "the engine was restarted".to_owned(),
        What::MachineStarted => "the machine was started".to_owned(),
        What::MachineStopping => "the machine was told to stop".to_owned(),
        What::MachineStopped { reason: None } => "the machine was stopped".to_owned(),
        What::MachineStopped { reason: Some(reason) } => {
            format!("the machine was stopped: {}", shown(reason))
        }
        What::MachineCrashed { reason } => crash(reason),
        What::MachinePaused => "the machine was paused".to_owned(),
        What::MachineResumed => "the machine goes on".to_owned(),
        What::HostSlept { for_ms } => {
            let slept = rough(i64::try_from(*for_ms).unwrap_or(i64::MAX));
            format!("the host slept for {slept}, or its clock was set")
        }
    })
}

fn who(by: By) -> String {
    match by {
        By::Caller => "the engine, as somebody asked it or as a stop took too long".to_owned(),
        By::Client { pid } => format!("process {pid}"),
        By::Lease => "the lease".to_owned(),
        By::Guard => "the guard".to_owned(),
    }
}

fn lease(record: &LeaseRecord) -> Option<String> {
    Some(match record {
        LeaseRecord::Begun { .. } => "a client owns it".to_owned(),
        LeaseRecord::Interrupted { press: 1, .. } => "Ctrl+C was pressed".to_owned(),
        LeaseRecord::Interrupted { press, .. } => format!("Ctrl+C was pressed, {press} times by then"),
        LeaseRecord::ClientGone { .. } => "its client's connection ended without a word".to_owned(),
        LeaseRecord::ClientClosing { .. } => "its client was closed".to_owned(),
        LeaseRecord::Detached { .. } => "its client left and let it run".to_owned(),
        LeaseRecord::Stopping { why, .. } => format!("the lease stopped it: {}", reason(*why)),
        LeaseRecord::Killing { why, .. } => format!("the lease killed it: {}", reason(*why)),
        LeaseRecord::Ended { .. } => return None,
        LeaseRecord::CommandEnding { why, .. } => format!("a command in it is being ended: {}", reason(*why)),
    })
}

fn reason(why: EscalationReason) -> &'static str {
    match why {
        EscalationReason::SignalUnheard => "its PID 1 does nothing about SIGINT",
        EscalationReason::StillRunning => "it still ran long after Ctrl+C",
        EscalationReason::Asked => "its client asked",
        EscalationReason::ClientGone => "its client is gone",
    }
}

fn decision(rule: Rule, action: &Action, evidence: &[Evidence], client_pid: Option<u32>) -> String {
    let action = match action {
        Action::Stop { timeout_s: None } => "stopped it".to_owned(),
        Action::Stop {
            timeout_s: Some(timeout_s),
        } => format!("stopped it within {timeout_s} s"),
        Action::Remove => "removed it".to_owned(),
        Action::EndExec => "ended a command in it".to_owned(),
        Action::LeftRunning => "left it running".to_owned(),
        Action::Cancelled => "did nothing after all".to_owned(),
        Action::Failed(reason) => format!("failed to act: {}", shown(reason)),
    };
    let client = client_pid.map_or_else(String::new, |pid| format!(", client is process {pid}"));
    let reasons: Vec<String> = evidence.iter().map(proof).collect();
    let reasons = if reasons.is_empty() {
        String::new()
    } else {
        format!(": {}", reasons.join(", "))
    };
    format!("the guard {action} (rule {rule:?}{client}){reasons}")
}

fn proof(evidence: &Evidence) -> String {
    let ms = |ms: u64| seconds(i64::try_from(ms).unwrap_or(i64::MAX));
    match evidence {
        Evidence::Signal { signal, ago_ms } => format!("{} {} before", shown(signal), ms(*ago_ms)),
        Evidence::NotCaught { signal, program } => {
            format!("{} neither catches nor blocks {}", shown(program), shown(signal))
        }
        Evidence::StopSignalNotCaught { signal } => format!("nor {}", shown(signal)),
        Evidence::StillRunning { after_ms } => format!("it still ran after {}", ms(*after_ms)),
        Evidence::KeyHasNoEffect { program } => format!("Ctrl+C has no effect on {}", shown(program)),
        Evidence::HangupThenContinue => "the terminal was closed".to_owned(),
        Evidence::InputEnded => "the terminal's input ended".to_owned(),
        Evidence::ClientExited { pid, code: None } => format!("process {pid} ended"),
        Evidence::ClientExited {
            pid,
            code: Some(code),
        } => format!("process {pid} ended with code {code}"),
        Evidence::AttachmentClosed => "the client closed its connection".to_owned(),
        Evidence::OtherAttachment => "others are attached".to_owned(),
        Evidence::Reattached => "the client attached again".to_owned(),
        Evidence::ContainerEnded => "the run was over".to_owned(),
        Evidence::Paused => "it was paused".to_owned(),
        Evidence::RestartPolicy { policy } => format!("it has the restart policy {}", shown(policy)),
        Evidence::ArgumentsUnclear => "the client's command line is unclear".to_owned(),
        Evidence::NeverStarted => "it was never started".to_owned(),
    }
}
