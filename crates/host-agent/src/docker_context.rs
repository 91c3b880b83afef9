//! The docker context `pinnace`: how the stock docker CLI finds the engine. Written at start, never made current.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use platform::LocalAddress;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

/// The context's name.
pub const NAME: &str = "pinnace";
/// Marks a context as ours.
const DESCRIPTION: &str = "Pinnace";

/// What came of writing the context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written {
    /// It is there and points to our endpoint.
    Ours,
    /// A context of that name points elsewhere and was left alone.
    Foreign {
        /// Where it points.
        endpoint: String,
    },
}

/// Docker's configuration folder: `DOCKER_CONFIG`, else `.docker` in the home folder.
pub fn docker_config(chosen: Option<PathBuf>, home: Option<PathBuf>) -> Option<PathBuf> {
    chosen
        .filter(|path| !path.as_os_str().is_empty())
        .or_else(|| home.map(|home| home.join(".docker")))
}

/// Where the context's file is.
pub fn meta_file(docker_config: &Path) -> PathBuf {
    let id = hex::encode(Sha256::digest(NAME));
    docker_config
        .join("contexts")
        .join("meta")
        .join(id)
        .join("meta.json")
}

/// Writes the context unless one that is not ours is there. Keys that we do not know are kept.
pub fn write(docker_config: &Path, endpoint: &LocalAddress) -> io::Result<Written> {
    let path = meta_file(docker_config);
    let host = endpoint.to_string();
    let before = match fs::read(&path) {
        Ok(bytes) => serde_json::from_slice::<Value>(&bytes).ok(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    if let Some(present) = &before {
        let present_host = present["Endpoints"]["docker"]["Host"]
            .as_str()
            .unwrap_or_default();
        if present_host == host {
            return Ok(Written::Ours);
        }
        if present["Metadata"]["Description"] != DESCRIPTION {
            return Ok(Written::Foreign {
                endpoint: present_host.to_owned(),
            });
        }
    }
    let mut meta = match before {
        Some(Value::Object(meta)) => meta,
        _ => Map::new(),
    };
    meta.insert("Name".to_owned(), json!(NAME));
    meta.insert("Metadata".to_owned(), json!({ "Description": DESCRIPTION }));
    meta.insert(
        "Endpoints".to_owned(),
        json!({ "docker": { "Host": host, "SkipTLSVerify": false } }),
    );
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    platform::write_atomically(&path, Value::Object(meta).to_string().as_bytes(), true)?;
    Ok(Written::Ours)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(path: &str) -> LocalAddress {
        LocalAddress::unix(path)
    }

    fn host(folder: &Path) -> String {
        let meta: Value = serde_json::from_slice(&fs::read(meta_file(folder)).unwrap()).unwrap();
        assert_eq!(meta["Name"], "pinnace");
        meta["Endpoints"]["docker"]["Host"].as_str().unwrap().to_owned()
    }

    #[test]
    fn context_absent_is_written_and_ours_is_updated() {
        let folder = tempfile::tempdir().unwrap();
        for path in ["/run/a.sock", "/run/b.sock", "/run/b.sock"] {
            assert_eq!(write(folder.path(), &address(path)).unwrap(), Written::Ours);
            assert_eq!(host(folder.path()), format!("unix://{path}"));
        }
        assert!(!folder.path().join("config.json").exists());
    }

    #[test]
    fn context_of_somebody_else_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = meta_file(folder.path());
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let foreign = r#"{"Name":"pinnace","Metadata":{},"Endpoints":{"docker":{"Host":"ssh://elsewhere"}}}"#;
        fs::write(&path, foreign).unwrap();
        let written = write(folder.path(), &address("/run/a.sock")).unwrap();
        assert_eq!(
            written,
            Written::Foreign {
                endpoint: "ssh://elsewhere".to_owned()
            }
        );
        assert_eq!(fs::read_to_string(&path).unwrap(), foreign);
    }

    #[test]
    fn context_file_is_where_docker_looks() {
        let path = meta_file(Path::new("/d"));
        let id = path.parent().unwrap().file_name().unwrap().to_str().unwrap();
        assert_eq!(id.len(), 64);
        assert!(path.starts_with("/d/contexts/meta"));
    }
}
