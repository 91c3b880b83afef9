//! Where the endpoint's requests go: to dockerd in the machine, which is started or resumed for them where the user chose
//! that.

use engine_client::Connect as _;
use engine_proxy::{Io, Unavailable, Upstream};
use machine::MachineState;

use crate::{engine_connect::EngineConnect, failure::sentence, share::Shares};

/// The endpoint's way to the engine.
#[derive(Debug)]
pub struct EngineUpstream {
    /// The way there while the machine runs.
    pub connect: EngineConnect,
    /// Whether a request starts or resumes the machine.
    pub on_demand: bool,
    /// Folders of the host in the machine, where requests name them.
    pub shares: Shares,
}

impl EngineUpstream {
    /// Resolves when the machine runs, or does not.
    async fn wake(&self) -> Result<(), Unavailable> {
        let supervisor = &self.connect.supervisor;
        let woken = match supervisor.snapshot().state {
            MachineState::Stopped | MachineState::Failed { .. } | MachineState::Starting { .. } => {
                supervisor.start().await
            }
            MachineState::Paused => supervisor.resume().await,
            MachineState::Running | MachineState::Degraded { .. } | MachineState::Stopping => Ok(()),
        };
        woken.map_err(|error| Unavailable(sentence(&error)))
    }
}

#[async_trait::async_trait]
impl Upstream for EngineUpstream {
    async fn open(&self) -> Result<Box<dyn Io>, Unavailable> {
        if self.on_demand {
            self.wake().await?;
        }
        match self.connect.connect().await {
            Ok(stream) => Ok(Box::new(stream)),
            Err(error) => Err(Unavailable(error.to_string())),
        }
    }

    async fn ready(&self) -> Result<(), Unavailable> {
        if self.on_demand {
            self.wake().await?;
        }
        self.shares.settled().await;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use engine_client::Engine;
    use engine_proxy::rewrite::{CreateRewrite, Rewrite as _, RewriteSettings};

    use super::*;
    use crate::{
        run::tests::folders_below,
        share::SharesConfig,
        supervisor::tests::fake::{Bench, Guest},
    };

    const CREATE: (&str, &str) = ("POST", "/v1.51/containers/create");

    #[tokio::test]
    async fn create_that_comes_while_the_machine_starts_has_the_paths_that_the_guest_says() {
        let folder = tempfile::tempdir().unwrap();
        let base = folder.path().canonicalize().unwrap();
        let home = base.join("home");
        std::fs::create_dir(&home).unwrap();
        let bench = Bench::new(Guest::Well);
        bench.hold_shares(true);
        let connect = EngineConnect {
            supervisor: bench.supervisor.clone(),
        };
        let (shares, warnings) = Shares::spawn(SharesConfig {
            agents: bench.supervisor.agents(),
            snapshots: bench.supervisor.snapshots(),
            engine: Engine::new(connect.clone()),
            folders: folders_below(&base.join("pinnace")),
            home: Some(home.clone()),
            share_home: true,
            hide: Vec::new(),
            look: SharesConfig::LOOK,
        });
        assert_eq!(warnings, [""; 0]);
        let rewrite = CreateRewrite::new(RewriteSettings {
            paths: Some(shares.paths()),
            ..RewriteSettings::default()
        });
        let upstream = EngineUpstream {
            connect,
            on_demand: true,
            shares,
        };
        let source = format!("{}/src", home.display());
        let body = serde_json::json!({ "Image": "x", "HostConfig": { "Binds": [format!("{source}:/src")] } });
        let body = body.to_string().into_bytes();
        let (method, target) = CREATE;
        assert!(rewrite.wants(method, target));
        // As the relay does it.
        let creating = tokio::spawn(async move {
            upstream.ready().await.unwrap();
            let rewritten = rewrite.rewrite(method, target, &body).unwrap();
            serde_json::from_slice::<serde_json::Value>(&rewritten.unwrap_or(body)).unwrap()
        });
        bench.until(|state| *state == MachineState::Running).await;
        bench.until_asked_for_shares().await;
        // It runs and the guest has not said where the share is: nothing goes on that would have to be guessed.
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert!(!creating.is_finished());
        bench.hold_shares(false);
        let created = creating.await.unwrap();
        assert_eq!(
            created["HostConfig"]["Binds"][0],
            "/run/pinnace/shares/home/src:/src"
        );
    }
}
