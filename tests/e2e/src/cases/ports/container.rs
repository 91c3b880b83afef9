//! A container with a server in it, gone when the case is over.

use anyhow::Result;

use crate::{IMAGE, Machine};

/// A web server that answers [`SERVED`].
pub const WEB: &str = "mkdir -p /tmp/w; echo served >/tmp/w/index.html; exec httpd -f -p 80 -h /tmp/w";
/// What the web server answers.
pub const SERVED: &str = "served";

/// A container that runs in the background. Dropping it removes it.
pub struct Container<'a> {
    machine: &'a Machine,
    /// Its name.
    pub name: &'a str,
}

impl<'a> Container<'a> {
    /// Runs a shell script in the cases' image. `options` are those of `docker run`.
    pub fn run(machine: &'a Machine, name: &'a str, options: &[&str], script: &str) -> Result<Self> {
        Self::run_image(machine, name, options, &[IMAGE, "sh", "-c", script])
    }

    /// Runs an image; its name, and the command.
    pub fn run_image(machine: &'a Machine, name: &'a str, options: &[&str], image: &[&str]) -> Result<Self> {
        // Before it runs: what a failed `docker run` leaves goes too.
        let container = Self { machine, name };
        machine
            .docker
            .run(["run", "--detach", "--init", "--name", name])
            .args(options)
            .args(image)
            .within(machine.driver.patience())
            .run()?
            .success()?;
        Ok(container)
    }

    /// Takes care of a container that is made otherwise.
    pub fn named(machine: &'a Machine, name: &'a str) -> Self {
        Self { machine, name }
    }

    /// Runs a shell script in it.
    pub fn exec(&self, script: &str) -> Result<String> {
        self.machine
            .docker
            .run(["exec", self.name, "sh", "-c", script])
            .text()
    }

    /// Removes it now.
    pub fn remove(self) -> Result<()> {
        self.machine.docker.remove(self.name)
    }
}

impl Drop for Container<'_> {
    fn drop(&mut self) {
        // Whatever the case is about has been said already.
        let _ = self.machine.docker.remove(self.name);
    }
}
