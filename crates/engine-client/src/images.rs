//! Calls about images.

use hyper::Method;
use serde::Deserialize;

use crate::{
    Engine, EngineError, ImageDetails, ImageSummary, JsonLines, Reference, RegistryAuth, encode_query,
    encode_segment,
};

/// One step of a pull, as it happens.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct PullStep {
    /// The layer, or the tag.
    pub id: Option<String>,
    /// What is done with it.
    pub status: Option<String>,
    /// How far it is.
    #[serde(rename = "progressDetail")]
    pub progress: Option<PullProgress>,
    /// Why the pull failed; the last step then.
    pub error: Option<String>,
}

/// How far a layer is, in bytes.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub struct PullProgress {
    /// Bytes so far.
    pub current: Option<u64>,
    /// Bytes in all.
    pub total: Option<u64>,
}

impl Engine {
    /// Lists images.
    pub async fn images(&self, all: bool) -> Result<Vec<ImageSummary>, EngineError> {
        let path = format!("/images/json{}", encode_query([("all", all.to_string())]));
        self.json(Method::GET, &path, None::<&()>).await
    }

    /// Looks at one image, by id or name.
    pub async fn image(&self, image: &str) -> Result<ImageDetails, EngineError> {
        let path = format!("/images/{}/json", encode_segment(image));
        self.json(Method::GET, &path, None::<&()>).await
    }

    /// Looks at everything the engine says of one image.
    pub async fn whole_image(&self, image: &str) -> Result<serde_json::Value, EngineError> {
        let path = format!("/images/{}/json", encode_segment(image));
        self.json(Method::GET, &path, None::<&()>).await
    }

    /// Pulls an image, showing the registry `auth` where there is one.
    pub async fn pull(
        &self,
        image: &Reference,
        platform: Option<&str>,
        auth: Option<&RegistryAuth>,
    ) -> Result<JsonLines<PullStep>, EngineError> {
        let mut pairs = vec![("fromImage", image.name.clone()), ("tag", image.version.clone())];
        pairs.extend(platform.map(|platform| ("platform", platform.to_owned())));
        let path = format!("/images/create{}", encode_query(pairs));
        let header = auth.map(|auth| ("x-registry-auth", auth.header().to_owned()));
        let headers = header.into_iter().collect();
        self.lines(Method::POST, &path, headers).await
    }
}
