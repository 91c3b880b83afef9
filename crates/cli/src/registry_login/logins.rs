//! What docker's config.json says of registries.
//!
//! Source: `cli/config/configfile/file.go` and `cli/config/credentials/file_store.go` of github.com/docker/cli.

use std::{collections::BTreeMap, fs, io::ErrorKind, path::Path};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use engine_client::{RegistryAuth, RegistryLogin};
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::failure::{Failure, chain};

/// The part of the file that is about registries.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Logins {
    #[serde(rename = "credHelpers")]
    helpers: Option<BTreeMap<String, String>>,
    #[serde(rename = "credsStore")]
    store: Option<String>,
    auths: Option<BTreeMap<String, Login>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "lowercase")]
struct Login {
    /// `user:password` in base64.
    auth: Option<Zeroizing<String>>,
    username: Option<Zeroizing<String>>,
    password: Option<Zeroizing<String>>,
    identitytoken: Option<Zeroizing<String>>,
    registrytoken: Option<Zeroizing<String>>,
}

/// Who keeps the credentials of a registry.
#[derive(Debug, PartialEq, Eq)]
pub enum Keeper<'a> {
    /// The program `docker-credential-NAME`.
    Helper(&'a str),
    /// The file itself.
    File,
}

impl Logins {
    /// Reads the file; no file is no logins.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let failed = |cause: &str| {
            Failure::new(format!("failed to read {}: {cause}", path.display()))
                .hint("repair the file, docker reads it too")
        };
        let bytes = match fs::read(path) {
            Ok(bytes) => Zeroizing::new(bytes),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                return Ok(Self::default());
            }
            Err(error) => return Err(failed(&chain(&error))),
        };
        if bytes.trim_ascii().is_empty() {
            return Ok(Self::default());
        }
        // The parser's own words may repeat what it read.
        serde_json::from_slice(&bytes)
            .map_err(|error| failed(&format!("line {} is not as docker writes it", error.line())))
    }

    /// Who keeps a registry's credentials. A program that is named for this registry comes first, also before none.
    pub fn keeper(&self, key: &str) -> Keeper<'_> {
        let own = self.helpers.as_ref().and_then(|helpers| helpers.get(key));
        match own.or(self.store.as_ref()) {
            Some(name) if !name.is_empty() => Keeper::Helper(name),
            _ => Keeper::File,
        }
    }

    /// What the file itself keeps for a registry, also under a URL as old versions wrote it.
    pub fn kept_in_file(&self, key: &str) -> Result<Option<RegistryAuth>, Failure> {
        let Some(auths) = &self.auths else {
            return Ok(None);
        };
        let of_host = || {
            let mut all = auths.iter();
            all.find(|(name, _)| host(name) == key).map(|(_, login)| login)
        };
        match auths.get(key).or_else(of_host) {
            Some(login) => login.auth(key),
            None => Ok(None),
        }
    }
}

impl Login {
    fn auth(&self, server: &str) -> Result<Option<RegistryAuth>, Failure> {
        let text = |field: &Option<Zeroizing<String>>| field.clone().unwrap_or_default();
        let (mut username, mut password) = (text(&self.username), text(&self.password));
        let (identity, registry) = (text(&self.identitytoken), text(&self.registrytoken));
        if let Some(auth) = self.auth.as_ref().filter(|auth| !auth.is_empty()) {
            let damaged = || {
                Failure::new("what docker's config.json keeps for it is damaged")
                    .hint(format!("run `docker login {server}` again"))
            };
            let bytes = Zeroizing::new(STANDARD.decode(auth.as_bytes()).map_err(|_| damaged())?);
            let pair = str::from_utf8(&bytes).map_err(|_| damaged())?;
            let (user, secret) = pair.split_once(':').ok_or_else(damaged)?;
            username = user.to_owned().into();
            password = secret.trim_matches('\0').to_owned().into();
        }
        let login = RegistryLogin {
            username: &username,
            password: &password,
            server,
            identity_token: &identity,
            registry_token: &registry,
        };
        // A credential store leaves an entry without any content behind.
        let is_empty = [&username, &password, &identity, &registry]
            .iter()
            .all(|text| text.is_empty());
        Ok((!is_empty).then(|| RegistryAuth::new(login)))
    }
}

