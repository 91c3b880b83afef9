//! From a fresh clone to a running container: installs, builds, boots, runs, and says what to type next.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};

use crate::{
    deps,
    image::{self, ImageArgs},
    programs, shell,
};

/// An image made of the machine's own static busybox, so that the first container needs no registry.
const HELLO_IMAGE: &str = "pinnace/hello";

/// Makes [`HELLO_IMAGE`] inside the machine when it is not there yet.
const MAKE_HELLO_IMAGE: &str = "docker image inspect pinnace/hello >/dev/null 2>&1 || \
     tar -C / -cf - bin/busybox | docker import --change 'ENTRYPOINT [\"/bin/busybox\"]' - pinnace/hello >/dev/null";

/// What the first container runs.
const HELLO: &str = "echo \"hello from a container on $(/bin/busybox uname -sr), $(/bin/busybox nproc) CPUs\"; \
     /bin/busybox id; /bin/busybox df -h / | /bin/busybox tail -n 1";

/// Arguments.
#[derive(clap::Args)]
pub struct RunArgs {
    /// Asks no questions: installs what is missing
    #[arg(long)]
    yes: bool,
    /// Opens no window (there is none yet: the desktop app comes later)
    #[arg(long)]
    headless: bool,
}

pub fn run(args: RunArgs) -> Result<()> {
    let start = Instant::now();
    deps::ensure(&[deps::BUILD, deps::MACHINE, image::PACKAGES], args.yes)?;
    println!("building the VM image");
    image::run(ImageArgs::default())?;
    println!("building pinnace and its host agent");
    programs::build()?;
    let built = start.elapsed();

    println!("starting the machine");
    shell::run(programs::pinnace().arg("start"))?;
    let ready = Instant::now();
    println!("running a container");
    hello()?;
    let container = ready.elapsed();

    println!();
    shell::run(programs::pinnace().arg("status"))?;
    println!(
        "\nbuild {:.1} s, first container {:.1} s",
        built.as_secs_f64(),
        container.as_secs_f64()
    );
    next_steps(args.headless);
    Ok(())
}

fn hello() -> Result<()> {
    shell::output(programs::pinnace().args(["shell", "--", "sh", "-c", MAKE_HELLO_IMAGE]))
        .context("failed to make the first image")?;
    let mut docker = programs::pinnace();
    docker.args([
        "shell",
        "--",
        "docker",
        "run",
        "--rm",
        HELLO_IMAGE,
        "sh",
        "-c",
        HELLO,
    ]);
    print!("{}", container_output(&mut docker, Duration::from_secs(180))?);
    Ok(())
}

fn container_output(docker: &mut Command, limit: Duration) -> Result<String> {
    let start = Instant::now();
    let text = String::from_utf8_lossy(&shell::output(docker)?).into_owned();
    ensure!(
        start.elapsed() < limit,
        "the container took longer than {limit:?}"
    );
    ensure!(
        text.contains("hello from a container"),
        "the container printed something else: {text}"
    );
    Ok(text)
}

fn next_steps(headless: bool) {
    let pinnace = programs::dir().join("pinnace");
    let pinnace = pinnace.display();
    if !headless {
        println!("(there is no window yet; the desktop app comes later)");
    }
    println!(
        "\nwhat to type next:\n  \
         alias pinnace={pinnace}\n  \
         docker --context pinnace run --rm {HELLO_IMAGE} echo hi\n  \
         eval \"$(pinnace docker-host --shell)\"    # for programs that read DOCKER_HOST\n  \
         pinnace status | logs | shell | doctor\n  \
         pinnace stop"
    );
}
