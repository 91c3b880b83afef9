//! The size of this host.

/// What this host has to give.
#[derive(Clone, Copy, Debug)]
pub struct HostSize {
    /// Logical CPUs.
    pub cpus: u32,
    /// Memory in MiB.
    pub memory_mib: u64,
}

impl HostSize {
    /// Asks the operating system.
    pub fn probe() -> Self {
        let cpus = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let memory = sysinfo::MemoryRefreshKind::nothing().with_ram();
        let system = sysinfo::System::new_with_specifics(sysinfo::RefreshKind::nothing().with_memory(memory));
        // Of a host that does not tell, little is taken.
        let bytes = system.map_or(2 * 1024 * 1024 * 1024, |system| system.total_memory());
        Self {
            cpus: u32::try_from(cpus).unwrap_or(u32::MAX),
            memory_mib: bytes / (1024 * 1024),
        }
    }
}
