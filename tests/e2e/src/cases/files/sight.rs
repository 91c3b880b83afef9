//! What containers see, and `pinnace share` tells.

use anyhow::{Context, Result};
use api::Share;

use crate::{IMAGE, Invocation, Machine, Output, cases::ports::container::Container, until};

/// What a container runs that the cases run scripts in.
pub const REST: &str = "exec sleep 1000";

/// `docker run --rm`, with options, of a script.
pub fn run(machine: &Machine, options: &[&str], script: &str) -> Invocation {
    machine
        .docker
        .run(["run", "--rm"])
        .args(options)
        .args([IMAGE, "sh", "-c", script])
        .within(machine.driver.patience())
}

/// A container at rest that has these mounts.
pub fn resting<'a>(machine: &'a Machine, name: &'a str, binds: &[&str]) -> Result<Container<'a>> {
    let options: Vec<&str> = binds.iter().flat_map(|bind| ["-v", bind]).collect();
    Container::run(machine, name, &options, REST)
}

/// Runs a script in a container, however it ends.
pub fn exec(machine: &Machine, container: &str, script: &str) -> Result<Output> {
    machine
        .docker
        .run(["exec", container, "sh", "-c", script])
        .quietly()
        .run()
}

/// Waits until a script in a container prints a text. What it says of errors is left out.
pub fn wait_printed(machine: &Machine, container: &str, script: &str, wanted: &str) -> Result<()> {
    let quiet = format!("{{ {script}; }} 2>/dev/null || true");
    let mut last = String::new();
    let printed = until(
        &format!("`{script}` printing {wanted:?}"),
        machine.driver.patience(),
        || {
            last = exec(machine, container, &quiet)?.text();
            Ok(last == wanted)
        },
    );
    printed.with_context(|| format!("it printed {last:?}"))
}

/// What `pinnace share ls` tells.
pub fn shares(machine: &Machine) -> Result<Vec<Share>> {
    let text = machine
        .pinnace
        .run(["share", "ls", "--format", "json"])
        .quietly()
        .text()?;
    serde_json::from_str(&text).with_context(|| format!("shares are {text}"))
}

/// What it tells of one folder.
pub fn share_of(machine: &Machine, path: &str) -> Result<Option<Share>> {
    let mut found = shares(machine)?;
    found.retain(|share| share.path == path);
    Ok(found.pop())
}

/// Waits until a share is as wanted.
pub fn wait_share(machine: &Machine, path: &str, what: &str, wanted: impl Fn(&Share) -> bool) -> Result<()> {
    let mut last = None;
    let reached = until(&format!("{path} being {what}"), machine.driver.patience(), || {
        last = share_of(machine, path)?;
        Ok(last.as_ref().is_some_and(&wanted))
    });
    reached.with_context(|| format!("it was {last:?}"))
}

/// A folder that a user shared. Dropping it shares it no longer.
pub struct Added<'a> {
    machine: &'a Machine,
    path: String,
}

impl<'a> Added<'a> {
    /// `pinnace share add`, with options.
    pub fn add(machine: &'a Machine, path: &str, options: &[&str]) -> Result<Self> {
        machine
            .pinnace
            .run(["share", "add", path])
            .args(options)
            .run()?
            .success()?;
        Ok(Self {
            machine,
            path: path.to_owned(),
        })
    }
}

impl Drop for Added<'_> {
    fn drop(&mut self) {
        // Whatever the case is about has been said already.
        let _ = self
            .machine
            .pinnace
            .run(["share", "rm", "--force", &self.path])
            .quietly()
            .run();
    }
}