/// `https://r.example/v1/` as `r.example`.
fn host(name: &str) -> &str {
    let bare = name
        .strip_prefix("https://")
        .or_else(|| name.strip_prefix("http://"))
        .unwrap_or(name);
    bare.split('/').next().unwrap_or(bare)
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::URL_SAFE;

    use super::*;

    fn logins(text: &str) -> Logins {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.json");
        fs::write(&path, text).unwrap();
        Logins::read(&path).unwrap()
    }

    #[test]
    fn keeper_is_the_registrys_own_before_everybodys() {
        let check = |text: &str, key: &str, keeper| assert_eq!(logins(text).keeper(key), keeper, "{text}");
        check("", "r", Keeper::File);
        check("{}", "r", Keeper::File);
        check(
            r#"{"credsStore": "pass", "credHelpers": null}"#,
            "r",
            Keeper::Helper("pass"),
        );
        let both = r#"{"credsStore": "pass", "credHelpers": {"r": "ecr-login", "plain": ""}}"#;
        check(both, "r", Keeper::Helper("ecr-login"));
        check(both, "plain", Keeper::File);
        check(both, "s", Keeper::Helper("pass"));
    }

    #[test]
    fn kept_in_file_each_form_is_read() {
        let check = |text: &str, key: &str, json: &str| {
            let auth = logins(text).kept_in_file(key).unwrap().unwrap();
            let bytes = URL_SAFE.decode(auth.header()).unwrap();
            assert_eq!(String::from_utf8(bytes).unwrap(), json, "{text}");
        };
        // ann:p:w
        check(
            r#"{"auths": {"r:5000": {"auth": "YW5uOnA6dw=="}}}"#,
            "r:5000",
            r#"{"username":"ann","password":"p:w","serveraddress":"r:5000"}"#,
        );
        check(
            r#"{"auths": {"https://r/v1/": {"auth": "YW5uOg==", "identitytoken": "t"}}}"#,
            "r",
            r#"{"username":"ann","serveraddress":"r","identitytoken":"t"}"#,
        );
        check(
            r#"{"auths": {"r": {"username": "ann", "password": "p", "email": "a@b"}}}"#,
            "r",
            r#"{"username":"ann","password":"p","serveraddress":"r"}"#,
        );
        check(
            r#"{"auths": {"r": {"registrytoken": "t"}}}"#,
            "r",
            r#"{"serveraddress":"r","registrytoken":"t"}"#,
        );
    }

    #[test]
    fn kept_in_file_nothing_is_none() {
        for text in [
            "{}",
            r#"{"auths": null}"#,
            r#"{"auths": {"r": {}, "other": {"auth": "YTpi"}}}"#,
        ] {
            assert!(logins(text).kept_in_file("r").unwrap().is_none(), "{text}");
        }
    }

    #[test]
    fn damaged_file_is_an_error_that_tells_nothing_of_it() {
        for auth in ["hunter2!", "aHVudGVyMg=="] {
            let text = format!(r#"{{"auths": {{"r": {{"auth": "{auth}"}}}}}}"#);
            let failure = logins(&text).kept_in_file("r").unwrap_err();
            assert!(!failure.message.contains("hunter2"), "{failure:?}");
            assert_eq!(failure.hint.as_deref(), Some("run `docker login r` again"));
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.json");
        fs::write(&path, "{\"auths\":\n {\"r\": \"hunter2\"}}").unwrap();
        let failure = Logins::read(&path).err().unwrap();
        assert!(
            failure.message.ends_with("line 2 is not as docker writes it"),
            "{failure:?}"
        );
    }
}
