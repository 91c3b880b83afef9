//! What the engine shows a registry that asks who pulls.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE};
use serde::Serialize;
use zeroize::Zeroizing;

/// A user's credentials for one registry, as the value of the header `X-Registry-Auth`. Wiped from memory when dropped;
/// [`Debug`](fmt::Debug) tells nothing of them.
///
/// Source: `EncodeAuthConfig` in `api/types/registry/authconfig.go` of github.com/moby/moby.
#[derive(Clone)]
pub struct RegistryAuth {
    header: Zeroizing<String>,
}

/// What a registry is shown. Texts that are empty are left out.
#[derive(Clone, Copy, Default, Serialize)]
pub struct RegistryLogin<'a> {
    /// The user.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub username: &'a str,
    /// The user's password.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub password: &'a str,
    /// The registry, as docker's configuration names it.
    #[serde(rename = "serveraddress", skip_serializing_if = "str::is_empty")]
    pub server: &'a str,
    /// What the registry's token server takes instead of a password.
    #[serde(rename = "identitytoken", skip_serializing_if = "str::is_empty")]
    pub identity_token: &'a str,
    /// What the registry itself takes.
    #[serde(rename = "registrytoken", skip_serializing_if = "str::is_empty")]
    pub registry_token: &'a str,
}

impl RegistryAuth {
    /// The header that says this.
    pub fn new(login: RegistryLogin<'_>) -> Self {
        // Texts always serialise.
        let json = Zeroizing::new(serde_json::to_vec(&login).unwrap_or_default());
        Self::from_header(Zeroizing::new(URL_SAFE.encode(&*json)))
    }

    /// A header that was made elsewhere. The engine ignores what it does not understand.
    pub fn from_header(header: Zeroizing<String>) -> Self {
        Self { header }
    }

    /// The header's value.
    pub fn header(&self) -> &str {
        &self.header
    }
}

impl fmt::Debug for RegistryAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RegistryAuth(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_is_base64_of_what_there_is() {
        let auth = RegistryAuth::new(RegistryLogin {
            username: "ann",
            password: "p?>w",
            server: "r.example:5000",
            ..RegistryLogin::default()
        });
        let json = URL_SAFE.decode(auth.header()).unwrap();
        assert_eq!(
            String::from_utf8(json).unwrap(),
            r#"{"username":"ann","password":"p?>w","serveraddress":"r.example:5000"}"#
        );
        assert!(!auth.header().contains(['+', '/']), "{}", auth.header());
    }

    #[test]
    fn debug_tells_nothing() {
        let auth = RegistryAuth::new(RegistryLogin {
            identity_token: "secret",
            ..RegistryLogin::default()
        });
        assert_eq!(format!("{auth:?}"), "RegistryAuth(..)");
    }
}
