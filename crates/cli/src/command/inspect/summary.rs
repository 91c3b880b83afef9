//! What matters most of what the engine says.

use std::fmt::Write as _;

use serde_json::Value;

use crate::{harmless, identity, quantity};

/// A time that never was, as the engine writes it.
const NEVER: &str = "0001-01-01T00:00:00Z";

/// A container, and what its PID 1 does with the signals that stop it.
pub fn container(value: &Value, stop: &str) -> String {
    let (state, config, host) = (&value["State"], &value["Config"], &value["HostConfig"]);
    let running = state["Running"].as_bool().unwrap_or(false);
    let mut lines = Lines::default();
    lines.add("container", text(&value["Name"]).trim_start_matches('/'));
    lines.add("id", text(&value["Id"]));
    lines.add("image", text(&config["Image"]));
    lines.add("command", command(value));
    lines.add("state", state_text(state));
    lines.add_any("error", text(&state["Error"]));
    lines.add_any("stop", stop);
    lines.add_any("stop signal", text(&config["StopSignal"]));
    if let Some(seconds) = config["StopTimeout"].as_i64() {
        lines.add("stop timeout", format!("{seconds} s"));
    }
    let restart = text(&host["RestartPolicy"]["Name"]);
    lines.add_any("restart", if restart == "no" { "" } else { restart });
    lines.add("created", quantity::time(text(&value["Created"])));
    let pid = state["Pid"].as_u64().filter(|_| running);
    lines.add_any("pid", pid.map(|pid| pid.to_string()).unwrap_or_default());
    let memory = host["Memory"].as_u64().filter(|bytes| *bytes > 0);
    lines.add_any("memory limit", memory.map(quantity::size).unwrap_or_default());
    for (name, network) in entries(&value["NetworkSettings"]["Networks"]) {
        let address = text(&network["IPAddress"]);
        lines.add("network", format!("{name} {address}").trim_end());
    }
    for (inside, outside) in entries(&value["NetworkSettings"]["Ports"]) {
        for place in outside.as_array().into_iter().flatten() {
            let (ip, port) = (text(&place["HostIp"]), text(&place["HostPort"]));
            lines.add("port", format!("{ip}:{port}->{inside}"));
        }
    }
    for mount in value["Mounts"].as_array().into_iter().flatten() {
        let name = text(&mount["Name"]);
        let source = if name.is_empty() {
            text(&mount["Source"])
        } else {
            name
        };
        let way = if mount["RW"].as_bool() == Some(false) {
            " (read only)"
        } else {
            ""
        };
        lines.add(
            "mount",
            format!("{source} at {}{way}", text(&mount["Destination"])),
        );
    }
    lines.0
}

/// An image.
pub fn image(value: &Value) -> String {
    let config = &value["Config"];
    let mut lines = Lines::default();
    let tags = value["RepoTags"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    match tags.first() {
        Some(tag) => lines.add("image", text(tag)),
        None => lines.add("image", identity::shown(text(&value["Id"]), false)),
    }
    for tag in tags.iter().skip(1) {
        lines.add("also", text(tag));
    }
    lines.add("id", text(&value["Id"]));
    lines.add(
        "platform",
        format!("{}/{}", text(&value["Os"]), text(&value["Architecture"])),
    );
    let size = value["Size"].as_u64().map(quantity::size);
    lines.add_any("size", size.unwrap_or_default());
    lines.add_any("created", quantity::time(text(&value["Created"])));
    lines.add_any("entrypoint", words(&config["Entrypoint"]));
    lines.add_any("command", words(&config["Cmd"]));
    lines.add_any("user", text(&config["User"]));
    lines.add_any("folder", text(&config["WorkingDir"]));
    lines.add_any("stop signal", text(&config["StopSignal"]));
    for (port, _) in entries(&config["ExposedPorts"]) {
        lines.add("port", port);
    }
    lines.0
}

/// Lines of `name: value`, everything harmless to a terminal.
#[derive(Default)]
struct Lines(String);

impl Lines {
    fn add(&mut self, name: &str, value: impl AsRef<str>) {
        let value = harmless::line(value.as_ref());
        // Writing to a string does not fail.
        let _ = writeln!(self.0, "{name}: {value}");
    }

    /// Adds a line if there is something to say.
    fn add_any(&mut self, name: &str, value: impl AsRef<str>) {
        if !value.as_ref().is_empty() {
            self.add(name, value);
        }
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn entries(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

/// A command line as one line. Only to be read: quotes are not put in.
fn words(value: &Value) -> String {
    let words: Vec<&str> = value.as_array().into_iter().flatten().map(text).collect();
    words.join(" ")
}

fn command(value: &Value) -> String {
    format!("{} {}", text(&value["Path"]), words(&value["Args"]))
}

/// `running since …`, `exited with 137 at …, out of memory`.
fn state_text(state: &Value) -> String {
    let status = text(&state["Status"]);
    let time = |name: &str| {
        let time = text(&state[name]);
        (!time.is_empty() && time != NEVER).then(|| quantity::time(time))
    };
    let mut said = status.to_owned();
    if state["Running"].as_bool() == Some(true) {
        if let Some(since) = time("StartedAt") {
            said.push_str(&format!(" since {since}"));
        }
    } else if let Some(ended) = time("FinishedAt") {
        let code = state["ExitCode"].as_i64().unwrap_or(0);
        said.push_str(&format!(" with {code} at {ended}"));
    }
    if state["OOMKilled"].as_bool() == Some(true) {
        said.push_str(", out of memory");
    }
    said
}
