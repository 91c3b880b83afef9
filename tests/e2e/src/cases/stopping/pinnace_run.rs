//! `pinnace run` and `pinnace exec`: what they start ends with them, unless it was left on purpose.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rustix::process::Signal;

use super::{
    done_when::{wait_sleeping, wait_stopped},
    facts::Facts,
};
use crate::{
    Case, IMAGE, Machine, Terminal,
    pty::{CTRL_C, DETACH_KEYS},
    until,
};

pub const CASES: &[Case] = &[
    Case {
        name: "pinnace_run_interrupted_once_ends_with_130",
        run: interrupted_once,
    },
    Case {
        name: "pinnace_run_of_a_program_that_hears_ctrl_c_and_goes_on_is_stopped",
        run: heard_and_ignored,
    },
    Case {
        name: "pinnace_run_whose_client_goes_is_stopped",
        run: client_goes,
    },
    Case {
        name: "pinnace_run_detached_from_goes_on_and_says_how_to_come_back",
        run: detached_from,
    },
    Case {
        name: "pinnace_run_on_a_terminal_tells_how_to_stop_what_ignores_ctrl_c",
        run: pressed_again_and_again,
    },
    Case {
        name: "pinnace_run_with_piped_input_prints_it_and_ends",
        run: piped_input,
    },
    Case {
        name: "pinnace_run_returns_the_exit_codes_of_docker",
        run: exit_codes,
    },
    Case {
        name: "pinnace_exec_whose_client_goes_ends_the_command_alone",
        run: exec_whose_client_goes,
    },
];

/// A client's own end, once its container has stopped.
const ENDS_WITHIN: Duration = Duration::from_secs(60);
/// More than any grace.
const AFTER_GRACE: Duration = Duration::from_secs(6);
/// Hears SIGINT and SIGTERM and goes on.
const STUBBORN: &str = "trap : INT TERM; echo ready; while :; do sleep 1; done";

fn interrupted_once(machine: &Machine) -> Result<()> {
    // With an init, which is the default, `sleep` ends by the signal; without, it hears nothing.
    for (name, flags) in [("with-init", &[][..]), ("without-init", &["--no-init"])] {
        let mut client = run(machine, name, flags, &["sleep", "1000"])?;
        wait_running(machine, name, flags.is_empty())?;
        client.type_keys(CTRL_C)?;
        let status = client.wait_end(machine.driver.patience())?;
        ensure!(
            status.code() == Some(130),
            "{name}: it ended with {status}: {}",
            client.screen()
        );
        wait_stopped(machine, name)?;
        machine.docker.remove(name)?;
    }
    Ok(())
}

fn heard_and_ignored(machine: &Machine) -> Result<()> {
    for presses in [1, 2, 3] {
        let name = format!("stubborn-{presses}");
        let mut client = run(machine, &name, &["--no-init"], &["sh", "-c", STUBBORN])?;
        client.wait_for("ready", machine.driver.patience())?;
        for _ in 0..presses {
            client.type_keys(CTRL_C)?;
            std::thread::sleep(Duration::from_millis(400));
        }
        wait_stopped(machine, &name)?;
        let status = client.wait_end(ENDS_WITHIN)?;
        ensure!(
            status.code() == Some(130),
            "{presses} presses: it ended with {status}"
        );
        machine.docker.remove(&name)?;
    }
    Ok(())
}

fn client_goes(machine: &Machine) -> Result<()> {
    let flags: [&[&str]; 2] = [&["--no-init"], &["--no-init", "-it"]];
    for (number, flags) in flags.into_iter().enumerate() {
        // With its terminal closed, too, a client has no time to say anything.
        for closes in [false, true] {
            let name = format!("gone-{number}-{closes}");
            let mut client = run(machine, &name, flags, &["sleep", "1000"])?;
            wait_sleeping(machine, &name)?;
            if closes {
                client.close();
            } else {
                client.signal(Signal::KILL)?;
            }
            wait_stopped(machine, &name).with_context(|| client.screen())?;
            machine.docker.remove(&name)?;
        }
    }
    Ok(())
}

