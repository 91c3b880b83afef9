//! The table `[network]`.

use std::path::PathBuf;

use api::ApiError;
use serde::Deserialize;
use toml::Spanned;

use super::place::Place;
use crate::network::{NetworkChoice, Proxies, ProxyChoice, check_proxy};

const MOST_FILES: usize = 64;

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct NetworkTable {
    proxy: Option<Spanned<toml::Value>>,
    ca_certificates: Vec<Spanned<String>>,
}

impl NetworkTable {
    /// No error names a proxy's URL, which may hold a password.
    pub(super) fn check(self, place: &Place<'_>) -> Result<NetworkChoice, ApiError> {
        Ok(NetworkChoice {
            proxy: match self.proxy {
                None => ProxyChoice::System,
                Some(value) => {
                    let wrong = |message: String| place.error(Some(value.span()), &message);
                    proxy(value.get_ref()).map_err(wrong)?
                }
            },
            ca_certificates: files(place, self.ca_certificates)?,
        })
    }
}

fn proxy(value: &toml::Value) -> Result<ProxyChoice, String> {
    let table = match value {
        toml::Value::String(word) if word == "system" => return Ok(ProxyChoice::System),
        toml::Value::String(word) if word == "none" => return Ok(ProxyChoice::None),
        toml::Value::Table(table) => table,
        _ => {
            let forms = "`\"system\"`, `\"none\"`, or `{ http = \"…\", https = \"…\", no_proxy = \"…\" }`";
            return Err(format!("`proxy` must be {forms}"));
        }
    };
    let mut proxies = Proxies::default();
    for (key, value) in table {
        let text = value.as_str().ok_or(format!("`proxy.{key}` must be a text"))?;
        let kept = match key.as_str() {
            "http" => &mut proxies.http,
            "https" => &mut proxies.https,
            "no_proxy" => &mut proxies.no_proxy,
            _ => {
                return Err(format!(
                    "`proxy` knows `http`, `https` and `no_proxy`, and no `{key}`"
                ));
            }
        };
        if key != "no_proxy" {
            check_proxy(text).map_err(|why| format!("`proxy.{key}` is no proxy: {why}"))?;
        }
        *kept = Some(text.to_owned());
    }
    Ok(ProxyChoice::These(proxies))
}

fn files(place: &Place<'_>, files: Vec<Spanned<String>>) -> Result<Vec<PathBuf>, ApiError> {
    if let Some(beyond) = files.get(MOST_FILES) {
        let message = format!("`ca_certificates` has more than {MOST_FILES} files");
        return Err(place.error(Some(beyond.span()), &message));
    }
    let check = |file: Spanned<String>| {
        let path = PathBuf::from(file.get_ref());
        if path.is_absolute() {
            return Ok(path);
        }
        let message = format!(
            "`ca_certificates` has `{}`, which is no whole path of a file",
            file.get_ref().escape_debug()
        );
        Err(place.error(Some(file.span()), &message))
    };
    files.into_iter().map(check).collect()
}
