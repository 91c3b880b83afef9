//! Containers through the stock docker CLI.

use anyhow::{Result, ensure};

use crate::{Case, IMAGE, Machine};

pub const CASES: &[Case] = &[
    Case {
        name: "run_through_the_context_prints_its_output",
        run: run_prints_its_output,
    },
    Case {
        name: "run_of_a_failing_program_returns_its_exit_code",
        run: run_returns_exit_codes,
    },
    Case {
        name: "exec_in_a_container_sees_its_files",
        run: exec_sees_files,
    },
    Case {
        name: "volume_survives_its_container",
        run: volume_survives_its_container,
    },
    Case {
        name: "stop_of_a_container_ends_it",
        run: stop_of_a_container_ends_it,
    },
    Case {
        name: "containers_on_one_network_reach_each_other_by_name",
        run: containers_reach_each_other,
    },
    Case {
        name: "run_with_limits_has_them",
        run: run_with_limits_has_them,
    },
    Case {
        name: "run_without_log_options_has_its_log_rotated",
        run: run_has_its_log_rotated,
    },
];

fn run_prints_its_output(machine: &Machine) -> Result<()> {
    let text = machine.docker.run_text(&["echo", "hi"])?;
    ensure!(text == "hi", "it printed {text}");
    Ok(())
}

fn run_returns_exit_codes(machine: &Machine) -> Result<()> {
    machine
        .docker
        .run(["run", "--rm", IMAGE, "sh", "-c", "exit 42"])
        .run()?
        .code(42)?;
    machine
        .docker
        .run(["run", "--rm", IMAGE, "no-such-program"])
        .run()?
        .code(127)?;
    Ok(())
}

fn exec_sees_files(machine: &Machine) -> Result<()> {
    let docker = &machine.docker;
    docker
        .run([
            "run",
            "-d",
            "--init",
            "--name",
            "exec",
            IMAGE,
            "sh",
            "-c",
            "echo kept >/tmp/f; sleep 1000",
        ])
        .text()?;
    let read = [
        "exec",
        "exec",
        "sh",
        "-c",
        "until test -s /tmp/f; do sleep 0.1; done; cat /tmp/f",
    ];
    let text = docker.run(read).text();
    docker.remove("exec")?;
    ensure!(text? == "kept");
    Ok(())
}

fn volume_survives_its_container(machine: &Machine) -> Result<()> {
    let docker = &machine.docker;
    docker
        .run([
            "run",
            "--rm",
            "-v",
            "kept:/data",
            IMAGE,
            "sh",
            "-c",
            "echo 1 >/data/f; sync",
        ])
        .text()?;
    let text = docker
        .run(["run", "--rm", "-v", "kept:/data", IMAGE, "cat", "/data/f"])
        .text();
    docker.run(["volume", "rm", "kept"]).run()?.success()?;
    ensure!(text? == "1");
    Ok(())
}

fn stop_of_a_container_ends_it(machine: &Machine) -> Result<()> {
    let docker = &machine.docker;
    docker
        .run(["run", "-d", "--init", "--name", "stopped", IMAGE, "sleep", "1000"])
        .text()?;
    docker.run(["stop", "stopped"]).text()?;
    let state = docker.assert_state("stopped", "exited");
    docker.remove("stopped")?;
    state
}

fn containers_reach_each_other(machine: &Machine) -> Result<()> {
    let docker = &machine.docker;
    docker.run(["network", "create", "pair"]).text()?;
    let serve = "mkdir -p /tmp/w; echo served >/tmp/w/index.html; exec httpd -f -p 80 -h /tmp/w";
    docker
        .run([
            "run",
            "-d",
            "--init",
            "--name",
            "web",
            "--network",
            "pair",
            IMAGE,
            "sh",
            "-c",
            serve,
        ])
        .text()?;
    let ask = "for i in $(seq 50); do wget -q -O - http://web/ && exit 0; sleep 0.2; done; exit 1";
    let text = docker
        .run(["run", "--rm", "--network", "pair", IMAGE, "sh", "-c", ask])
        .text();
    docker.remove("web")?;
    docker.run(["network", "rm", "pair"]).run()?.success()?;
    ensure!(text?.ends_with("served"));
    Ok(())
}

fn run_with_limits_has_them(machine: &Machine) -> Result<()> {
    let find = "cat /sys/fs/cgroup/memory.max 2>/dev/null || cat /sys/fs/cgroup/memory/memory.limit_in_bytes";
    let text = machine
        .docker
        .run(["run", "--rm", "--memory", "64m", IMAGE, "sh", "-c", find])
        .text()?;
    ensure!(text == (64 << 20).to_string(), "the limit is {text}");
    Ok(())
}

fn run_has_its_log_rotated(machine: &Machine) -> Result<()> {
    let docker = &machine.docker;
    docker.run(["create", "--name", "logged", IMAGE]).text()?;
    let format = "{{.HostConfig.LogConfig.Type}} {{index .HostConfig.LogConfig.Config \"max-size\"}}";
    let text = docker.run(["inspect", "--format", format, "logged"]).text();
    docker.remove("logged")?;
    let text = text?;
    ensure!(text == "json-file 10m", "the log's settings are {text}");
    Ok(())
}
