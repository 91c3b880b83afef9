//! The `pinnace` program as a user meets it: run as a process, against a host agent that a test scripts.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends with a panic")]

mod container;
mod container_logs;
mod containers;
mod engine;
mod events;
mod home;
mod host_agent;
mod images;
mod inspect;
mod logs;
mod offline;
mod ports;
mod reset;
mod run_container;
mod share;
mod shell;
mod start;
mod stats;
mod status;
mod stop;
mod sys;
