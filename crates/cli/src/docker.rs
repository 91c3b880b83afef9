//! The docker CLI's own configuration: which endpoint a plain `docker` uses, and our context in it.
//!
//! The order is the one of docker's source (`resolveContextName`): `--context`, `--host`, `DOCKER_HOST`,
//! `DOCKER_CONTEXT`, `currentContext` in config.json, the default. Its documentation has the two variables the other
//! way round.

use std::{
    env, fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use crate::failure::{Failure, chain};

/// The name of the context that the host agent writes.
pub const OUR_CONTEXT: &str = "pinnace";

/// What decides which engine a plain `docker` talks to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// The variable `DOCKER_HOST`, with its value.
    HostVariable(String),
    /// The variable `DOCKER_CONTEXT`, with a context's name.
    ContextVariable(String),
    /// `currentContext` in config.json, with a context's name.
    CurrentContext(String),
    /// Nothing: the engine at the usual place.
    Default,
}

impl Selection {
    fn decide(docker_host: Option<String>, docker_context: Option<String>, current: Option<String>) -> Self {
        let set = |value: Option<String>| value.filter(|value| !value.is_empty());
        let selection = set(docker_host).map(Self::HostVariable);
        let selection = selection.or_else(|| set(docker_context).map(Self::ContextVariable));
        match selection.or_else(|| set(current).map(Self::CurrentContext)) {
            Some(Self::ContextVariable(name) | Self::CurrentContext(name)) if name == "default" => {
                Self::Default
            }
            Some(selection) => selection,
            None => Self::Default,
        }
    }

    /// What decides, in words.
    pub fn described(&self) -> String {
        match self {
            Self::HostVariable(host) => format!("DOCKER_HOST is {host}"),
            Self::ContextVariable(name) => format!("DOCKER_CONTEXT is {name}"),
            Self::CurrentContext(name) => format!("the current context is {name}"),
            Self::Default => "the context is default".to_owned(),
        }
    }
}

/// The docker CLI's configuration folder.
pub struct DockerConfig {
    folder: PathBuf,
}

impl DockerConfig {
    /// `DOCKER_CONFIG`, or `.docker` in the home folder.
    pub fn find() -> Result<Self, Failure> {
        if let Some(folder) = env::var_os("DOCKER_CONFIG").filter(|value| !value.is_empty()) {
            return Ok(Self {
                folder: folder.into(),
            });
        }
        let home = env::home_dir().ok_or_else(|| Failure::new("this user has no home folder"))?;
        Ok(Self {
            folder: home.join(".docker"),
        })
    }

    /// What a plain `docker` in this environment uses.
    pub fn selection(&self) -> Result<Selection, Failure> {
        let current = self
            .settings()?
            .get("currentContext")
            .and_then(Value::as_str)
            .map(str::to_owned);
        Ok(Selection::decide(
            env::var("DOCKER_HOST").ok(),
            env::var("DOCKER_CONTEXT").ok(),
            current,
        ))
    }

    /// The endpoint that a selection means; `None` for the default and for a context that is not there.
    pub fn endpoint(&self, selection: &Selection) -> Result<Option<String>, Failure> {
        match selection {
            Selection::HostVariable(host) => Ok(Some(host.clone())),
            Selection::ContextVariable(name) | Selection::CurrentContext(name) => self.context_endpoint(name),
            Selection::Default => Ok(None),
        }
    }

    /// The endpoint of a context; `None` when there is no such context.
    pub fn context_endpoint(&self, name: &str) -> Result<Option<String>, Failure> {
        let hash = hex::encode(Sha256::digest(name));
        let path = self
            .folder
            .join("contexts")
            .join("meta")
            .join(hash)
            .join("meta.json");
        let host = |meta: &Value| {
            meta.pointer("/Endpoints/docker/Host")
                .and_then(Value::as_str)
                .map(str::to_owned)
        };
        Ok(read_json(&path)?.as_ref().and_then(host))
    }

