//! Ports of containers on the host, as a user meets them: `docker run -p`, `pinnace ports`, a client on the host.

pub(super) mod bundle;
pub(super) mod container;
mod crowd;
mod hold;
mod live;
mod memory;
mod networks;
pub(super) mod place;
mod privacy;
pub(super) mod probe;
mod publish;
mod streams;
mod survival;
mod taken;
mod udp;

pub use self::hold::{HOLD, hold};
use crate::Case;

/// What any machine shows, a slow one too.
pub const SHORT_CASES: &[Case] = &[
    Case {
        name: "publish_of_a_port_answers_at_once_and_is_free_after_stop_and_rm",
        run: publish::answers_at_once_and_is_free_afterwards,
    },
    Case {
        name: "publish_without_an_address_is_for_this_host_only",
        run: privacy::open_address_is_localhost,
    },
    Case {
        name: "publish_of_a_taken_port_fails_and_names_the_owner",
        run: taken::run_fails_and_names_the_owner,
    },
    Case {
        name: "name_server_in_a_container_answers_over_udp_and_tcp",
        run: udp::name_server_answers,
    },
    Case {
        name: "answer_after_the_end_of_the_request_arrives_whole",
        run: streams::half_close,
    },
    Case {
        name: "forwards_outlast_a_pause_of_the_machine",
        run: survival::pause_and_resume,
    },
    Case {
        name: "forwards_outlast_a_kill_of_the_host_agent",
        run: survival::kill_of_the_host_agent,
    },
    Case {
        name: "listener_on_the_host_network_appears_and_goes",
        run: networks::host_network,
    },
    Case {
        name: "service_that_publishes_a_port_answers",
        run: networks::swarm_service,
    },
    Case {
        name: "live_port_is_opened_moved_and_closed",
        run: live::opened_moved_and_closed,
    },
    Case {
        name: "host_docker_internal_is_known_in_a_container",
        run: networks::host_is_known,
    },
];

/// What only a VM can show: without one nothing in the machine reaches the host.
pub const VM_CASES: &[Case] = &[Case {
    name: "host_docker_internal_reaches_a_server_on_the_hosts_localhost",
    run: networks::host_is_reached,
}];

/// What would take long in an emulated machine and shows no more there.
pub const LONG_CASES: &[Case] = &[
    Case {
        name: "publish_with_an_address_is_bound_exactly_there",
        run: privacy::written_address_is_bound,
    },
    Case {
        name: "publish_of_a_privileged_port_answers",
        run: publish::privileged_port,
    },
    Case {
        name: "publish_of_all_exposed_ports_picks_free_ones",
        run: publish::all_exposed_ports,
    },
    Case {
        name: "publish_of_a_thousand_ports_opens_each",
        run: publish::thousand_ports,
    },
    Case {
        name: "publish_of_a_port_of_another_container_is_refused",
        run: taken::other_container_has_it,
    },
    Case {
        name: "abort_on_either_side_is_an_abort_on_the_other",
        run: streams::aborts,
    },
    Case {
        name: "port_that_nobody_serves_is_no_clean_end",
        run: streams::nobody_serves,
    },
    Case {
        name: "readers_that_do_not_read_cost_no_memory",
        run: streams::back_pressure,
    },
    Case {
        name: "small_requests_beside_a_bulk_transfer_are_answered",
        run: streams::small_beside_bulk,
    },
    Case {
        name: "ten_thousand_idle_connections_live_and_cost_little",
        run: crowd::idle_connections,
    },
    Case {
        name: "name_server_with_many_clients_answers_each",
        run: udp::many_clients,
    },
    Case {
        name: "live_port_reaches_a_server_on_the_containers_localhost",
        run: live::containers_localhost,
    },
    Case {
        name: "live_port_outlasts_a_restart_and_goes_with_its_container",
        run: live::life_of_its_container,
    },
    Case {
        name: "published_port_is_moved_and_comes_back",
        run: live::published_port_moves,
    },
    Case {
        name: "forwards_outlast_a_kill_of_dockerd",
        run: survival::kill_of_dockerd,
    },
    Case {
        name: "forwards_go_and_come_with_the_machine",
        run: survival::stop_and_start,
    },
    Case {
        name: "port_taken_while_the_machine_was_down_is_told_and_opens_when_free",
        run: taken::taken_while_down,
    },
    Case {
        name: "setting_open_on_all_opens_ports_to_the_network",
        run: privacy::open_on_all,
    },
];
