//! How the engine reaches other networks.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The most bytes of [`NetworkSettings::ca_certificates`].
pub const MAX_CA_BYTES: usize = 192 * 1024;
/// The most bytes of each of the proxies and of the exceptions.
pub const MAX_PROXY_BYTES: usize = 8 * 1024;

/// The host's proxies and certificate authorities, as the engine should use them.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkSettings {
    /// URL of the proxy for `http://`. It may hold a password.
    pub http_proxy: Option<String>,
    /// URL of the proxy for `https://`. It may hold a password.
    pub https_proxy: Option<String>,
    /// What is reached without a proxy: names, addresses and networks, commas between them.
    pub no_proxy: Option<String>,
    /// Certificate authorities that are trusted besides the machine's own: PEM, at most [`MAX_CA_BYTES`].
    pub ca_certificates: Vec<u8>,
}

impl fmt::Debug for NetworkSettings {
    /// Tells what there is, and no password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NetworkSettings")
            .field("http_proxy", &self.http_proxy.is_some())
            .field("https_proxy", &self.https_proxy.is_some())
            .field("no_proxy", &self.no_proxy)
            .field("ca_bytes", &self.ca_certificates.len())
            .finish()
    }
}
