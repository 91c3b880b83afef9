//! The part of a container's configuration that is about the machine it runs on.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::{Device, parse_mount, security::set_security};
use crate::args::{IsolationArgs, LimitArgs, NetworkArgs, RunArgs};

/// The engine's `HostConfig`, but for volumes and ports. Fails with what is wrong with the arguments.
pub fn host_config(args: &RunArgs, current: &Path) -> Result<Map<String, Value>, String> {
    let restart = args.restart.as_ref();
    if args.rm && restart.is_some_and(|restart| restart.name != "no") {
        return Err(
            "a container that is removed when it has ended cannot be started again: leave out --rm or --restart"
                .to_owned(),
        );
    }
    let mut host = Map::new();
    let mut set = |key: &str, value: Value| host.insert(key.to_owned(), value);
    set("AutoRemove", json!(args.rm));
    set("Tmpfs", object(&args.tmpfs));
    if let Some(restart) = restart {
        set(
            "RestartPolicy",
            json!({"Name": restart.name, "MaximumRetryCount": restart.tries}),
        );
    }
    if args.log_driver.is_some() || !args.log_opt.is_empty() {
        set(
            "LogConfig",
            json!({"Type": args.log_driver.as_deref().unwrap_or(""), "Config": object(&args.log_opt)}),
        );
    }
    if !args.volumes_from.is_empty() {
        set("VolumesFrom", json!(args.volumes_from));
    }
    if !args.mount.is_empty() {
        let mounts = args
            .mount
            .iter()
            .map(|text| parse_mount(text, current).map_err(|error| format!("--mount {text}: {error}")));
        set("Mounts", mounts.collect::<Result<Vec<_>, _>>()?.into());
    }
    set_text(&mut host, "CgroupParent", args.cgroup_parent.as_deref());
    set_text(&mut host, "Runtime", args.runtime.as_deref());
    set_limits(&args.limits, &mut host);
    set_isolation(&args.isolation, &mut host);
    set_security(&args.isolation.security_opt, current, &mut host)
        .map_err(|error| format!("--security-opt: {error}"))?;
    set_network(&args.networking, &mut host);
    Ok(host)
}

/// As docker's client writes them: `CAP_NET_ADMIN` for `net_admin`, and `ALL`.
fn capabilities(names: &[String]) -> Vec<String> {
    let full = |name: &String| {
        let name = name.trim().to_uppercase();
        if name == "ALL" || name.starts_with("CAP_") {
            name
        } else {
            format!("CAP_{name}")
        }
    };
    names.iter().map(full).collect()
}

fn set_limits(args: &LimitArgs, host: &mut Map<String, Value>) {
    let numbers = [
        ("Memory", args.memory),
        ("MemorySwap", args.memory_swap),
        ("MemoryReservation", args.memory_reservation),
        ("ShmSize", args.shm_size),
        ("NanoCpus", args.cpus),
        ("CpuShares", args.cpu_shares),
        ("PidsLimit", args.pids_limit),
        ("OomScoreAdj", args.oom_score_adj),
    ];
    for (key, number) in numbers {
        if let Some(number) = number {
            host.insert(key.to_owned(), json!(number));
        }
    }
    set_text(host, "CpusetCpus", args.cpuset_cpus.as_deref());
    if !args.ulimit.is_empty() {
        host.insert("Ulimits".to_owned(), json!(args.ulimit));
    }
    let (mut files, mut requests) = (Vec::new(), args.gpus.clone());
    for device in &args.device {
        match device {
            Device::File(file) => files.push(file),
            Device::Described(name) => requests.push(Device::request(name)),
        }
    }
    if !files.is_empty() {
        host.insert("Devices".to_owned(), json!(files));
    }
    if !requests.is_empty() {
        host.insert("DeviceRequests".to_owned(), json!(requests));
    }
}

fn set_isolation(args: &IsolationArgs, host: &mut Map<String, Value>) {
    let mut set = |key: &str, value: Value| host.insert(key.to_owned(), value);
    set("Privileged", json!(args.privileged));
    set("ReadonlyRootfs", json!(args.read_only));
    set("CapAdd", json!(capabilities(&args.cap_add)));
    set("CapDrop", json!(capabilities(&args.cap_drop)));
    if !args.group_add.is_empty() {
        set("GroupAdd", json!(args.group_add));
    }
    if !args.sysctl.is_empty() {
        set("Sysctls", object(&args.sysctl));
    }
    for (key, mode) in [
        ("PidMode", &args.pid),
        ("IpcMode", &args.ipc),
        ("UTSMode", &args.uts),
        ("UsernsMode", &args.userns),
        ("CgroupnsMode", &args.cgroupns),
    ] {
        set_text(host, key, mode.as_deref());
    }
}

fn set_network(args: &NetworkArgs, host: &mut Map<String, Value>) {
    let mut set = |key: &str, value: Value| host.insert(key.to_owned(), value);
    set("PublishAllPorts", json!(args.publish_all));
    set("ExtraHosts", json!(args.add_host));
    for (key, list) in [
        ("Dns", json!(args.dns)),
        ("DnsSearch", json!(args.dns_search)),
        ("DnsOptions", json!(args.dns_option)),
    ] {
        if list != json!([]) {
            set(key, list);
        }
    }
    set_text(host, "NetworkMode", args.network.as_deref());
}

fn set_text(host: &mut Map<String, Value>, key: &str, text: Option<&str>) {
    if let Some(text) = text {
        host.insert(key.to_owned(), json!(text));
    }
}

/// Pairs as an object; of those with one name the last counts.
fn object(pairs: &[(String, String)]) -> Value {
    pairs
        .iter()
        .map(|(key, value)| (key.clone(), json!(value)))
        .collect::<Map<_, _>>()
        .into()
}