fn detached_from(machine: &Machine) -> Result<()> {
    let patience = machine.driver.patience();
    let mut client = run(machine, "left", &["--no-init", "-it"], &["sleep", "1000"])?;
    wait_sleeping(machine, "left")?;
    until("a terminal in raw mode", patience, || client.is_raw())?;
    client.type_keys(DETACH_KEYS)?;
    let status = client.wait_end(ENDS_WITHIN)?;
    ensure!(status.success(), "it ended with {status}");
    client.wait_for("pinnace attach left", ENDS_WITHIN)?;
    ensure!(!client.is_raw()?, "the terminal is still raw");
    std::thread::sleep(AFTER_GRACE);
    machine.docker.assert_state("left", "running")?;
    // Who comes back owns nothing.
    let again = machine.pinnace.run(["attach", "left"]).on_terminal()?;
    until("a terminal in raw mode", patience, || again.is_raw())?;
    again.signal(Signal::KILL)?;
    drop(again);
    std::thread::sleep(AFTER_GRACE);
    machine.docker.assert_state("left", "running")?;
    machine.docker.remove("left")
}

fn pressed_again_and_again(machine: &Machine) -> Result<()> {
    let mut client = run(machine, "deaf", &["--no-init", "-it"], &["sh", "-c", STUBBORN])?;
    client.wait_for("ready", machine.driver.patience())?;
    for _ in 0..3 {
        client.type_keys(CTRL_C)?;
    }
    client.wait_for("Ctrl+C again to stop", ENDS_WITHIN)?;
    client.type_keys(CTRL_C)?;
    wait_stopped(machine, "deaf")?;
    client.wait_end(ENDS_WITHIN)?;
    ensure!(!client.is_raw()?, "the terminal is still raw");
    machine.docker.remove("deaf")
}

fn piped_input(machine: &Machine) -> Result<()> {
    let text = machine
        .pinnace
        .run(["run", "--rm", "-i", IMAGE, "cat"])
        .input("x\n")
        .text()?;
    ensure!(text == "x", "it printed {text}");
    Ok(())
}

fn exit_codes(machine: &Machine) -> Result<()> {
    let containers = || machine.docker.run(["ps", "--all", "--quiet"]).text();
    let before = containers()?;
    let check = |args: &[&str], code: i32| machine.pinnace.run(["run", "--rm"]).args(args).run()?.code(code);
    check(&[IMAGE, "sh", "-c", "exit 3"], 3)?;
    check(&[IMAGE, "no-such-program"], 127)?;
    check(&[IMAGE, "/tmp"], 126)?;
    check(&["--pull", "never", "no-such-image"], 125)?.fails_naming(&["no-such-image"])?;
    let both = check(&[IMAGE, "sh", "-c", "echo out; echo err >&2"], 0)?;
    ensure!(both.text() == "out" && both.stderr.trim() == "err", "{both:?}");
    let after = containers()?;
    ensure!(after == before, "containers are left: {after}");
    Ok(())
}

fn exec_whose_client_goes(machine: &Machine) -> Result<()> {
    let docker = &machine.docker;
    docker
        .run(["run", "-d", "--init", "--name", "host", IMAGE, "sleep", "1000"])
        .text()?;
    for flags in [&["-i"][..], &["-it"]] {
        let exec = machine.pinnace.run(["exec"]).args(flags);
        let client = exec.args(["host", "sleep", "7000"]).on_terminal()?;
        until("the command", machine.driver.patience(), || {
            Ok(Facts::look(machine)?.sleeps_for("7000"))
        })?;
        client.signal(Signal::KILL)?;
        until("the end of the command", machine.driver.patience(), || {
            Ok(!Facts::look(machine)?.sleeps_for("7000"))
        })?;
        docker.assert_state("host", "running")?;
    }
    docker.remove("host")
}

fn run(machine: &Machine, name: &str, flags: &[&str], command: &[&str]) -> Result<Terminal> {
    let run = machine.pinnace.run(["run", "--name", name]).args(flags);
    run.args([IMAGE]).args(command).on_terminal()
}

/// Waits until a container's `sleep` is there: PID 1, or the child of the init.
fn wait_running(machine: &Machine, name: &str, has_init: bool) -> Result<()> {
    if !has_init {
        return wait_sleeping(machine, name);
    }
    until(&format!("a sleep in {name}"), machine.driver.patience(), || {
        let facts = Facts::look(machine)?;
        let fact = facts.containers.get(name);
        Ok(fact.is_some_and(|fact| fact.children.iter().any(|child| child == "sleep")))
    })
}