    /// Makes a context the current one and returns the name of the one before. Everything else in config.json stays.
    pub fn make_current(&self, name: &str) -> Result<String, Failure> {
        let mut settings = self.settings()?;
        let before = settings.insert("currentContext".to_owned(), name.into());
        let path = self.settings_path();
        // Through a link, as of a collection of dotfiles, and not in its place.
        let target = fs::canonicalize(&path).unwrap_or_else(|_| path.clone());
        let failed = |error: &dyn std::error::Error| {
            Failure::caused(format!("failed to write {}", path.display()), error)
        };
        let mut text = serde_json::to_string_pretty(&settings).map_err(|error| failed(&error))?;
        text.push('\n');
        platform::write_atomically(&target, text.as_bytes(), true).map_err(|error| failed(&error))?;
        let before = before
            .as_ref()
            .and_then(Value::as_str)
            .filter(|name| !name.is_empty());
        Ok(before.unwrap_or("default").to_owned())
    }

    /// Its file of settings, which may not be there.
    pub fn settings_path(&self) -> PathBuf {
        self.folder.join("config.json")
    }

    fn settings(&self) -> Result<Map<String, Value>, Failure> {
        let path = self.settings_path();
        match read_json(&path)? {
            None => Ok(Map::new()),
            Some(Value::Object(settings)) => Ok(settings),
            Some(_) => Err(Failure::new(format!(
                "failed to read {}: it holds no object",
                path.display()
            ))),
        }
    }
}

/// Reads a JSON file; `None` when there is none.
fn read_json(path: &Path) -> Result<Option<Value>, Failure> {
    let failed = |cause: String| {
        Failure::new(format!("failed to read {}: {cause}", path.display()))
            .hint("repair the file, docker reads it too")
    };
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(failed(chain(&error))),
    };
    // Docker takes an empty file for no settings.
    if bytes.is_empty() {
        return Ok(None);
    }
    serde_json::from_slice(&bytes)
        .map(Some)
        .map_err(|error| failed(chain(&error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> (tempfile::TempDir, DockerConfig) {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("config.json"), text).unwrap();
        let config = DockerConfig {
            folder: folder.path().to_path_buf(),
        };
        (folder, config)
    }

    #[test]
    fn decide_order_is_dockers_own() {
        let check = |host: &str, context: &str, current: &str, want: Selection| {
            let some = |text: &str| Some(text.to_owned());
            assert_eq!(Selection::decide(some(host), some(context), some(current)), want);
        };
        check("h", "c", "x", Selection::HostVariable("h".to_owned()));
        check("", "c", "x", Selection::ContextVariable("c".to_owned()));
        check("", "", "x", Selection::CurrentContext("x".to_owned()));
        check("", "default", "x", Selection::Default);
        check("", "", "", Selection::Default);
    }

    #[test]
    fn context_endpoint_is_found_by_the_hash_of_the_name() {
        let (folder, config) = config("{}");
        assert_eq!(config.context_endpoint("pinnace"), Ok(None));
        // What `docker context create pinnace` makes: the folder is the sha256 of the name.
        let hash = hex::encode(Sha256::digest("pinnace"));
        let meta = folder.path().join("contexts/meta").join(hash);
        fs::create_dir_all(&meta).unwrap();
        let text = r#"{"Name":"pinnace","Endpoints":{"docker":{"Host":"unix:///x","SkipTLSVerify":false}}}"#;
        fs::write(meta.join("meta.json"), text).unwrap();
        assert_eq!(
            config.context_endpoint("pinnace"),
            Ok(Some("unix:///x".to_owned()))
        );
    }

    #[test]
    fn make_current_keeps_everything_else() {
        let (folder, config) = config(r#"{"credsStore":"x","new":{"deep":[1]},"currentContext":"old"}"#);
        assert_eq!(config.make_current("pinnace"), Ok("old".to_owned()));
        let text = fs::read_to_string(folder.path().join("config.json")).unwrap();
        let settings: Value = serde_json::from_str(&text).unwrap();
        let want = serde_json::json!({"credsStore": "x", "new": {"deep": [1]}, "currentContext": "pinnace"});
        assert_eq!(settings, want);
    }

    #[test]
    fn make_current_damaged_file_is_left_alone() {
        let (folder, config) = config("{\"credsStore\":");
        assert!(config.make_current("pinnace").is_err());
        assert_eq!(
            fs::read_to_string(folder.path().join("config.json")).unwrap(),
            "{\"credsStore\":"
        );
    }
}
