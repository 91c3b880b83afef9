//! Compose projects and swarm stacks.

use anyhow::{Result, ensure};

use crate::{Case, DriverKind, IMAGE, Machine, until};

pub const CASES: &[Case] = &[
    Case {
        name: "compose_up_and_down_run_and_remove_services",
        run: compose_up_and_down,
    },
    Case {
        name: "stack_deploy_in_a_swarm_runs_its_services",
        run: stack_deploy_runs_its_services,
    },
];

fn compose_up_and_down(machine: &Machine) -> Result<()> {
    let folder = machine.home.path().join("compose");
    std::fs::create_dir_all(&folder)?;
    let serve = "mkdir -p /tmp/w; echo composed >/tmp/w/index.html; exec httpd -f -p 80 -h /tmp/w";
    let file = format!(
        "services:\n  web:\n    image: {IMAGE}\n    init: true\n    command: [sh, -c, '{serve}']\n  \
         asker:\n    image: {IMAGE}\n    depends_on: [web]\n    init: true\n    command: [sleep, '1000']\n"
    );
    std::fs::write(folder.join("compose.yaml"), file)?;
    let compose = |args: &[&str]| machine.docker.run(["compose"]).args(args).in_folder(&folder);
    compose(&["up", "--detach"]).run()?.success()?;
    let ask = "for i in $(seq 50); do wget -q -O - http://web/ && exit 0; sleep 0.2; done; exit 1";
    let text = compose(&["exec", "-T", "asker", "sh", "-c", ask]).text();
    compose(&["down", "--timeout", "5"]).run()?.success()?;
    ensure!(text?.ends_with("composed"));
    let left = machine
        .docker
        .run([
            "ps",
            "--all",
            "--quiet",
            "--filter",
            "label=com.docker.compose.project",
        ])
        .text()?;
    ensure!(left.is_empty(), "containers are left: {left}");
    Ok(())
}

fn stack_deploy_runs_its_services(machine: &Machine) -> Result<()> {
    let docker = &machine.docker;
    docker.run(["swarm", "init"]).run()?.success()?;
    let result = deploy_and_remove(machine);
    docker.run(["swarm", "leave", "--force"]).run()?.success()?;
    result
}

fn deploy_and_remove(machine: &Machine) -> Result<()> {
    let docker = &machine.docker;
    let path = machine.home.path().join("stack.yaml");
    // An overlay network takes IPVS of the kernel: the VM's has it, a host's need not.
    let network = match machine.driver {
        DriverKind::Fake => "networks:\n  default:\n    external: true\n    name: host\n",
        DriverKind::Qemu => "",
    };
    let file = format!(
        "version: '3.8'\nservices:\n  worker:\n    image: {IMAGE}\n    command: [sleep, '1000']\n    init: true\n    \
         deploy:\n      replicas: 2\n{network}"
    );
    std::fs::write(&path, file)?;
    let file = path.to_string_lossy().into_owned();
    let deploy = [
        "stack",
        "deploy",
        "--detach=true",
        "--resolve-image",
        "never",
        "--compose-file",
        &file,
        "crew",
    ];
    docker.run(deploy).run()?.success()?;
    let running = until("two replicas", machine.driver.patience(), || {
        let list = docker
            .run(["service", "ls", "--format", "{{.Name}} {{.Replicas}}"])
            .text()?;
        Ok(list == "crew_worker 2/2")
    });
    if running.is_err() {
        // Into the journal, which is printed: why the tasks did not come up.
        docker.run(["service", "ps", "--no-trunc", "crew_worker"]).run()?;
    }
    running?;
    // The swarm refuses to remove a network for as long as a task that is just ending still holds it, and the
    // command then says so and fails: a person runs it again.
    until("the removal of the stack", machine.driver.patience(), || {
        Ok(docker.run(["stack", "rm", "crew"]).run()?.success().is_ok())
    })?;
    until(
        "the end of the stack's containers",
        machine.driver.patience(),
        || {
            let filter = [
                "ps",
                "--quiet",
                "--filter",
                "label=com.docker.stack.namespace=crew",
            ];
            Ok(docker.run(filter).text()?.is_empty())
        },
    )
}
