//! Folders of the host in containers, as a user meets them: `docker run -v`, `pinnace share`, an editor on the host.
//!
//! ```text
//!   <home of the machine>/user/…        the user's home, which is shared
//!   <home of the machine>/elsewhere/…   in no share, until a case adds it
//! ```

mod both_sides;
mod edits;
mod faults;
mod folder;
mod hidden;
mod inside;
mod page;
mod sharing;
mod sight;
mod survival;
mod watching;
mod ways;

pub use self::inside::run as run_inside;
use crate::Case;

/// Lines of the settings for a machine that has the user's home.
pub const SETTINGS: &str = "[shares]\nhome = true\nhide = [\"Private/notes\"]\n";
/// Below the home: what these settings hide.
const HIDDEN_BY_SETTINGS: &str = "Private/notes";

/// What any machine shows, a slow one too.
pub const SHORT_CASES: &[Case] = &[
    Case {
        name: "folder_of_the_home_in_a_container_is_one_folder_on_both_sides",
        run: both_sides::one_folder,
    },
    Case {
        name: "file_operations_of_programs_do_what_they_do_on_a_disk",
        run: both_sides::file_operations,
    },
    Case {
        name: "edits_on_the_host_are_seen_though_they_were_cached",
        run: edits::seen_after_they_were_cached,
    },
    Case {
        name: "changes_on_the_host_are_told_to_programs_that_watch",
        run: watching::changes_of_the_host_are_told,
    },
    Case {
        name: "folder_of_no_share_is_refused_until_it_is_added",
        run: sharing::refused_until_it_is_added,
    },
    Case {
        name: "page_that_is_served_from_the_home_changes_with_an_edit",
        run: page::served_page_is_edited,
    },
    Case {
        name: "files_outlast_a_pause_of_the_machine",
        run: survival::pause_and_resume,
    },
    Case {
        name: "container_that_the_engine_starts_finds_its_files",
        run: survival::restart_policy_finds_its_files,
    },
];

/// What would take long in an emulated machine and shows no more there.
pub const LONG_CASES: &[Case] = &[
    Case {
        name: "owners_and_modes_of_a_container_are_kept_and_end_at_the_share",
        run: both_sides::owners_and_modes,
    },
    Case {
        name: "links_are_kept_and_lead_nowhere_out_of_the_share",
        run: both_sides::links,
    },
    Case {
        name: "lock_of_one_side_keeps_the_other_out",
        run: both_sides::locks,
    },
    Case {
        name: "every_flag_of_run_that_mounts_a_folder_finds_it",
        run: ways::flags_of_run,
    },
    Case {
        name: "read_only_and_nested_mounts_are_what_they_say",
        run: ways::read_only_and_nested,
    },
    Case {
        name: "folder_that_is_not_there_is_made_or_refused_as_docker_does",
        run: ways::folder_that_is_not_there,
    },
    Case {
        name: "volumes_compose_and_services_mount_folders_of_the_host",
        run: ways::volumes_compose_and_services,
    },
    Case {
        name: "share_in_use_is_removed_by_force_only_and_its_container_lives",
        run: sharing::removed_while_it_is_used,
    },
    Case {
        name: "read_only_share_refuses_every_change_until_it_is_none",
        run: sharing::read_only_share,
    },
    Case {
        name: "home_that_is_shared_no_longer_stays_so_until_it_is_added",
        run: sharing::home_is_removed_and_added,
    },
    Case {
        name: "what_cannot_be_shared_is_refused_by_name",
        run: sharing::what_cannot_be_shared,
    },
    Case {
        name: "secrets_of_the_home_are_not_there_for_containers",
        run: hidden::secrets_of_the_home,
    },
    Case {
        name: "mount_of_a_hidden_folder_is_refused_until_it_is_shared_on_purpose",
        run: hidden::mount_of_a_hidden_folder,
    },
    Case {
        name: "own_folders_of_pinnace_are_in_no_share",
        run: hidden::own_folders,
    },
    Case {
        name: "two_thousand_quick_edits_end_up_right",
        run: edits::many_at_once,
    },
    Case {
        name: "changes_of_a_container_are_told_once",
        run: watching::own_changes_are_told_once,
    },
    Case {
        name: "share_replaced_by_a_link_never_shows_where_it_leads",
        run: faults::share_is_replaced_by_a_link,
    },
    Case {
        name: "share_that_was_deleted_comes_back_when_it_is_made_anew",
        run: faults::share_is_deleted,
    },
    Case {
        name: "mounted_folder_that_is_replaced_is_never_another_one",
        run: faults::mounted_folder_is_replaced,
    },
    Case {
        name: "full_disk_of_the_host_is_no_space_in_the_container",
        run: faults::disk_is_full,
    },
    Case {
        name: "files_outlast_a_kill_of_dockerd",
        run: survival::kill_of_dockerd,
    },
    Case {
        name: "host_agent_that_stands_still_costs_a_container_errors_at_most",
        run: survival::host_agent_stands_still,
    },
    Case {
        name: "files_outlast_kills_of_the_host_agent",
        run: survival::kill_of_the_host_agent,
    },
    Case {
        name: "browser_shows_what_is_edited_in_the_home",
        run: page::browser_shows_the_edit,
    },
];
