//! The flags of `pinnace run` beside those of the stock CLI: the engine must come to the same container.

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::{Case, IMAGE, Machine};

pub const CASES: &[Case] = &[Case {
    name: "run_with_flags_makes_the_container_that_docker_makes",
    run: makes_the_same_container,
}];

/// Flags with blanks between them. What an engine without the device or runtime refuses to start is made all the same.
const FLAGS: &[&str] = &[
    "--env A=1 --env B= --label a=b --label c",
    "--workdir /tmp --user 1000:1000 --entrypoint /bin/sh",
    "--stop-signal SIGINT --stop-timeout 3",
    "--restart on-failure:3",
    "--restart unless-stopped",
    "--log-driver local --log-opt max-size=1m",
    "--volume /cache --volume named:/named:ro --volume /sys:/host:ro",
    "--mount type=bind,source=/dev,target=/m,readonly,bind-propagation=rslave",
    "--mount type=volume,src=named,dst=/v,volume-nocopy,volume-label=a=b",
    "--mount type=tmpfs,destination=/t,tmpfs-size=1m,tmpfs-mode=1777",
    "--mount dst=/anonymous",
    "--tmpfs /run:size=1m --tmpfs /scratch",
    "--read-only --privileged",
    "--publish 127.0.0.1:18080:80 --publish 127.0.0.1:18053:53/udp --expose 9000-9001 --expose 53/udp",
    "--publish-all --expose 80",
    "--network host",
    "--network none",
    "--network flags --network-alias one --network-alias two --ip 10.213.7.9",
    "--hostname box --domainname example.test",
    "--add-host db:1.2.3.4 --add-host six=::1 --dns 9.9.9.9 --dns-search example.test --dns-option ndots:2",
    "--memory 64m --memory-swap 128m --memory-reservation 32m --shm-size 1m --cpus 1.5 --cpu-shares 512",
    "--memory 64m --memory-swap -1 --cpuset-cpus 0 --pids-limit 100 --oom-score-adj 5",
    "--ulimit nofile=1024:2048 --ulimit core=0",
    "--device /dev/null:/dev/nothing:r --device /dev/zero",
    "--gpus all",
    "--gpus \"device=0,1\",driver=nvidia,capabilities=utility",
    "--cap-add NET_ADMIN --cap-drop ALL --group-add 1001 --sysctl net.ipv4.ip_forward=1",
    "--security-opt no-new-privileges --security-opt seccomp=unconfined --security-opt systempaths=unconfined",
    "--pid host --ipc private --uts host --cgroupns host",
    "--health-cmd true --health-interval 1m30s --health-timeout 2s --health-start-period 3s --health-start-interval 500ms --health-retries 4",
    "--no-healthcheck",
];

fn makes_the_same_container(machine: &Machine) -> Result<()> {
    let docker = &machine.docker;
    docker
        .run(["network", "create", "--subnet", "10.213.7.0/24", "flags"])
        .run()?
        .success()?;
    let differences: Vec<String> = FLAGS
        .iter()
        .filter_map(|flags| Some(format!("with {flags}: {:#}", compare(machine, flags).err()?)))
        .collect();
    docker.run(["network", "rm", "flags"]).run()?.success()?;
    docker
        .run(["volume", "rm", "--force", "named"])
        .run()?
        .success()?;
    ensure!(differences.is_empty(), "{}", differences.join("\n"));
    Ok(())
}

fn compare(machine: &Machine, flags: &str) -> Result<()> {
    const NAME: &str = "flags";
    let words = || flags.split(' ');
    let command = ["--name", NAME, IMAGE, "sleep", "1000"];
    let docker = &machine.docker;
    // Whether it starts is not what this is about: both make it first.
    docker
        .run(["run", "--detach", "--init"])
        .args(words())
        .args(command)
        .run()?;
    let theirs = inspect(machine, NAME);
    docker.remove(NAME)?;
    machine
        .pinnace
        .run(["run", "--detach", "--init"])
        .args(words())
        .args(command)
        .run()?;
    let ours = inspect(machine, NAME);
    docker.remove(NAME)?;
    let (theirs, ours) = (
        theirs.context("docker made none")?,
        ours.context("pinnace made none")?,
    );
    ensure!(
        theirs == ours,
        "docker's container:\n{theirs:#}\nthat of pinnace:\n{ours:#}"
    );
    Ok(())
}

/// A container's configuration without what says nothing.
fn inspect(machine: &Machine, container: &str) -> Result<Value> {
    let text = machine.docker.run(["inspect", container]).text()?;
    let mut all: Value = serde_json::from_str(&text).context("inspect is no JSON")?;
    let details = all[0].take();
    let id = details["Id"].as_str().context("it has no id")?.to_owned();
    let mut kept = serde_json::Map::new();
    for part in ["Config", "HostConfig"] {
        kept.insert(part.to_owned(), details[part].clone());
    }
    let aliases = details["NetworkSettings"]["Networks"]["flags"]["Aliases"].clone();
    kept.insert("Aliases".to_owned(), aliases);
    let mut kept = Value::Object(kept);
    // The engine's own choice.
    if kept["Config"]["Hostname"]
        .as_str()
        .is_some_and(|name| id.starts_with(name))
    {
        kept["Config"]["Hostname"].take();
    }
    // Docker sends -1 for "as it is", the engine's own word for which is none.
    if kept["HostConfig"]["MemorySwappiness"] == -1 {
        kept["HostConfig"]["MemorySwappiness"].take();
    }
    // Docker's client keeps no order.
    for list in ["/Config/Env", "/HostConfig/Binds", "/HostConfig/Ulimits"] {
        if let Some(list) = kept.pointer_mut(list).and_then(Value::as_array_mut) {
            list.sort_by_key(Value::to_string);
        }
    }
    drop_empty(&mut kept);
    Ok(kept)
}

/// Removes whatever is as if it were not there.
fn drop_empty(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.values_mut().for_each(drop_empty);
            map.retain(|_, value| !is_empty(value));
        }
        Value::Array(list) => list.iter_mut().for_each(drop_empty),
        _ => {}
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::Number(number) => number.as_i64() == Some(0),
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty() || list.iter().all(|value| *value == 0),
        Value::Object(map) => map.is_empty(),
    }
}
