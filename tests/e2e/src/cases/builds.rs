//! `docker build` with BuildKit.

use anyhow::{Result, ensure};

use crate::{Case, IMAGE, Machine};

pub const CASES: &[Case] = &[
    Case {
        name: "build_from_a_context_runs_what_was_built",
        run: build_runs_what_was_built,
    },
    Case {
        name: "build_of_a_failing_step_fails_naming_it",
        run: build_of_a_failing_step_fails,
    },
];

fn build_runs_what_was_built(machine: &Machine) -> Result<()> {
    let folder = machine.home.path().join("build");
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join("greeting"), "from the context\n")?;
    let recipe = format!(
        "FROM {IMAGE}\nCOPY greeting /greeting\nRUN cat /greeting >/copied && echo built >>/copied\nCMD [\"cat\", \"/copied\"]\n"
    );
    std::fs::write(folder.join("Dockerfile"), recipe)?;
    let build = machine
        .docker
        .run(["build", "--progress", "plain", "-t", "built", "."])
        .in_folder(&folder);
    build.run()?.success()?;
    let text = machine.docker.run(["run", "--rm", "built"]).text()?;
    machine.docker.run(["rmi", "built"]).text()?;
    ensure!(text == "from the context\nbuilt", "it printed {text}");
    Ok(())
}

fn build_of_a_failing_step_fails(machine: &Machine) -> Result<()> {
    let recipe = format!("FROM {IMAGE}\nRUN echo reason to fail; exit 3\n");
    let build = machine
        .docker
        .run(["build", "--progress", "plain", "-"])
        .input(recipe);
    build.run()?.fails_naming(&["exit code: 3"])?;
    Ok(())
}
