//! The engine's configuration of a container, from the arguments of `run`.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::{
    Volume, health::healthcheck, host_config::host_config, parse_volume, resolve_variables, variables_of_file,
};
use crate::{
    args::{NetworkArgs, RunArgs},
    failure::{Exit, Failure},
};

/// The body of `POST /containers/create`; what the session decides (terminal, input, init) is left out. `here`: the
/// variables of this program; `current`: its folder.
pub fn container_config(
    args: &RunArgs,
    here: impl Fn(&str) -> Option<String>,
    current: &Path,
) -> Result<Value, Failure> {
    let Some((image, command)) = args.words.split_first() else {
        return Err(usage("the image is missing"));
    };
    let mut config = Map::new();
    config.insert("Image".to_owned(), json!(image));
    if !command.is_empty() {
        config.insert("Cmd".to_owned(), json!(command));
    }
    if let Some(entrypoint) = &args.entrypoint {
        config.insert("Entrypoint".to_owned(), json!([entrypoint]));
    }
    let mut variables = Vec::new();
    for file in &args.env_files {
        variables.extend(read_variables(file)?);
    }
    variables.extend(args.env.iter().cloned());
    config.insert("Env".to_owned(), json!(resolve_variables(&variables, here)));
    let mut labels = Map::new();
    for file in &args.label_files {
        for label in read_variables(file)? {
            labels.insert(label.name, json!(label.value.unwrap_or_default()));
        }
    }
    for (key, value) in &args.label {
        labels.insert(key.clone(), json!(value));
    }
    config.insert("Labels".to_owned(), Value::Object(labels));
    let texts = [
        ("WorkingDir", &args.workdir),
        ("User", &args.user),
        ("Hostname", &args.networking.hostname),
        ("Domainname", &args.networking.domainname),
        ("StopSignal", &args.stop_signal),
    ];
    for (key, text) in texts {
        if let Some(text) = text {
            config.insert(key.to_owned(), json!(text));
        }
    }
    if let Some(seconds) = args.stop_timeout {
        config.insert("StopTimeout".to_owned(), json!(seconds));
    }
    if let Some(check) = healthcheck(&args.health) {
        config.insert("Healthcheck".to_owned(), check);
    }
    if let Some(networking) = networking(&args.networking) {
        config.insert("NetworkingConfig".to_owned(), networking);
    }
    let mut host = host_config(args, current).map_err(usage)?;
    let (volumes, binds) = volumes(args, current)?;
    config.insert("Volumes".to_owned(), Value::Object(volumes));
    host.insert("Binds".to_owned(), json!(binds));
    let (exposed, bindings) = ports(&args.networking);
    config.insert("ExposedPorts".to_owned(), Value::Object(exposed));
    host.insert("PortBindings".to_owned(), Value::Object(bindings));
    config.insert("HostConfig".to_owned(), Value::Object(host));
    Ok(Value::Object(config))
}

/// Reads a file of `--env-file`.
pub fn read_variables(file: &Path) -> Result<Vec<super::Variable>, Failure> {
    let failed = |error: String| usage(format!("failed to read {}: {error}", file.display()));
    let text = std::fs::read_to_string(file).map_err(|error| failed(error.to_string()))?;
    variables_of_file(&text).map_err(failed)
}

/// The engine's `NetworkingConfig`: what is asked of the one network; `None` where nothing is.
fn networking(args: &NetworkArgs) -> Option<Value> {
    let network = args.network.as_deref()?;
    let mut endpoint = Map::new();
    if !args.network_alias.is_empty() {
        endpoint.insert("Aliases".to_owned(), json!(args.network_alias));
    }
    let mut addresses = Map::new();
    if let Some(ip) = args.ip {
        addresses.insert("IPv4Address".to_owned(), json!(ip));
    }
    if let Some(ip) = args.ip6 {
        addresses.insert("IPv6Address".to_owned(), json!(ip));
    }
    if !addresses.is_empty() {
        endpoint.insert("IPAMConfig".to_owned(), Value::Object(addresses));
    }
    (!endpoint.is_empty()).then(|| json!({"EndpointsConfig": {network: endpoint}}))
}

fn volumes(args: &RunArgs, current: &Path) -> Result<(Map<String, Value>, Vec<String>), Failure> {
    let (mut anonymous, mut binds) = (Map::new(), Vec::new());
    for text in &args.volumes {
        match parse_volume(text, current).map_err(|error| usage(format!("--volume {text}: {error}")))? {
            Volume::Anonymous(path) => {
                anonymous.insert(path, json!({}));
            }
            Volume::Bind(bind) => binds.push(bind),
        }
    }
    Ok((anonymous, binds))
}

