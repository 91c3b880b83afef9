//! `--mount type=bind,source=/srv,target=/srv,readonly`.
//!
//! Source: `opts/mount.go` of github.com/docker/cli.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::{fields::split_fields, quantities::parse_memory, volume::below};

const KINDS: [&str; 5] = ["bind", "volume", "tmpfs", "image", "cluster"];

/// Reads one value of `--mount` into the engine's form. A source that begins with a dot is a folder below `current`.
pub fn parse_mount(text: &str, current: &Path) -> Result<Value, String> {
    let mut mount = Mount {
        kind: "volume".to_owned(),
        ..Mount::default()
    };
    for field in split_fields(text)? {
        let (key, value) = match field.split_once('=') {
            Some((key, value)) => (key, Some(value)),
            None => (field.as_str(), None),
        };
        mount.set(&key.to_ascii_lowercase(), value, current)?;
    }
    mount.finish()
}

#[derive(Default)]
struct Mount {
    kind: String,
    source: String,
    target: String,
    read_only: bool,
    consistency: Option<String>,
    bind: Map<String, Value>,
    volume: Map<String, Value>,
    driver: Map<String, Value>,
    tmpfs: Map<String, Value>,
    image: Map<String, Value>,
}

impl Mount {
    fn set(&mut self, key: &str, value: Option<&str>, current: &Path) -> Result<(), String> {
        // Only these mean something without a value.
        let flag = || match value {
            None => Ok(true),
            Some(value) => truth(key, value),
        };
        let text = || {
            let value = value.ok_or_else(|| format!("{key:?} must have a value: {key}=…"))?;
            Ok::<_, String>(value.to_owned())
        };
        match key {
            "type" => self.kind = text()?.to_ascii_lowercase(),
            "source" | "src" => {
                let source = text()?;
                self.source = if source.starts_with('.') {
                    below(current, &source)?
                } else {
                    source
                };
            }
            "target" | "dst" | "destination" => self.target = text()?,
            "readonly" | "ro" => self.read_only = flag()?,
            "consistency" => self.consistency = Some(text()?.to_ascii_lowercase()),
            "bind-propagation" => insert(&mut self.bind, "Propagation", text()?.to_ascii_lowercase()),
            "bind-nonrecursive" => insert(&mut self.bind, "NonRecursive", flag()?),
            "bind-recursive" => match text()?.as_str() {
                "enabled" => {}
                "disabled" => insert(&mut self.bind, "NonRecursive", true),
                "writable" => insert(&mut self.bind, "ReadOnlyNonRecursive", true),
                "readonly" => insert(&mut self.bind, "ReadOnlyForceRecursive", true),
                other => {
                    return Err(format!(
                        "unknown bind-recursive {other:?}, use enabled, disabled, writable or readonly"
                    ));
                }
            },
            "volume-subpath" => insert(&mut self.volume, "Subpath", text()?),
            "volume-nocopy" => insert(&mut self.volume, "NoCopy", flag()?),
            "volume-label" => add(&mut self.volume, "Labels", &text()?),
            "volume-driver" => insert(&mut self.driver, "Name", text()?),
            "volume-opt" => add(&mut self.driver, "Options", &text()?),
            "image-subpath" => insert(&mut self.image, "Subpath", text()?),
            "tmpfs-size" => insert(&mut self.tmpfs, "SizeBytes", parse_memory(&text()?)?),
            "tmpfs-mode" => {
                let text = text()?;
                let mode = u32::from_str_radix(&text, 8)
                    .map_err(|_| format!("tmpfs-mode {text:?} is no mode, use one as in 1777"))?;
                insert(&mut self.tmpfs, "Mode", mode);
            }
            _ => return Err(format!("unknown key {key:?}")),
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Value, String> {
        if !KINDS.contains(&self.kind.as_str()) {
            return Err(format!(
                "unknown type {:?}, use bind, volume, tmpfs or image",
                self.kind
            ));
        }
        if self.target.is_empty() {
            return Err("the target is missing: target=PATH".to_owned());
        }
        if self.kind == "bind" && self.source.is_empty() {
            return Err("the source is missing: source=FOLDER".to_owned());
        }
        if !self.driver.is_empty() {
            self.volume
                .insert("DriverConfig".to_owned(), Value::Object(self.driver));
        }
        let mut mount = Map::new();
        insert(&mut mount, "Type", self.kind.clone());
        insert(&mut mount, "Target", self.target);
        if !self.source.is_empty() {
            insert(&mut mount, "Source", self.source);
        }
        if self.read_only {
            insert(&mut mount, "ReadOnly", true);
        }
        if let Some(consistency) = self.consistency {
            insert(&mut mount, "Consistency", consistency);
        }
        for (kind, key, options) in [
            ("bind", "BindOptions", self.bind),
            ("volume", "VolumeOptions", self.volume),
            ("tmpfs", "TmpfsOptions", self.tmpfs),
            ("image", "ImageOptions", self.image),
        ] {
            if options.is_empty() {
                continue;
            }
            if kind != self.kind {
                return Err(format!("options {kind}-… do not suit the type {}", self.kind));
            }
            insert(&mut mount, key, options);
        }
        Ok(Value::Object(mount))
    }
}

fn insert(map: &mut Map<String, Value>, key: &str, value: impl Into<Value>) {
    map.insert(key.to_owned(), value.into());
}

/// Adds `NAME[=VALUE]` to a map in a map.
fn add(map: &mut Map<String, Value>, key: &str, pair: &str) {
    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
    let inner = map.entry(key).or_insert_with(|| json!({}));
    if let Some(inner) = inner.as_object_mut() {
        insert(inner, name, value);
    }
}

/// As `strconv.ParseBool` of Go's library reads it.
fn truth(key: &str, text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err(format!("{key} is true or false, not {text:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Value, String> {
        parse_mount(text, Path::new("/home/ann/site"))
    }

    #[test]
    fn parse_mount_each_form_is_read() {
        let check = |text: &str, wanted: Value| assert_eq!(read(text), Ok(wanted), "{text}");
        check(
            "type=bind,source=/srv,target=/s,readonly",
            json!({"Type": "bind", "Source": "/srv", "Target": "/s", "ReadOnly": true}),
        );
        check(
            "type=BIND,src=./a,dst=/s,ro=false,bind-propagation=rslave,bind-recursive=disabled",
            json!({"Type": "bind", "Source": "/home/ann/site/a", "Target": "/s",
                   "BindOptions": {"Propagation": "rslave", "NonRecursive": true}}),
        );
        check("destination=/d", json!({"Type": "volume", "Target": "/d"}));
        for (source, wanted) in [
            (".", "/home/ann/site"),
            ("..", "/home/ann"),
            ("../b", "/home/ann/b"),
            (".cache", "/home/ann/site/.cache"),
        ] {
            check(
                &format!("type=bind,src={source},dst=/s"),
                json!({"Type": "bind", "Source": wanted, "Target": "/s"}),
            );
        }
        check(
            r#"src=v,dst=/d,volume-nocopy,volume-driver=local,volume-opt=type=nfs,"volume-opt=o=addr=1,rw",volume-label=a=b"#,
            json!({"Type": "volume", "Source": "v", "Target": "/d", "VolumeOptions": {
                "NoCopy": true, "Labels": {"a": "b"},
                "DriverConfig": {"Name": "local", "Options": {"type": "nfs", "o": "addr=1,rw"}},
            }}),
        );
        check(
            "type=tmpfs,target=/t,tmpfs-size=1m,tmpfs-mode=1777",
            json!({"Type": "tmpfs", "Target": "/t", "TmpfsOptions": {"SizeBytes": 1 << 20, "Mode": 0o1777}}),
        );
        check(
            "type=image,source=x,target=/i,image-subpath=bin",
            json!({"Type": "image", "Source": "x", "Target": "/i", "ImageOptions": {"Subpath": "bin"}}),
        );
    }

    #[test]
    fn parse_mount_nonsense_is_refused() {
        for text in [
            "",
            "type=bind,source=/a",
            "type=bind,target=/a",
            "type=floppy,target=/a",
            "target",
            "target=/a,readonly=maybe",
            "target=/a,colour=red",
            "type=bind,source=/a,target=/b,volume-nocopy",
            "type=tmpfs,target=/t,tmpfs-size=big",
            "type=tmpfs,target=/t,tmpfs-mode=9",
            "type=bind,source=/a,target=/b,bind-recursive=x",
            r#"target="/a"#,
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
