//! The endpoint under clients and engines that misbehave.

mod crowds;
mod cuts;
mod smuggling;
mod unavailable;

pub use self::crowds::raise_file_limit;
use crate::Case;

/// They need a machine without a VM: what they find out does not depend on it, and they move much.
pub const CASES: &[Case] = &[
    Case {
        name: "requests_that_can_be_read_in_two_ways_are_refused",
        run: smuggling::ambiguous_requests_are_refused,
    },
    Case {
        name: "engine_killed_amid_a_request_is_an_error_and_nothing_is_done_twice",
        run: cuts::engine_killed_amid_a_create,
    },
    Case {
        name: "engine_killed_amid_a_stream_ends_it_as_cut",
        run: cuts::engine_killed_amid_a_stream,
    },
    Case {
        name: "uploads_cut_in_the_middle_leave_nothing_behind",
        run: cuts::uploads_cut_in_the_middle,
    },
    Case {
        name: "hundred_slow_readers_cost_little_and_stall_nobody",
        run: crowds::hundred_slow_readers,
    },
    Case {
        name: "twenty_thousand_idle_clients_cost_little_and_keep_nobody_out",
        run: crowds::idle_clients,
    },
    Case {
        name: "ten_thousand_events_a_second_reach_every_follower",
        run: crowds::flood_of_events,
    },
    Case {
        name: "ping_of_a_stopped_or_paused_machine_says_what_to_do",
        run: unavailable::ping_says_what_to_do,
    },
];