fn ports(args: &NetworkArgs) -> (Map<String, Value>, Map<String, Value>) {
    let (mut exposed, mut bindings) = (Map::new(), Map::new());
    for port in args.publish.iter().flatten() {
        let key = format!("{}/{}", port.port, port.protocol);
        exposed.insert(key.clone(), json!({}));
        let binding = json!({"HostIp": port.host_ip, "HostPort": port.host_port});
        let places = bindings.entry(key).or_insert_with(|| json!([]));
        if let Some(places) = places.as_array_mut() {
            places.push(binding);
        }
    }
    for key in args.expose.iter().flatten() {
        exposed.insert(key.clone(), json!({}));
    }
    (exposed, bindings)
}

fn usage(message: impl Into<String>) -> Failure {
    Failure::new(message).exit(Exit::Usage)
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::args::{Cli, Command};

    fn config(arguments: &[&str]) -> Result<Value, Failure> {
        let Command::Run(args) = Cli::parse_from(["pinnace", "run"].iter().chain(arguments)).command else {
            panic!("another command");
        };
        container_config(&args, |_| None, Path::new("/here"))
    }

    /// What one flag, or some, make of the configuration without any.
    fn check(words: &str, wanted: Value) {
        let words: Vec<&str> = words.split(' ').chain(["x"]).collect();
        let (Value::Object(plain), Value::Object(mut made)) =
            (config(&["x"]).unwrap(), config(&words).unwrap())
        else {
            panic!("no objects");
        };
        let (Some(Value::Object(plain_host)), Some(Value::Object(mut host))) =
            (plain.get("HostConfig"), made.remove("HostConfig"))
        else {
            panic!("no host configuration");
        };
        made.retain(|key, value| plain.get(key) != Some(value));
        host.retain(|key, value| plain_host.get(key) != Some(value));
        if !host.is_empty() {
            made.insert("HostConfig".to_owned(), Value::Object(host));
        }
        assert_eq!(Value::Object(made), wanted, "{words:?}");
    }

    #[test]
    fn container_config_without_flags_is_the_image_and_the_command() {
        let made = config(&["x", "-c", "ls"]).unwrap();
        assert_eq!(
            made,
            json!({
                "Image": "x", "Cmd": ["-c", "ls"], "Env": [], "Labels": {}, "Volumes": {}, "ExposedPorts": {},
                "HostConfig": {
                    "AutoRemove": false, "PublishAllPorts": false, "Privileged": false, "ReadonlyRootfs": false,
                    "CapAdd": [], "CapDrop": [], "ExtraHosts": [], "Tmpfs": {}, "Binds": [], "PortBindings": {},
                },
            })
        );
    }

    #[test]
    fn container_config_each_flag_is_in_its_place() {
        check("-e A=1", json!({"Env": ["A=1"]}));
        check("-l a=b --label c", json!({"Labels": {"a": "b", "c": ""}}));
        check("-w /app", json!({"WorkingDir": "/app"}));
        check("-u 1000:1000", json!({"User": "1000:1000"}));
        check("--entrypoint sh", json!({"Entrypoint": ["sh"]}));
        check(
            "--stop-signal SIGINT --stop-timeout 3",
            json!({"StopSignal": "SIGINT", "StopTimeout": 3}),
        );
        check("--rm", json!({"HostConfig": {"AutoRemove": true}}));
        check(
            "--restart on-failure:3",
            json!({"HostConfig": {"RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 3}}}),
        );
        check(
            "--log-driver local --log-opt max-size=1m",
            json!({"HostConfig": {"LogConfig": {"Type": "local", "Config": {"max-size": "1m"}}}}),
        );
        check(
            "--cgroup-parent /p --runtime r",
            json!({"HostConfig": {"CgroupParent": "/p", "Runtime": "r"}}),
        );
    }

    #[test]
    fn container_config_volumes_are_in_their_places() {
        check(
            "-v .:/app:ro -v /cache",
            json!({"Volumes": {"/cache": {}}, "HostConfig": {"Binds": ["/here:/app:ro"]}}),
        );
        check(
            "--tmpfs /run:size=1m",
            json!({"HostConfig": {"Tmpfs": {"/run": "size=1m"}}}),
        );
        check(
            "--mount type=bind,src=.,dst=/app,ro",
            json!({"HostConfig": {"Mounts": [
                {"Type": "bind", "Source": "/here", "Target": "/app", "ReadOnly": true},
            ]}}),
        );
        check(
            "--volumes-from db:ro",
            json!({"HostConfig": {"VolumesFrom": ["db:ro"]}}),
        );
    }

    #[test]
    fn container_config_networking_is_in_its_place() {
        check(
            "-p 127.0.0.1:80:8080 -p 81:8080 --expose 53/udp",
            json!({
                "ExposedPorts": {"8080/tcp": {}, "53/udp": {}},
                "HostConfig": {"PortBindings": {"8080/tcp": [
                    {"HostIp": "127.0.0.1", "HostPort": "80"}, {"HostIp": "", "HostPort": "81"},
                ]}},
            }),
        );
        check("-P", json!({"HostConfig": {"PublishAllPorts": true}}));
        check("--network host", json!({"HostConfig": {"NetworkMode": "host"}}));
        check(
            "--net n --network-alias a --net-alias b --ip 10.0.0.2 --ip6 fd00::2",
            json!({
                "NetworkingConfig": {"EndpointsConfig": {"n": {
                    "Aliases": ["a", "b"], "IPAMConfig": {"IPv4Address": "10.0.0.2", "IPv6Address": "fd00::2"},
                }}},
                "HostConfig": {"NetworkMode": "n"},
            }),
        );
        check(
            "--hostname box --domainname d",
            json!({"Hostname": "box", "Domainname": "d"}),
        );
        check(
            "--add-host db:1.2.3.4 --dns 9.9.9.9 --dns-search s --dns-opt ndots:2",
            json!({"HostConfig": {
                "ExtraHosts": ["db:1.2.3.4"], "Dns": ["9.9.9.9"], "DnsSearch": ["s"], "DnsOptions": ["ndots:2"],
            }}),
        );
    }

    #[test]
    fn container_config_limits_are_in_their_places() {
        check(
            "-m 64m --memory-swap -1 --memory-reservation 32m --shm-size 1m --cpus 1.5 -c 512 --cpuset-cpus 0-1",
            json!({"HostConfig": {
                "Memory": 64 << 20, "MemorySwap": -1, "MemoryReservation": 32 << 20, "ShmSize": 1 << 20,
                "NanoCpus": 1_500_000_000_i64, "CpuShares": 512, "CpusetCpus": "0-1",
            }}),
        );
        check(
            "--pids-limit -1 --ulimit nofile=1:2 --oom-score-adj -5",
            json!({"HostConfig": {
                "PidsLimit": -1, "Ulimits": [{"Name": "nofile", "Soft": 1, "Hard": 2}], "OomScoreAdj": -5,
            }}),
        );
        check(
            "--device /dev/fuse:r --device v.com/c=1 --gpus all",
            json!({"HostConfig": {
                "Devices": [
                    {"PathOnHost": "/dev/fuse", "PathInContainer": "/dev/fuse", "CgroupPermissions": "r"},
                ],
                "DeviceRequests": [
                    {"Driver": "", "Count": -1, "DeviceIDs": null, "Capabilities": [["gpu"]], "Options": {}},
                    {"Driver": "cdi", "Count": 0, "DeviceIDs": ["v.com/c=1"], "Capabilities": null, "Options": {}},
                ],
            }}),
        );
    }

    #[test]
    fn container_config_isolation_is_in_its_place() {
        check(
            "--cap-add NET_ADMIN --cap-drop ALL --privileged --read-only --security-opt no-new-privileges",
            json!({"HostConfig": {
                "CapAdd": ["CAP_NET_ADMIN"], "CapDrop": ["ALL"], "Privileged": true, "ReadonlyRootfs": true,
                "SecurityOpt": ["no-new-privileges"],
            }}),
        );
        check(
            "--group-add audio --sysctl net.x=1 --pid host --ipc none --uts host --userns host --cgroupns private",
            json!({"HostConfig": {
                "GroupAdd": ["audio"], "Sysctls": {"net.x": "1"}, "PidMode": "host", "IpcMode": "none",
                "UTSMode": "host", "UsernsMode": "host", "CgroupnsMode": "private",
            }}),
        );
    }

    #[test]
    fn container_config_health_is_in_its_place() {
        check(
            "--health-cmd true --health-interval 1m --health-timeout 2s --health-start-period 3s --health-start-interval 1s --health-retries 4",
            json!({"Healthcheck": {
                "Test": ["CMD-SHELL", "true"], "Interval": 60_000_000_000_i64, "Timeout": 2_000_000_000_i64,
                "StartPeriod": 3_000_000_000_i64, "StartInterval": 1_000_000_000_i64, "Retries": 4,
            }}),
        );
        check("--no-healthcheck", json!({"Healthcheck": {"Test": ["NONE"]}}));
    }

    #[test]
    fn container_config_of_contradictions_is_a_usage_error() {
        for arguments in [
            &["--rm", "--restart", "always", "x"][..],
            &["-v", "nowhere", "x"],
            &["--mount", "type=bind,target=/x", "x"],
            &["--security-opt", "seccomp=/nonexistent/file", "x"],
            &["--label-file", "/nonexistent/file", "x"],
            &["--env-file", "/nonexistent/file", "x"],
        ] {
            assert_eq!(config(arguments).unwrap_err().exit, Exit::Usage, "{arguments:?}");
        }
        assert!(config(&["--rm", "--restart", "no", "x"]).is_ok());
    }
}
