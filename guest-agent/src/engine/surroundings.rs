//! What the host's network asks of dockerd: proxies, and certificate authorities. In its environment only, as a proxy's URL
//! may hold a password; read at each of its starts.

use std::{
    fs,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::{Context, ensure};
use protocol::{MAX_CA_BYTES, MAX_PROXY_BYTES, NetworkSettings};
use tokio::process::Command;

/// What the VM image trusts.
const IMAGE_BUNDLE: &str = "/etc/ssl/certs/ca-certificates.crt";

/// What was set last. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Surroundings(Arc<Mutex<NetworkSettings>>);

impl Surroundings {
    /// Sets everything anew, from dockerd's next start on. What no environment could hold is refused.
    pub fn set(&self, network: NetworkSettings) -> anyhow::Result<()> {
        let texts = [
            ("proxy for http", &network.http_proxy),
            ("proxy for https", &network.https_proxy),
            ("list of exceptions", &network.no_proxy),
        ];
        for (what, text) in texts {
            let Some(text) = text else { continue };
            ensure!(text.len() <= MAX_PROXY_BYTES, "the {what} is too long");
            ensure!(
                !text.contains(char::is_control),
                "the {what} has control characters"
            );
        }
        let bytes = network.ca_certificates.len();
        ensure!(
            bytes <= MAX_CA_BYTES,
            "the certificates have {bytes} bytes, more than {MAX_CA_BYTES}"
        );
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = network;
        Ok(())
    }

    /// Puts it into the environment of a command, and what is trusted into the file `bundle`.
    pub fn tell(&self, command: &mut Command, bundle: &Path) -> anyhow::Result<()> {
        let network = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        // Go looks for the capitals first; what BuildKit runs, such as git, may know only the others.
        let variables = [
            (["HTTP_PROXY", "http_proxy"], network.http_proxy),
            (["HTTPS_PROXY", "https_proxy"], network.https_proxy),
            (["NO_PROXY", "no_proxy"], network.no_proxy),
        ];
        for (names, value) in variables {
            let Some(value) = value else { continue };
            for name in names {
                command.env(name, &value);
            }
        }
        if network.ca_certificates.is_empty() {
            return Ok(());
        }
        // An image without any still leaves those of the host.
        let mut trusted = fs::read(IMAGE_BUNDLE).unwrap_or_default();
        trusted.push(b'\n');
        trusted.extend_from_slice(&network.ca_certificates);
        let new = bundle.with_extension("new");
        fs::write(&new, trusted)
            .and_then(|()| fs::rename(&new, bundle))
            .with_context(|| format!("failed to write {}", bundle.display()))?;
        command.env("SSL_CERT_FILE", bundle);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn set_of_what_no_environment_holds_is_refused_and_changes_nothing() {
        let surroundings = Surroundings::default();
        let good = NetworkSettings {
            no_proxy: Some("localhost".to_owned()),
            ..NetworkSettings::default()
        };
        surroundings.set(good.clone()).unwrap();
        let with_proxy = |proxy: String| NetworkSettings {
            http_proxy: Some(proxy),
            ..NetworkSettings::default()
        };
        let bad = [
            with_proxy("http://a\0b".to_owned()),
            with_proxy("http://a\nb".to_owned()),
            with_proxy("x".repeat(MAX_PROXY_BYTES + 1)),
            NetworkSettings {
                ca_certificates: vec![b'x'; MAX_CA_BYTES + 1],
                ..NetworkSettings::default()
            },
        ];
        for network in bad {
            let error = surroundings.set(network).unwrap_err();
            assert!(!error.to_string().contains("http://"), "{error}");
        }
        assert_eq!(*surroundings.0.lock().unwrap(), good);
    }
}
