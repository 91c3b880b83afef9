//! Which calls of the Docker API the guard and the rewriting have to know of.
//!
//! Source: the Docker Engine API reference; paths may begin with a version, `/v1.51`.

/// A call, as far as anything here looks at it. Containers and execs are as the client named them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// `POST /containers/create`
    Create,
    /// `POST /containers/{id}/attach`
    Attach {
        /// Which.
        container: String,
        /// Whether input is attached.
        stdin: bool,
    },
    /// `POST /containers/{id}/start`
    Start {
        /// Which.
        container: String,
    },
    /// `POST /containers/{id}/kill`
    Kill {
        /// Which.
        container: String,
        /// The signal as it was named; empty for the usual one.
        signal: String,
    },
    /// `POST /containers/{id}/stop`, `restart`, or `DELETE /containers/{id}`
    Stop {
        /// Which.
        container: String,
    },
    /// `POST /containers/{id}/exec`
    ExecCreate {
        /// In which container.
        container: String,
    },
    /// `POST /exec/{id}/start`
    ExecStart {
        /// Which.
        exec: String,
    },
    /// `POST /services/create`
    ServiceCreate,
    /// `POST /services/{id}/update`
    ServiceUpdate,
    /// `POST /volumes/create`
    VolumeCreate,
    /// Anything else.
    Other,
}

impl Call {
    /// Reads a call off a request line.
    pub fn of(method: &str, target: &str) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let segments: Vec<String> = origin(path)
            .split('/')
            .filter(|segment| !segment.is_empty())
            .map(decode)
            .collect();
        let mut segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        if segments.first().is_some_and(|first| is_version(first)) {
            segments.remove(0);
        }
        let container = |id: &str| id.to_owned();
        match (method, segments.as_slice()) {
            ("POST", ["containers", "create"]) => Self::Create,
            ("POST", ["containers", id, "attach"]) => Self::Attach {
                container: container(id),
                stdin: flag(query, "stdin"),
            },
            ("POST", ["containers", id, "start"]) => Self::Start {
                container: container(id),
            },
            ("POST", ["containers", id, "kill"]) => Self::Kill {
                container: container(id),
                signal: value(query, "signal").unwrap_or_default(),
            },
            ("POST", ["containers", id, "stop" | "restart"]) | ("DELETE", ["containers", id]) => Self::Stop {
                container: container(id),
            },
            ("POST", ["containers", id, "exec"]) => Self::ExecCreate {
                container: container(id),
            },
            ("POST", ["exec", id, "start"]) => Self::ExecStart {
                exec: (*id).to_owned(),
            },
            ("POST", ["services", "create"]) => Self::ServiceCreate,
            ("POST", ["services", _, "update"]) => Self::ServiceUpdate,
            ("POST", ["volumes", "create"]) => Self::VolumeCreate,
            _ => Self::Other,
        }
    }

    /// Whether the engine may answer with a raw stream that has no upgrade, as old clients want it.
    pub fn may_hijack(&self) -> bool {
        matches!(self, Self::Attach { .. } | Self::ExecStart { .. })
    }

    /// Whether the guard needs what was asked and answered.
    pub fn is_read(&self) -> bool {
        matches!(self, Self::Create | Self::ExecCreate { .. })
    }
}

/// The path of a target that names a host too.
fn origin(path: &str) -> &str {
    let rest = path
        .strip_prefix("http://")
        .or_else(|| path.strip_prefix("https://"));
    rest.map_or(path, |rest| rest.find('/').map_or("", |at| &rest[at..]))
}

/// `v1.51`
fn is_version(segment: &str) -> bool {
    segment.strip_prefix('v').is_some_and(|number| {
        !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
    })
}

/// As Go reads a boolean form value: absent, empty, `0`, `no`, `false`, `none` are false.
fn flag(query: &str, name: &str) -> bool {
    value(query, name).is_some_and(|value| {
        let value = value.trim().to_lowercase();
        !matches!(value.as_str(), "" | "0" | "no" | "false" | "none")
    })
}

/// The first value of that name.
fn value(query: &str, name: &str) -> Option<String> {
    query.split('&').find_map(|pair| {
        let (found, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(found) == name).then(|| decode(&value.replace('+', " ")))
    })
}

/// Undoes percent-encoding; what is no such encoding stays as it is.
fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let digits = bytes
            .get(at + 1..at + 3)
            .and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.filter(|digits| bytes[at] == b'%' && digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
        {
            Some(digits) => {
                decoded.push(u8::from_str_radix(digits, 16).unwrap_or(b'?'));
                at += 3;
            }
            None => {
                decoded.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_of_each_kind_are_told_apart() {
        let check =
            |method: &str, target: &str, call: Call| assert_eq!(Call::of(method, target), call, "{target}");
        let container = || "web".to_owned();
        check("POST", "/v1.51/containers/create?name=web", Call::Create);
        check("POST", "/containers/create", Call::Create);
        check(
            "POST",
            "/v1.51/containers/web/attach?stderr=1&stdin=1&stdout=1&stream=1",
            Call::Attach {
                container: container(),
                stdin: true,
            },
        );
        check(
            "POST",
            "/v1.51/containers/web/attach?stdin=0",
            Call::Attach {
                container: container(),
                stdin: false,
            },
        );
        check(
            "POST",
            "/v1.24/containers/w%65b/kill?signal=SIGRTMIN%2B3",
            Call::Kill {
                container: container(),
                signal: "SIGRTMIN+3".to_owned(),
            },
        );
        check(
            "POST",
            "http://docker/containers/web/start",
            Call::Start {
                container: container(),
            },
        );
        check(
            "POST",
            "/containers/web/stop?t=3",
            Call::Stop {
                container: container(),
            },
        );
        check(
            "DELETE",
            "/containers/web?force=1",
            Call::Stop {
                container: container(),
            },
        );
        check(
            "POST",
            "/containers/web/exec",
            Call::ExecCreate {
                container: container(),
            },
        );
        check(
            "POST",
            "/exec/abc/start",
            Call::ExecStart {
                exec: "abc".to_owned(),
            },
        );
        check("POST", "/v1.51/services/create", Call::ServiceCreate);
        check("POST", "/services/web/update?version=7", Call::ServiceUpdate);
        check("POST", "/v1.24/volumes/create", Call::VolumeCreate);
        for (method, target) in [
            ("GET", "/services/web/update"),
            ("POST", "/services/web"),
            ("POST", "/volumes/prune"),
            ("GET", "/containers/web/kill"),
            ("POST", "/containers/web/kill/x"),
            ("POST", "/images/create"),
            ("GET", "/_ping"),
            ("GET", ""),
            ("POST", "/%"),
            ("POST", "/%zz/%f"),
        ] {
            check(method, target, Call::Other);
        }
    }
}
