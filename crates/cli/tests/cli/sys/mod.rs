//! Tests that need what only some hosts have.

#[cfg(unix)]
mod autostart;
#[cfg(unix)]
mod interrupt;
#[cfg(unix)]
mod registry_login;
#[cfg(unix)]
mod run_container;
#[cfg(unix)]
mod terminal;
#[cfg(unix)]
mod terminal_output;
