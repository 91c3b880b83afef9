//! `--device DEVICE[:PATH[:PERMISSIONS]]`, or `--device VENDOR/CLASS=NAME` of the Container Device Interface.
//!
//! Source: `parseLinuxDevice` in `cli/command/container/opts.go` of github.com/docker/cli.

use serde::Serialize;

use super::gpus::DeviceRequest;

/// A device that a container gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Device {
    /// A file of the machine.
    File(DeviceFile),
    /// One that the engine's device descriptions name.
    Described(String),
}

/// A device's file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DeviceFile {
    /// In the machine.
    pub path_on_host: String,
    /// In the container.
    pub path_in_container: String,
    /// Of `rwm`: read, write, make.
    pub cgroup_permissions: String,
}

impl Device {
    /// The request for one that is described.
    pub fn request(name: &str) -> DeviceRequest {
        DeviceRequest {
            driver: "cdi".to_owned(),
            device_ids: Some(vec![name.to_owned()]),
            ..DeviceRequest::default()
        }
    }
}

/// Reads one value of `--device`.
pub fn parse_device(text: &str) -> Result<Device, String> {
    if !text.starts_with('/') {
        return match text.split_once('=') {
            Some((kind, name)) if kind.contains('/') && !name.is_empty() => {
                Ok(Device::Described(text.to_owned()))
            }
            _ => Err(format!("{text:?} is no absolute path and no VENDOR/CLASS=NAME")),
        };
    }
    let file = |host: &str, container: &str, permissions: &str| {
        Device::File(DeviceFile {
            path_on_host: host.to_owned(),
            path_in_container: container.to_owned(),
            cgroup_permissions: permissions.to_owned(),
        })
    };
    match text.split(':').collect::<Vec<_>>()[..] {
        [host] => Ok(file(host, host, "rwm")),
        [host, permissions] if are_permissions(permissions) => Ok(file(host, host, permissions)),
        [host, path] if path.starts_with('/') => Ok(file(host, path, "rwm")),
        [host, path, permissions] if path.starts_with('/') && are_permissions(permissions) => {
            Ok(file(host, path, permissions))
        }
        _ => Err("write it as DEVICE[:PATH[:PERMISSIONS]], permissions of r, w and m".to_owned()),
    }
}

/// Some of `r`, `w` and `m`, each once.
fn are_permissions(text: &str) -> bool {
    let once = |letter: char| matches!(letter, 'r' | 'w' | 'm') && text.matches(letter).count() == 1;
    !text.is_empty() && text.chars().all(once)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_device_each_form_is_read() {
        let check = |text: &str, host: &str, path: &str, permissions: &str| {
            let Ok(Device::File(file)) = parse_device(text) else {
                panic!("{text}");
            };
            assert_eq!(
                (file.path_on_host.as_str(), file.path_in_container.as_str()),
                (host, path)
            );
            assert_eq!(file.cgroup_permissions, permissions);
        };
        check("/dev/fuse", "/dev/fuse", "/dev/fuse", "rwm");
        check("/dev/fuse:r", "/dev/fuse", "/dev/fuse", "r");
        check("/dev/fuse:/dev/f", "/dev/fuse", "/dev/f", "rwm");
        check("/dev/fuse:/dev/f:mr", "/dev/fuse", "/dev/f", "mr");
        assert_eq!(
            parse_device("vendor.com/gpu=all"),
            Ok(Device::Described("vendor.com/gpu=all".to_owned()))
        );
        for text in [
            "",
            "fuse",
            "/dev/f:",
            "/dev/f:x",
            "/dev/f:rr",
            "/dev/f:/a:",
            "/dev/f:/a:r:w",
            "a=b",
            "a/b=",
        ] {
            assert!(parse_device(text).is_err(), "{text}");
        }
    }
}
