//! Start, stop, restart, pause, resume, and one amid another.

use std::time::{Duration, UNIX_EPOCH};

use anyhow::{Result, ensure};
use api::{EngineState, MachineState};

use crate::{Case, IMAGE, Machine, until};

pub const CASES: &[Case] = &[
    Case {
        name: "pause_and_resume_keep_a_container_alive",
        run: pause_and_resume_keep_a_container,
    },
    Case {
        name: "resume_after_a_pause_brings_the_clock_up_to_the_hosts",
        run: resume_sets_the_clock,
    },
    Case {
        name: "stop_twice_ends_stopped_and_start_keeps_images",
        run: stop_twice_and_start,
    },
    Case {
        name: "restart_gives_a_new_boot_and_keeps_volumes",
        run: restart_keeps_volumes,
    },
    Case {
        name: "stop_of_the_machine_gives_containers_their_signal",
        run: stop_gives_containers_their_signal,
    },
    Case {
        name: "stop_during_start_ends_stopped",
        run: stop_during_start_ends_stopped,
    },
    Case {
        name: "start_during_stop_ends_running",
        run: start_during_stop_ends_running,
    },
    Case {
        name: "stop_of_a_paused_machine_ends_stopped",
        run: stop_of_a_paused_machine,
    },
    Case {
        name: "reset_with_consent_gives_an_empty_engine",
        run: reset_gives_an_empty_engine,
    },
];

fn pause_and_resume_keep_a_container(machine: &Machine) -> Result<()> {
    let docker = &machine.docker;
    docker
        .run(["run", "-d", "--init", "--name", "paused", IMAGE, "sleep", "1000"])
        .text()?;
    let id = [
        "inspect",
        "--format",
        "{{.State.StartedAt}} {{.RestartCount}}",
        "paused",
    ];
    let before = docker.run(id).text()?;
    machine.pinnace.run(["pause"]).run()?.success()?;
    ensure!(machine.pinnace.status()?.machine.state == MachineState::Paused);
    // The heartbeat is given up after 5 s: a pause that lasts longer must not be taken for a loss.
    std::thread::sleep(Duration::from_secs(8));
    ensure!(machine.pinnace.status()?.machine.state == MachineState::Paused);
    machine.pinnace.run(["pause"]).run()?.success()?;
    machine.pinnace.run(["resume"]).run()?.success()?;
    machine.wait_status("a ready engine", |status| {
        status.machine.state == MachineState::Running && status.engine.state == EngineState::Ready
    })?;
    let after = docker.run(id).text()?;
    docker.remove("paused")?;
    ensure!(before == after, "before the pause {before}, after it {after}");
    Ok(())
}

fn resume_sets_the_clock(machine: &Machine) -> Result<()> {
    machine.pinnace.run(["pause"]).run()?.success()?;
    std::thread::sleep(Duration::from_secs(5));
    machine.pinnace.run(["resume"]).run()?.success()?;
    // Far below the minute after which the clock would be set anyway.
    until(
        "a clock within a second of the host's",
        Duration::from_secs(30),
        || {
            let before = seconds_since_epoch()?;
            let guest: f64 = machine.pinnace.shell_text("date +%s")?.parse()?;
            // The guest's answer is cut to whole seconds.
            Ok(before - 2.0 < guest && guest < seconds_since_epoch()? + 1.0)
        },
    )
}

fn seconds_since_epoch() -> Result<f64> {
    Ok(UNIX_EPOCH.elapsed()?.as_secs_f64())
}

fn stop_twice_and_start(machine: &Machine) -> Result<()> {
    machine.stop()?;
    machine.stop()?;
    machine.pinnace.run(["status"]).run()?.code(3)?;
    machine.docker.run(["version"]).run()?.fails_naming(&[])?;
    machine.start()?;
    ensure!(machine.docker.run_text(&["echo", "again"])? == "again");
    Ok(())
}

fn restart_keeps_volumes(machine: &Machine) -> Result<()> {
    let docker = &machine.docker;
    docker
        .run([
            "run",
            "--rm",
            "-v",
            "old:/data",
            IMAGE,
            "sh",
            "-c",
            "echo old >/data/f",
        ])
        .text()?;
    let pid = machine.pinnace.status()?.machine.pid;
    machine
        .pinnace
        .run(["restart"])
        .within(machine.driver.patience())
        .run()?
        .success()?;
    ensure!(machine.pinnace.status()?.machine.pid != pid, "the same process");
    let text = docker
        .run(["run", "--rm", "-v", "old:/data", IMAGE, "cat", "/data/f"])
        .text()?;
    docker.run(["volume", "rm", "old"]).text()?;
    ensure!(text == "old", "the volume has {text}");
    Ok(())
}

fn stop_gives_containers_their_signal(machine: &Machine) -> Result<()> {
    let docker = &machine.docker;
    let script = "trap 'echo told >/data/f; exit 0' TERM; echo ready; while :; do sleep 0.2; done";
    let run = [
        "run",
        "-d",
        "--name",
        "told",
        "-v",
        "told:/data",
        IMAGE,
        "sh",
        "-c",
        script,
    ];
    docker.run(run).text()?;
    until("the trap", machine.driver.patience(), || {
        Ok(docker.run(["logs", "told"]).text()? == "ready")
    })?;
    machine.stop()?;
    machine.start()?;
    let text = docker
        .run(["run", "--rm", "-v", "told:/data", IMAGE, "cat", "/data/f"])
        .text();
    docker.remove("told")?;
    docker.run(["volume", "rm", "told"]).text()?;
    ensure!(text? == "told");
    Ok(())
}

fn stop_during_start_ends_stopped(machine: &Machine) -> Result<()> {
    machine.stop()?;
    machine.pinnace.run(["start", "--no-wait"]).run()?.success()?;
    machine.stop()?;
    // A start that someone waits for is told, instead of waiting for ever.
    let mut waiting = machine.pinnace.run(["start"]).start()?;
    machine.wait_status("a start under way", |status| {
        status.machine.state == MachineState::Starting
    })?;
    machine.stop()?;
    ensure!(!waiting.wait()?.success(), "a start that was stopped succeeded");
    Ok(())
}

fn start_during_stop_ends_running(machine: &Machine) -> Result<()> {
    let mut stopping = machine.pinnace.run(["stop"]).start()?;
    machine.wait_status("a stop under way", |status| {
        matches!(
            status.machine.state,
            MachineState::Stopping | MachineState::Stopped
        )
    })?;
    machine.start()?;
    stopping.wait()?;
    ensure!(machine.docker.run_text(&["echo", "up"])? == "up");
    Ok(())
}

fn stop_of_a_paused_machine(machine: &Machine) -> Result<()> {
    machine.pinnace.run(["pause"]).run()?.success()?;
    machine.stop()
}

fn reset_gives_an_empty_engine(machine: &Machine) -> Result<()> {
    machine.docker.run(["volume", "create", "gone"]).text()?;
    machine
        .pinnace
        .run(["reset", "--yes"])
        .within(machine.driver.patience())
        .run()?
        .success()?;
    machine.start()?;
    let volumes = machine.docker.run(["volume", "ls", "--quiet"]).text()?;
    ensure!(volumes.is_empty(), "volumes are left: {volumes}");
    machine.docker.import_image()
}
