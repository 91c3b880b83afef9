//! One machine that many cases share.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result, ensure};
use api::{EngineState, MachineState, Status};

use crate::{Docker, Home, Pinnace, until_some};

/// What boots the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DriverKind {
    /// Namespaces of this host.
    Fake,
    /// A VM.
    Qemu,
}

impl DriverKind {
    /// Its name in the settings and in `status`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fake => "fake",
            Self::Qemu => "qemu",
        }
    }

    /// How long anything may take at most: a VM may be emulated, on a busy host.
    pub fn patience(self) -> Duration {
        match self {
            Self::Fake => Duration::from_secs(180),
            Self::Qemu => Duration::from_secs(420),
        }
    }

    /// Settings for this driver, small enough for a test host; no folder is shared.
    pub fn config(self) -> String {
        self.config_with("")
    }

    /// The same with more lines. Folders are shared as they say, if they say anything of shares.
    pub fn config_with(self, settings: &str) -> String {
        let shares = match settings.contains("[shares]") {
            true => "",
            false => "[shares]\nhome = false\n",
        };
        format!(
            "[machine]\ndriver = \"{}\"\ncpus = 2\nmemory_mib = 2048\ndisk_gib = 8\n{shares}{settings}",
            self.name()
        )
    }
}

/// A home with programs, a docker CLI, and usually a running machine.
#[derive(Debug)]
pub struct Machine {
    /// Where it lives.
    pub home: Arc<Home>,
    /// Its `pinnace`.
    pub pinnace: Pinnace,
    /// Its docker CLI.
    pub docker: Docker,
    /// What boots it.
    pub driver: DriverKind,
}

impl Machine {
    /// Makes a home with settings for the driver; nothing runs in it.
    pub fn prepare(driver: DriverKind) -> Result<Self> {
        Self::prepare_with(driver, "")
    }

    /// The same with more settings.
    pub fn prepare_with(driver: DriverKind, settings: &str) -> Result<Self> {
        let home = Arc::new(Home::new()?);
        home.write_config(driver.config_with(settings))?;
        Ok(Self {
            pinnace: Pinnace::new(home.clone())?,
            docker: Docker::new(home.clone())?,
            home,
            driver,
        })
    }

    /// Makes a home and starts its machine.
    pub fn boot(driver: DriverKind) -> Result<Self> {
        let machine = Self::prepare(driver)?;
        machine.start()?;
        machine.docker.import_image()?;
        Ok(machine)
    }

    /// Starts it and checks that everything is ready.
    pub fn start(&self) -> Result<()> {
        self.pinnace
            .run(["start"])
            .within(self.driver.patience())
            .run()?
            .success()?;
        let status = self.pinnace.status()?;
        ensure!(
            status.machine.state == MachineState::Running,
            "after start it is {:?}",
            status.machine
        );
        ensure!(
            status.engine.state == EngineState::Ready,
            "after start the engine is {:?}",
            status.engine
        );
        Ok(())
    }

    /// Stops it and checks that it is.
    pub fn stop(&self) -> Result<()> {
        self.pinnace
            .run(["stop"])
            .within(self.driver.patience())
            .run()?
            .success()?;
        let state = self.pinnace.status()?.machine.state;
        ensure!(state == MachineState::Stopped, "after stop it is {state:?}");
        Ok(())
    }

    /// Brings it back for the next case, from wherever the last one left it.
    pub fn ensure_running(&self) -> Result<()> {
        let running = self.pinnace.try_status()?.is_some_and(|status| {
            status.machine.state == MachineState::Running && status.engine.state == EngineState::Ready
        });
        if running { Ok(()) } else { self.start() }
    }

    /// Waits until the status is as wanted and returns it. While the host agent is not there, it goes on asking.
    pub fn wait_status(&self, what: &str, wanted: impl Fn(&Status) -> bool) -> Result<Status> {
        let mut last = None;
        let found = until_some(what, self.driver.patience(), || {
            last = self.pinnace.try_status()?;
            Ok(last.clone().filter(|status| wanted(status)))
        });
        found.with_context(|| format!("the last status was {last:?}"))
    }

    /// Ends machine and host agent and checks that nothing is left.
    pub fn finish(&self) -> Result<()> {
        self.pinnace.quit(self.driver.patience())?;
        self.home.assert_clean()
    }
}
