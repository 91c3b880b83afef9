//! Whom the guard leaves alone: whoever does not run a container for a person in the foreground.

use std::{collections::BTreeMap, ffi::OsString, time::Duration};

use super::{ContainerNow, CreateFacts};

/// How Docker's own command line says who it is; others may close an attachment for their own reasons.
const CLIENT_AGENT: &str = "Docker-Client/";
/// Labels of launchers that stop what they start by themselves, or let it run on purpose.
const LAUNCHERS: [&str; 4] = [
    "com.docker.compose.",
    "com.docker.swarm.",
    "devcontainer.",
    "vsch.",
];
const IGNORE_LABEL: (&str, &str) = ("pinnace.on-client-exit", "ignore");
const WAIT_LABEL: &str = "pinnace.interrupt-wait";
const MOST_WAIT_S: u64 = 24 * 60 * 60;

/// Why a container is left alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Exemption {
    /// Somebody said so.
    Asked,
    /// It has this restart policy: it is not stopped, but the user is told.
    RestartPolicy(String),
}

/// Whether a container that was made like this is none of the guard's business.
pub(super) fn at_creation(facts: &CreateFacts) -> bool {
    !facts.attached
        || !facts.user_agent.starts_with(CLIENT_AGENT)
        || by_launcher(&facts.labels)
        || is_ignored(&facts.labels)
}

/// Why a container must not be stopped, looking at what is true at the moment of acting. A launcher's labels do not
/// count here: images that were built for one carry them too (`devcontainer.metadata`).
pub(super) fn at_action(container: &ContainerNow) -> Option<Exemption> {
    if is_ignored(&container.labels) {
        return Some(Exemption::Asked);
    }
    let policy = container.restart_policy.as_str();
    (!matches!(policy, "" | "no")).then(|| Exemption::RestartPolicy(policy.to_owned()))
}

/// Whether a launcher made the container.
pub(super) fn by_launcher(labels: &BTreeMap<String, String>) -> bool {
    let is_launchers = |label: &String| LAUNCHERS.iter().any(|prefix| label.starts_with(prefix));
    labels.keys().any(is_launchers)
}

/// How long the container may take over a Ctrl+C, if a label says.
pub(super) fn interrupt_wait(labels: &BTreeMap<String, String>) -> Option<Duration> {
    let seconds = labels.get(WAIT_LABEL)?.parse::<u64>().ok()?;
    Some(Duration::from_secs(seconds.min(MOST_WAIT_S)))
}

/// Whether the client passes signals on, by its command line. It does unless it says otherwise, and a boolean flag of
/// Docker's command line takes a value only after `=` (pflag, with Go's `strconv.ParseBool`). `None` when it is not
/// `docker run` but, say, somebody's relay for other processes, whose wishes nobody knows then.
pub(super) fn passes_signals(arguments: &[OsString]) -> Option<bool> {
    let refuses = |argument: &OsString| {
        let value = argument
            .to_str()
            .and_then(|text| text.strip_prefix("--sig-proxy="));
        value.is_some_and(|value| matches!(value, "0" | "f" | "F" | "false" | "False" | "FALSE"))
    };
    if arguments.iter().any(refuses) {
        return Some(false);
    }
    arguments.iter().any(|argument| argument == "run").then_some(true)
}

fn is_ignored(labels: &BTreeMap<String, String>) -> bool {
    let (label, value) = IGNORE_LABEL;
    labels.get(label).is_some_and(|present| present == value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(user_agent: &str, label: &str) -> CreateFacts {
        CreateFacts {
            attached: true,
            user_agent: user_agent.to_owned(),
            labels: label
                .split_once('=')
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into_iter()
                .collect(),
            ..CreateFacts::default()
        }
    }

    #[test]
    fn at_creation_exempts_launchers_and_those_who_ask() {
        let client = "Docker-Client/28.5.2 (linux)";
        for (agent, label, exempt) in [
            (client, "", false),
            (client, "com.example=x", false),
            (client, "pinnace.on-client-exit=stop", false),
            (client, "pinnace.on-client-exit=ignore", true),
            (client, "com.docker.compose.project=x", true),
            (client, "com.docker.swarm.task=x", true),
            (client, "devcontainer.local_folder=x", true),
            (client, "vsch.local.folder=x", true),
            ("compose/2.40", "", true),
            ("Go-http-client/1.1", "", true),
            ("", "", true),
        ] {
            assert_eq!(at_creation(&facts(agent, label)), exempt, "{agent} {label}");
        }
        let detached = CreateFacts {
            attached: false,
            ..facts(client, "")
        };
        assert!(at_creation(&detached));
    }

    #[test]
    fn passes_signals_reads_only_the_form_with_equals() {
        for (line, passes) in [
            ("docker run x", Some(true)),
            ("docker --context y container run --sig-proxy x", Some(true)),
            ("docker run --sig-proxy=true x", Some(true)),
            ("docker run --sig-proxy false x", Some(true)),
            ("docker run --sig-proxy=false x", Some(false)),
            ("docker run --sig-proxy=0 x", Some(false)),
            ("docker run --sig-proxy=F -a STDOUT x", Some(false)),
            ("socat TCP-LISTEN:2375,fork UNIX:/run/docker.sock", None),
        ] {
            let arguments: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            assert_eq!(passes_signals(&arguments), passes, "{line}");
        }
    }

    #[test]
    fn interrupt_wait_is_bounded_and_ignores_nonsense() {
        for (value, wait) in [
            ("30", Some(30)),
            ("0", Some(0)),
            ("99999999", Some(86400)),
            ("-1", None),
            ("soon", None),
        ] {
            let labels = BTreeMap::from([(WAIT_LABEL.to_owned(), value.to_owned())]);
            assert_eq!(interrupt_wait(&labels), wait.map(Duration::from_secs), "{value}");
        }
    }
}
