//! The boot task: everything from the request to the VM's process.

use std::{sync::Arc, time::Duration};

use api::ApiError;
use machine::{AcceleratorChoice, DriverEvent, Instance, Verdict};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{Input, Provision, Provisioned, input::BootFailure};
use crate::failure::driver_failure;

/// A VM that runs, and what happens to it.
pub(super) struct Launched {
    pub(super) instance: Arc<dyn Instance>,
    pub(super) events: mpsc::UnboundedReceiver<DriverEvent>,
}

/// What to boot, and whom to tell.
pub(super) struct BootTask {
    pub(super) run: u64,
    pub(super) provision: Arc<dyn Provision>,
    /// Overrides the setting: the fallback after an accelerator failed.
    pub(super) accelerator: Option<AcceleratorChoice>,
    pub(super) inputs: mpsc::UnboundedSender<Input>,
    pub(super) cancel: CancellationToken,
    /// How long a launch that is under way may go on after it was cancelled.
    pub(super) launch_grace: Duration,
}

impl BootTask {
    /// Spawns the task. It sends exactly one [`Input::BootEnded`], also when it is cancelled.
    pub(super) fn spawn(self) {
        tokio::spawn(async move {
            let result = match self.prepare().await {
                Ok(ready) => self.launch(ready).await,
                Err(failure) => Err(failure),
            };
            // The supervisor outlives its boot tasks unless the process ends.
            drop(self.inputs.send(Input::BootEnded {
                run: self.run,
                result,
            }));
        });
    }

    async fn prepare(&self) -> Result<(Provisioned, Verdict), BootFailure> {
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => Err(BootFailure::Cancelled),
            result = self.check() => result.map_err(BootFailure::Failed),
        }
    }

    async fn check(&self) -> Result<(Provisioned, Verdict), ApiError> {
        let mut provisioned = self.provision.provision().await?;
        if let Some(accelerator) = self.accelerator {
            provisioned.spec.accelerator = accelerator;
        }
        drop(self.inputs.send(Input::Provisioned {
            run: self.run,
            provisioned: Box::new(provisioned.clone()),
        }));
        let verdict = provisioned
            .driver
            .prepare(provisioned.spec.accelerator)
            .await
            .map_err(|error| driver_failure(&error))?;
        drop(self.inputs.send(Input::Verdict {
            run: self.run,
            verdict: verdict.clone(),
        }));
        Ok((provisioned, verdict))
    }

    /// A launch is not torn down half way but finished and then killed, so that its end can be waited for and the next
    /// boot finds the data disk free.
    async fn launch(&self, (provisioned, verdict): (Provisioned, Verdict)) -> Result<Launched, BootFailure> {
        let (sender, events) = mpsc::unbounded_channel();
        let give_up = async {
            self.cancel.cancelled().await;
            tokio::time::sleep(self.launch_grace).await;
        };
        tokio::select! {
            result = provisioned.driver.launch(&provisioned.spec, &verdict, sender) => match result {
                Ok(instance) => Ok(Launched { instance: Arc::from(instance), events }),
                Err(error) => Err(BootFailure::Failed(driver_failure(&error))),
            },
            () = give_up => Err(BootFailure::Cancelled),
        }
    }
}
