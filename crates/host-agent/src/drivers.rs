//! The one ordered list of drivers. The only place of the host agent that knows them, and that holds an OS `cfg`.

use std::{path::Path, sync::Arc};

use machine::Driver;

/// The names that the setting `driver` may have on this host.
#[cfg(target_os = "linux")]
pub const NAMES: &[&str] = &["qemu", "fake"];
/// The names that the setting `driver` may have on this host.
#[cfg(not(target_os = "linux"))]
pub const NAMES: &[&str] = &["qemu"];

/// Makes the drivers of this host, the recommended one first.
pub fn drivers(cache: &Path) -> Vec<Arc<dyn Driver>> {
    vec![
        Arc::new(driver_qemu::QemuDriver::new(driver_qemu::QemuConfig {
            cache_dir: cache.to_owned(),
            program: None,
            generation: protocol::GENERATION,
        })),
        #[cfg(target_os = "linux")]
        Arc::new(driver_fake::FakeDriver::new(driver_fake::FakeConfig {
            guest_agent: guest_agent_program(),
            generation: protocol::GENERATION,
        })),
    ]
}

/// The guest agent as a program of this host: the one beside us, unless a test says otherwise.
#[cfg(target_os = "linux")]
fn guest_agent_program() -> std::path::PathBuf {
    const NAME: &str = "pinnace-guest-agent";
    std::env::var_os("PINNACE_GUEST_AGENT").map_or_else(
        || std::env::current_exe().unwrap_or_default().with_file_name(NAME),
        std::path::PathBuf::from,
    )
}
