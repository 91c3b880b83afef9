//! The endpoint beside dockerd's own socket: the same clients, the same questions, the same answers.
//!
//! A script runs twice, once through each door, and leaves the engine as it was. What it takes down must be equal, apart
//! from ids and times.

mod bollard;
mod builds;
mod compose;
mod dockerode;
mod reads;
mod streams;
mod transcript;
mod writes;

use anyhow::{Context, Result};

use self::transcript::{Transcript, ensure_equal};
use crate::{Case, Door, Machine};

pub const CASES: &[Case] = &[
    Case {
        name: "questions_of_every_kind_have_dockerds_own_answers",
        run: |machine| same(machine, reads::script),
    },
    Case {
        name: "containers_made_and_changed_have_dockerds_own_answers",
        run: |machine| same(machine, writes::containers),
    },
    Case {
        name: "images_loaded_imported_and_committed_have_dockerds_own_answers",
        run: |machine| same(machine, writes::images),
    },
    Case {
        name: "events_volumes_and_networks_have_dockerds_own_answers",
        run: |machine| same(machine, writes::others),
    },
    Case {
        name: "attach_exec_and_terminals_have_dockerds_own_answers",
        run: |machine| same(machine, streams::script),
    },
    Case {
        name: "builds_with_buildkit_and_without_have_dockerds_own_answers",
        run: |machine| same(machine, builds::script),
    },
    Case {
        name: "build_with_a_context_of_200_mb_has_every_byte",
        run: |machine| same(machine, builds::large_context),
    },
    Case {
        name: "compose_up_and_down_have_dockerds_own_answers",
        run: |machine| same(machine, compose::script),
    },
    Case {
        name: "dockerode_has_dockerds_own_answers",
        run: dockerode::has_the_same_answers,
    },
    Case {
        name: "bollard_has_dockerds_own_answers",
        run: bollard::has_the_same_answers,
    },
];

type Script = fn(&mut Transcript<'_>) -> Result<()>;

fn same(machine: &Machine, script: Script) -> Result<()> {
    let run = |door: &Door| {
        let mut transcript = Transcript::new(machine, door);
        script(&mut transcript).with_context(|| format!("through {}", door.name()))?;
        anyhow::Ok(transcript.finish())
    };
    let direct = run(&machine.dockerd_door()?)?;
    let through = run(&Door::Endpoint)?;
    ensure_equal(&direct, &through)
}
