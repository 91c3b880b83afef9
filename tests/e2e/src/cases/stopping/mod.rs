//! Stopping a container always works: the stock docker CLI and `pinnace` on terminals, and what is told about it.

mod bed;
mod cell;
mod doctor;
mod done_when;
mod facts;
mod interpreters;
mod matrix;
mod pinnace_run;
mod sharing;
mod table;
mod why;

use std::time::Duration;

use anyhow::Result;

use self::cell::Cell;
use crate::{Case, Door, Machine};

/// Settings of a machine for [`cases`]: programs that hear Ctrl+C and go on are not waited for as long as usual.
pub const SETTINGS: &str = "[guard]\ninterrupt_wait_s = 3\n";
/// The guard's wait by default, and with [`SETTINGS`].
const DEFAULT_INTERRUPT_WAIT: Duration = Duration::from_secs(10);
const SHORT_INTERRUPT_WAIT: Duration = Duration::from_secs(3);

/// The cases of any machine.
pub const SHORT_CASES: &[Case] = &[
    Case {
        name: "clients_of_each_kind_stop_what_they_own_in_short",
        run: short_matrix,
    },
    Case {
        name: "why_of_a_container_that_ran_out_of_memory_names_it",
        run: why::want_of_memory_is_named,
    },
];

/// The cases of a machine without a VM that has [`SETTINGS`].
pub fn cases() -> Vec<Case> {
    [DOCKER_CASES, pinnace_run::CASES, TOLD_CASES].concat()
}

const DOCKER_CASES: &[Case] = &[
    Case {
        name: "run_of_sleep_interrupted_once_stops_within_seconds",
        run: done_when::one_ctrl_c_stops_sleep,
    },
    Case {
        name: "run_whose_client_is_killed_stops",
        run: done_when::kill_of_the_client_stops,
    },
    Case {
        name: "run_that_is_detached_from_goes_on",
        run: done_when::detach_leaves_it_running,
    },
    Case {
        name: "run_with_piped_input_prints_it_and_ends",
        run: done_when::piped_input_is_printed,
    },
    Case {
        name: "clients_of_each_kind_stop_what_they_own",
        run: whole_matrix,
    },
    Case {
        name: "clients_that_the_guard_leaves_alone_do_as_with_dockerd_itself",
        run: stock_matrix,
    },
    Case {
        name: "container_with_two_attachments_survives_one_clients_end",
        run: sharing::second_attachment_keeps_it,
    },
    Case {
        name: "container_that_is_attached_to_during_the_grace_goes_on",
        run: sharing::attachment_during_the_grace_keeps_it,
    },
    Case {
        name: "pause_of_the_machine_is_no_end_of_a_client",
        run: sharing::pause_is_no_end_of_a_client,
    },
];

const TOLD_CASES: &[Case] = &[
    Case {
        name: "ps_of_each_pid_1_says_which_signals_it_really_ignores",
        run: doctor::doctor_is_right,
    },
    Case {
        name: "why_of_a_stopped_container_names_the_reason",
        run: why::why_names_the_reason,
    },
];

fn short_matrix(machine: &Machine) -> Result<()> {
    matrix::run(machine, &Door::Endpoint, table::SHORT, DEFAULT_INTERRUPT_WAIT)
}

fn whole_matrix(machine: &Machine) -> Result<()> {
    let cells = [table::SHORT, table::LONG].concat();
    matrix::run(machine, &Door::Endpoint, &cells, SHORT_INTERRUPT_WAIT)
}

fn stock_matrix(machine: &Machine) -> Result<()> {
    let mut cells: Vec<Cell> = [table::SHORT, table::LONG].concat();
    cells.retain(|cell| cell.rule == table::STOCK);
    matrix::run(machine, &machine.dockerd_door()?, &cells, Duration::ZERO)
}
