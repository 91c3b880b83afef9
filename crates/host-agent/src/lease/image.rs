//! Has the image there before a container is made of it.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use api::{PullPolicy, SessionEvent};
use engine_client::{Engine, EngineError, ImageDetails, PullStep, Reference, ReferenceError, RegistryAuth};

use super::client::Teller;

/// Between two tellings of how far a pull is.
const TELL_EVERY: Duration = Duration::from_millis(200);

/// How a container's image is found.
#[derive(Clone, Copy)]
pub struct Image<'a> {
    /// As its user named it.
    pub name: &'a str,
    /// Its platform, where one was chosen.
    pub platform: Option<&'a str>,
    /// What its registry is shown.
    pub auth: Option<&'a RegistryAuth>,
}

/// Why there is no image.
#[derive(Debug)]
pub enum ImageError {
    /// The engine could not be asked.
    Look(EngineError),
    /// It could not be pulled from the registry.
    Pull {
        /// As [`Reference::registry`].
        registry: String,
        /// Why.
        source: EngineError,
    },
    /// The name is none that can be pulled.
    Name(ReferenceError),
}

/// Looks at the image and pulls it as `policy` says. `None` where it is not there and is not to be pulled: making the
/// container says so in the engine's own words.
pub async fn ensure(
    engine: &Engine,
    image: Image<'_>,
    policy: PullPolicy,
    teller: &Teller,
) -> Result<Option<ImageDetails>, ImageError> {
    if policy != PullPolicy::Always {
        match engine.image(image.name).await {
            Ok(details) => return Ok(Some(details)),
            Err(error) if error.is_not_found() && policy == PullPolicy::Never => return Ok(None),
            Err(error) if error.is_not_found() => {}
            Err(error) => return Err(ImageError::Look(error)),
        }
    }
    pull(engine, image, teller).await?;
    engine.image(image.name).await.map(Some).map_err(ImageError::Look)
}

/// Pulls an image, telling how far it is.
pub async fn pull(engine: &Engine, image: Image<'_>, teller: &Teller) -> Result<(), ImageError> {
    let reference: Reference = image.name.parse().map_err(ImageError::Name)?;
    follow(engine, image, &reference, teller)
        .await
        .map_err(|source| ImageError::Pull {
            registry: reference.registry().to_owned(),
            source,
        })
}

async fn follow(
    engine: &Engine,
    image: Image<'_>,
    reference: &Reference,
    teller: &Teller,
) -> Result<(), EngineError> {
    let mut steps = engine.pull(reference, image.platform, image.auth).await?;
    let mut progress = Progress::default();
    let mut told: Option<Instant> = None;
    while let Some(step) = steps.next().await? {
        if let Some(message) = step.error {
            return Err(EngineError::Refused { status: 500, message });
        }
        progress.add(&step);
        if told.is_none_or(|told| told.elapsed() >= TELL_EVERY) {
            told = Some(Instant::now());
            teller.tell(progress.event(image.name));
        }
    }
    teller.tell(SessionEvent::Pulled {
        image: image.name.to_owned(),
    });
    Ok(())
}

/// How far a pull is, of all layers together.
#[derive(Debug, Default)]
struct Progress {
    layers: BTreeMap<String, Layer>,
}

#[derive(Debug, Default)]
struct Layer {
    bytes: u64,
    total_bytes: u64,
    done: bool,
}

/// Layers that are kept count of. The engine's answer is as long as it likes.
const MAX_LAYERS: usize = 1024;

impl Progress {
    /// The words are those of the engine's `pull` since Docker 1.x; another engine's only make the numbers coarser.
    fn add(&mut self, step: &PullStep) {
        let (Some(id), Some(status)) = (&step.id, &step.status) else {
            return;
        };
        let of_layer = matches!(
            status.as_str(),
            "Pulling fs layer"
                | "Waiting"
                | "Downloading"
                | "Verifying Checksum"
                | "Download complete"
                | "Extracting"
                | "Pull complete"
                | "Already exists"
        );
        if !of_layer || self.layers.len() >= MAX_LAYERS && !self.layers.contains_key(id) {
            return;
        }
        let layer = self.layers.entry(id.clone()).or_default();
        match (status.as_str(), step.progress) {
            ("Downloading", Some(progress)) => {
                layer.bytes = progress.current.unwrap_or(layer.bytes);
                layer.total_bytes = progress.total.unwrap_or(layer.total_bytes);
            }
            ("Download complete", _) => layer.bytes = layer.total_bytes,
            ("Pull complete" | "Already exists", _) => layer.done = true,
            _ => {}
        }
    }

    fn event(&self, image: &str) -> SessionEvent {
        let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let sum = |bytes: fn(&Layer) -> u64| self.layers.values().map(bytes).fold(0, u64::saturating_add);
        SessionEvent::Pulling {
            image: image.to_owned(),
            layers_done: count(self.layers.values().filter(|layer| layer.done).count()),
            layers: count(self.layers.len()),
            bytes: sum(|layer| layer.bytes),
            total_bytes: sum(|layer| layer.total_bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use engine_client::PullProgress;

    use super::*;

    #[test]
    fn progress_sums_all_layers() {
        let mut progress = Progress::default();
        let mut add = |id: &str, status: &str, bytes: Option<(u64, u64)>| {
            progress.add(&PullStep {
                id: Some(id.to_owned()),
                status: Some(status.to_owned()),
                progress: bytes.map(|(current, total)| PullProgress {
                    current: Some(current),
                    total: Some(total),
                }),
                error: None,
            });
        };
        add("latest", "Pulling from library/x", None);
        add("a", "Pulling fs layer", None);
        add("b", "Already exists", None);
        add("a", "Downloading", Some((10, 100)));
        add("c", "Downloading", Some((5, 7)));
        add("c", "Download complete", None);
        assert_eq!(
            progress.event("x"),
            SessionEvent::Pulling {
                image: "x".to_owned(),
                layers_done: 1,
                layers: 3,
                bytes: 17,
                total_bytes: 107,
            }
        );
    }
}
